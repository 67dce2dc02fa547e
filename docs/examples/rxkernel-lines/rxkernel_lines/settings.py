"""The settings of the bundle; they can be injected."""

import attrs
from rxkernel import COUNT, SECONDS, SIZE, TEXT


@attrs.frozen(kw_only=True)
class LinesSettings:
    """The section ``[lines]`` of ``rxkernel.toml``."""

    host: str = attrs.field(default="127.0.0.1", validator=TEXT)
    """Address to listen on."""

    port: int = attrs.field(default=7000, validator=attrs.validators.in_(range(65536)))
    """TCP port; 0 is a free one."""

    modules: tuple[str, ...] = ()
    """Modules whose ``async def`` functions are published as procedures."""

    max_connections: int = attrs.field(default=1000, validator=COUNT)
    """Most clients at a time; a further one gets 503."""

    max_line: int = attrs.field(default=65536, validator=SIZE)
    """Longest line in bytes; a client that sends a longer one gets 413 and is closed."""

    concurrency: int = attrs.field(default=16, validator=COUNT)
    """Calls of one client that run at a time; it is not read meanwhile."""

    idle_timeout: float = attrs.field(default=60.0, validator=SECONDS)
    """Seconds within which the next line must have come."""

    send_timeout: float = attrs.field(default=10.0, validator=SECONDS)
    """Seconds within which a client must take a response."""
