"""The settings of the bundle."""

import re
from pathlib import Path
from typing import Any, Literal

import attrs

from rxkernel import COUNT, SECONDS, SIZE
from rxkernel.settings import FILE

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def _check_cookie(instance: object, attribute: "attrs.Attribute[Any]", value: str) -> None:
    if not _TOKEN.fullmatch(value):
        raise ValueError(
            f"cookie is {value!r}; a name of a cookie has only letters, digits and "
            f"!#$%&'*+.^_`|~-, such as 'sid'"
        )


@attrs.frozen(kw_only=True)
class SessionsSettings:
    """The section ``[sessions]`` of ``rxkernel.toml``."""

    store: Literal["memory", "sqlite", "redis", "database"] = attrs.field(
        default="memory", validator=attrs.validators.in_(("memory", "sqlite", "redis", "database"))
    )
    """Where sessions are: in this process, in a file for all processes of a machine, in Redis, or
    in the database of the bundle resources."""

    file: Path = attrs.field(
        default=Path("var/sessions.sqlite3"), validator=FILE, metadata={"per_application": True}
    )
    """The file of the store ``sqlite``; it is created with mode 600."""

    cookie: str = attrs.field(default="sid", validator=_check_cookie)
    """Name of the cookie. Browsers accept ``__Host-sid`` over TLS only, and never from a
    subdomain."""

    persistent: bool = False
    """Whether the browser keeps the cookie when it is closed, until `lifetime` ends ("remember
    me")."""

    idle_timeout: float = attrs.field(default=3600.0, validator=SECONDS)
    """Seconds without a message that uses the session, after which it ends."""

    lifetime: float = attrs.field(default=604800.0, validator=SECONDS)
    """Seconds after its start, or its login, when a session ends in any case."""

    max_size: int = attrs.field(default=16384, validator=SIZE)
    """Most bytes of the names and values of one session, as JSON."""

    max_per_user: int = attrs.field(default=20, validator=COUNT)
    """Most sessions of one user; a further login ends the oldest one."""

    max_per_address: int = attrs.field(default=1000, validator=COUNT)
    """Most sessions of clients of one address, or of the /64 of an IPv6 address; a further start
    is a 429."""

    max_sessions: int = attrs.field(default=10000, validator=COUNT)
    """Most sessions in the store ``memory``; a further start is a 503."""
