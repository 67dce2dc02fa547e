"""The settings of channels."""

from typing import Literal

import attrs

from rxkernel import COUNT, COUNT_OR_0, SECONDS, SECONDS_OR_0, SIZE, SIZE_OR_0


@attrs.frozen(kw_only=True)
class ChannelSettings:
    """The section ``[web.channels]`` of ``rxkernel.toml``. Times are seconds, sizes bytes."""

    store: Literal["memory", "redis"] = attrs.field(
        default="memory", validator=attrs.validators.in_(("memory", "redis"))
    )
    """Where events are kept: in this process, or in Redis. With Redis the subscribers of all
    processes get them, and may reconnect to another process."""

    max_stored: int = attrs.field(default=100_000, validator=COUNT)
    """Most events of all channels that Redis keeps, for processes that start or reconnect."""

    max_stored_size: int = attrs.field(default=67_108_864, validator=SIZE)
    """Most bytes of these events."""

    retry: float = attrs.field(default=2.0, validator=SECONDS_OR_0)
    """Seconds after which a browser that lost its event stream reconnects."""

    heartbeat_interval: float = attrs.field(default=10.0, validator=SECONDS)
    """Seconds of silence after which an event stream is sent a comment."""

    replay_events: int = attrs.field(default=1_000, validator=COUNT_OR_0)
    """Most events of a channel that are kept for clients that reconnect; 0: none."""

    replay_size: int = attrs.field(default=1_000_000, validator=SIZE_OR_0)
    """Most bytes of the kept events of a channel."""

    replay_age: float = attrs.field(default=300.0, validator=SECONDS_OR_0)
    """Seconds for which an event is kept."""

    max_channels: int = attrs.field(default=100, validator=COUNT)
    """Most channels of one client; subscribing to more fails with 429."""

    max_waiting: int = attrs.field(default=1_000, validator=COUNT)
    """Most events that wait for a client that reads slowly; above it the client is
    disconnected."""

    max_waiting_size: int = attrs.field(default=1_000_000, validator=SIZE)
    """Most bytes of the events that wait for a client; above it the client is disconnected. A
    single event may be larger."""
