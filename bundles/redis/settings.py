"""The settings of the bundle."""

import re
from urllib.parse import parse_qsl, urlsplit

import attrs
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import parse_url
from redis.exceptions import RedisError

from rxkernel import COUNT, SECONDS, Allowed

_DATABASE = re.compile(r"(/[0-9]{0,9})?")
_OPTION = re.compile(r"db|client_name|ssl_[a-z_]+")


def _is_url(value: str) -> bool:
    """Whether redis-py uses all of *value*. It would use database 0 for ``/shop`` and 12 for
    ``/1/2``, and ignore port 0, a fragment, an empty option, and the host of ``unix://``."""
    try:
        parts = urlsplit(value)
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        # Only the constructor of a connection checks the names and the values of options.
        ConnectionPool(**parse_url(value)).make_connection()  # type: ignore[no-untyped-call]
    except (AttributeError, TypeError, ValueError, RedisError):
        return False
    names = [name for name, _ in options]
    if parts.scheme == "unix":
        is_place = bool(parts.path) and parts.hostname is None
    else:
        database = parts.path.removeprefix("/")
        is_place = _DATABASE.fullmatch(parts.path) is not None and parts.port != 0
        is_place = is_place and not (database and "db" in names)
    is_option = len(names) == len(set(names)) and all(
        _OPTION.fullmatch(name) and text and (name != "db" or _is_number(text))
        for name, text in options
    )
    return is_place and is_option and "#" not in value


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


_URL = Allowed(
    "redis://host:port/database, rediss://… (TLS) or unix:///path?db=database, where the database "
    "is a number; other options are client_name and, for TLS, those that begin with ssl_, each "
    "with a value; write %23, %2F, %3F and %40 for '#', '/', '?' and '@' in a password",
    (str,),
    _is_url,
)


_REJECTED = r"\s\x00-\x1f\x7f{}*>"


def _is_prefix(value: str) -> bool:
    """Whether *value* can begin a key, and a channel, whose parts between dots are not empty."""
    is_text = re.fullmatch(f"[^{_REJECTED}]{{0,200}}", value) is not None
    return is_text and not value.startswith(".") and ".." not in value


_PREFIX = Allowed(
    "a text of at most 200 characters, without spaces, control characters, '{', '}', '*', '>' "
    "and '..', and without '.' at its begin",
    (str,),
    _is_prefix,
)
"""Keys have braces of their own, which put them into one slot of a cluster."""


def _prefix_of(default: str, application: str) -> str:
    text = re.sub(f"[{_REJECTED}]", "_", application[-199:])
    return re.sub(r"^\.|\.(?=\.)", "_", text) + ":"


@attrs.frozen(kw_only=True)
class RedisSettings:
    """The section ``[redis]`` of ``rxkernel.toml``."""

    url: str = attrs.field(
        default="redis://127.0.0.1:6379/0",
        validator=_URL,
        repr=False,
        metadata={"secret": True},
    )
    """With user and password if Redis requires them: ``redis://user:password@host:6379/0``."""

    prefix: str = attrs.field(
        default="", validator=_PREFIX, metadata={"per_application": _prefix_of}
    )
    """Begins the names of all keys and channels of bundles, such as ``shop:``. Applications with
    the same one share sessions, tasks, events and all else that they have in one Redis."""

    pool_size: int = attrs.field(default=20, validator=COUNT)
    """Most connections of this process. A command waits for a free one."""

    connect_timeout: float = attrs.field(default=2.0, validator=SECONDS)
    """Seconds within which a connection must be established."""

    command_timeout: float = attrs.field(default=2.0, validator=SECONDS)
    """Seconds within which Redis must reply, and a connection of the pool must become free."""

    def key(self, name: str) -> str:
        """The key or channel *name* of this application. Each one of a bundle is made by it, but
        for the topics of the bundle gateway, which are those of Moleculer."""
        return f"{self.prefix}{name}"
