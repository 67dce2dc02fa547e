"""The settings of the bundle."""

import attrs
from redis.asyncio.connection import parse_url

from rxkernel import Allowed


def _is_url(value: str) -> bool:
    try:
        parse_url(value)
    except (AttributeError, TypeError, ValueError):
        return False
    return True


_URL = Allowed("redis://host:port/database, rediss://… (TLS) or unix:///path", (str,), _is_url)


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

    pool_size: int = attrs.field(default=20, validator=attrs.validators.ge(1))
    """Most connections of this process. A command waits for a free one."""

    connect_timeout: float = attrs.field(default=2.0, validator=attrs.validators.gt(0))
    """Seconds within which a connection must be established."""

    command_timeout: float = attrs.field(default=2.0, validator=attrs.validators.gt(0))
    """Seconds within which Redis must reply, and a connection of the pool must become free."""
