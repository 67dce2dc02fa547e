"""The settings of the bundle; they can be injected."""

import attrs


@attrs.frozen(kw_only=True)
class LinesSettings:
    """The section ``[lines]`` of ``rxkernel.toml``."""

    host: str = "127.0.0.1"
    """Address to listen on."""

    port: int = attrs.field(default=7000, validator=attrs.validators.in_(range(65536)))
    """TCP port; 0 is a free one."""

    modules: tuple[str, ...] = ()
    """Modules whose ``async def`` functions are published as procedures."""

    max_connections: int = 1000
    """Most clients at a time; one more is answered 503."""

    max_line: int = 65536
    """Longest line in bytes; a client that sends a longer one is answered 413 and closed."""

    concurrency: int = 16
    """Calls of one client that run at a time; it is not read meanwhile."""

    idle_timeout: float = 60.0
    """Seconds within which the next line must have come."""

    send_timeout: float = 10.0
    """Seconds within which a client must take a response."""
