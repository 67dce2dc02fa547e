"""The section ``[web.proxy]`` of the settings."""

import attrs

from rxkernel import COUNT, SECONDS


@attrs.frozen(kw_only=True)
class ProxySettings:
    """The section ``[web.proxy]`` of ``rxkernel.toml``."""

    connect_timeout: float = attrs.field(default=5.0, validator=SECONDS)
    """Seconds in which a connection to another server must be established, or become free."""

    head_timeout: float = attrs.field(default=60.0, validator=SECONDS)
    """Seconds between the end of a request and the head of its response."""

    idle_timeout: float = attrs.field(default=60.0, validator=SECONDS)
    """Most seconds without data in the body of a response, and until another server accepts a
    piece of the body of a request."""

    connections: int = attrs.field(default=100, validator=COUNT)
    """Most connections to one other server at a time; WebSockets are counted separately."""

    max_connections: int = attrs.field(default=1000, validator=COUNT)
    """Most connections to all other servers at a time; WebSockets, and URLs that come from input,
    are counted separately."""
