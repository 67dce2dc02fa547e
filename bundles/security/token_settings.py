"""The settings of passwords, tokens, throttling and routes: groups of ``[security]``."""

from pathlib import Path
from types import NoneType
from typing import Literal

import attrs
from attrs.validators import in_, instance_of

from rxkernel import COUNT, COUNT_OR_0, SECONDS, Allowed, seconds_between, whole_number
from rxkernel.settings import FILE

_FILES = instance_of(tuple)

SECRET_BYTES = 32
"""Shortest secret for HS256 (RFC 7518 §3.2)."""


_SECRET = Allowed(
    f"a text of {SECRET_BYTES} bytes or more; create one with "
    f"`python -c 'import secrets; print(secrets.token_urlsafe(32))'`",
    (str, NoneType),
    lambda value: value is None or len(value.encode()) >= SECRET_BYTES,
)


@attrs.frozen(kw_only=True)
class PasswordSettings:
    """``[security.passwords]``: the cost of Argon2id, and its threads.

    The default cost is more than the recommendation of OWASP. Stored hashes of another cost are
    verified, and replaced at the next login.
    """

    memory: int = attrs.field(default=65_536, validator=whole_number(8, unit="KiB"))
    """Memory of one hash, in KiB."""

    iterations: int = attrs.field(default=2, validator=COUNT)
    """Passes over the memory."""

    threads: int = attrs.field(default=2, validator=COUNT)
    """Most hashes that are computed at the same time; others wait."""

    max_waiting: int = attrs.field(default=100, validator=COUNT_OR_0)
    """Most logins, and most hashes, that wait; a further one is a 503 with ``Retry-After``. The
    clients of one address may hold half of it."""

    timeout: float = attrs.field(default=10.0, validator=SECONDS)
    """Seconds within which a login must end after it has waited; otherwise it is a 503. Without
    this limit, a user provider that does not respond would block all other logins."""


@attrs.frozen(kw_only=True)
class TokenSettings:
    """``[security.tokens]``: access tokens, refresh tokens and their keys."""

    secret: str | None = attrs.field(
        default=None, repr=False, validator=_SECRET, metadata={"secret": True}
    )
    """Signs access tokens with HS256. Prefer a file: ``RXKERNEL_SECURITY_TOKENS_SECRET_FILE``."""

    keys: tuple[Path, ...] = attrs.field(default=(), validator=_FILES)
    """PEM and JWKS files. The first private or secret key signs; all keys verify."""

    key_file: Path = attrs.field(
        default=Path("var/security-keys.json"), validator=FILE, metadata={"per_application": True}
    )
    """The file in which a key is created at the first start, without *secret* and *keys*."""

    issuer: str | None = None
    """``iss`` of access tokens; tokens of another issuer are refused."""

    audience: str | None = None
    """``aud`` of access tokens; tokens for another audience are refused."""

    ttl: float = attrs.field(default=300.0, validator=SECONDS)
    """Lifetime of an access token, in seconds."""

    leeway: float = attrs.field(default=5.0, validator=seconds_between(0, 60))
    """Seconds by which clocks of servers may differ; at most 60."""

    max_cached: int = attrs.field(default=10_000, validator=COUNT_OR_0)
    """Most verified access tokens that are kept, so that the next request is fast."""

    refresh_ttl: float = attrs.field(default=86_400.0, validator=SECONDS)
    """Seconds after which a refresh token that was not used has expired."""

    refresh_max_age: float = attrs.field(default=2_592_000.0, validator=SECONDS)
    """Seconds after the login at which its refresh tokens end, used or not."""

    reuse_grace: float = attrs.field(default=10.0, validator=seconds_between(0, 60))
    """Seconds after its first use in which a refresh token may be used again, by a second tab for
    example; a later use ends the login. 0 allows no second use."""

    store: Literal["memory", "sqlite", "redis", "database"] = attrs.field(
        default="memory", validator=in_(("memory", "sqlite", "redis", "database"))
    )
    """Where refresh tokens and revocations are kept: in the ``memory`` of one process, in a file
    of ``sqlite``, in ``redis`` with the bundle of that name, or in the ``database`` of the bundle
    resources."""

    store_file: Path = attrs.field(
        default=Path("var/security.sqlite3"), validator=FILE, metadata={"per_application": True}
    )
    """The file of the store ``sqlite``; it is created with mode 600."""

    max_stored: int = attrs.field(default=100_000, validator=COUNT)
    """Most refresh tokens in the store ``memory``. Above it, tokens of the user with the most
    tokens are dropped, used ones first."""


@attrs.frozen(kw_only=True)
class ThrottlingSettings:
    """``[security.throttling]``: failed logins within *window* seconds after which the next one is
    a 429.

    Attempts become free again one by one, evenly over the window.
    """

    window: float = attrs.field(default=300.0, validator=SECONDS)

    attempts: int = attrs.field(default=5, validator=COUNT)
    """For one account from one address."""

    address_attempts: int = attrs.field(default=50, validator=COUNT)
    """From one address, for all accounts."""

    account_attempts: int = attrs.field(default=100, validator=COUNT)
    """For one account from all addresses from which its user has never logged in."""

    max_tracked: int = attrs.field(default=20_000, validator=COUNT)
    """Most accounts, addresses and pairs of them in memory, each; the oldest are dropped."""


@attrs.frozen(kw_only=True)
class RouteSettings:
    """``[security.routes]``: which routes are served, with POST below ``/security``."""

    login: bool = True
    refresh_token: bool = True
    logout: bool = True
