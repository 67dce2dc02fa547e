"""The settings of the bundle."""

from typing import Any

import attrs
from redis.asyncio.connection import parse_url

_FORMS = "redis://host:port/database, rediss://… (TLS) or unix:///path"


def _check_url(instance: object, attribute: "attrs.Attribute[Any]", value: str) -> None:
    """The error does not quote the URL, which may have a password."""
    try:
        parse_url(value)
    except (AttributeError, TypeError, ValueError):
        raise ValueError(f"url must be {_FORMS}") from None


@attrs.frozen(kw_only=True)
class RedisSettings:
    """The section ``[redis]`` of ``rxkernel.toml``."""

    url: str = attrs.field(default="redis://127.0.0.1:6379/0", validator=_check_url, repr=False)
    """With user and password if Redis requires them: ``redis://user:password@host:6379/0``."""

    pool_size: int = attrs.field(default=20, validator=attrs.validators.ge(1))
    """Most connections of this process. A command waits for a free one."""

    connect_timeout: float = attrs.field(default=2.0, validator=attrs.validators.gt(0))
    """Seconds within which a connection must be established."""

    command_timeout: float = attrs.field(default=2.0, validator=attrs.validators.gt(0))
    """Seconds within which Redis must reply, and a connection of the pool must become free."""
