"""The settings of channels."""

from typing import Literal

import attrs

from rxkernel import Allowed

_NUMBER = Allowed("a whole number of at least 0", (int,), lambda value: value >= 0)
_POSITIVE = Allowed("a whole number greater than 0", (int,), lambda value: value > 0)
_SECONDS = Allowed("seconds, at least 0", (int, float), lambda value: 0 <= value < 1e9)
_INTERVAL = Allowed("seconds, greater than 0", (int, float), lambda value: 0 < value < 1e9)


@attrs.frozen(kw_only=True)
class ChannelSettings:
    """The section ``[web.channels]`` of ``rxkernel.toml``. Times are seconds, sizes bytes."""

    store: Literal["memory", "redis"] = attrs.field(
        default="memory", validator=attrs.validators.in_(("memory", "redis"))
    )
    """Where events are: in this process, or in Redis, so that the subscribers of all processes get
    them, and may connect to another process afterwards."""

    prefix: str = attrs.field(default="rxkernel:channels", validator=attrs.validators.min_len(1))
    """The first part of all keys in Redis: applications with one Redis need different ones."""

    max_stored: int = attrs.field(default=100_000, validator=_POSITIVE)
    """Events of all channels that Redis keeps, for processes that start or connect again."""

    max_stored_size: int = attrs.field(default=67_108_864, validator=_POSITIVE)
    """Bytes of these events."""

    retry: float = attrs.field(default=2.0, validator=_SECONDS)
    """Seconds after which a browser that lost its event stream connects again."""

    heartbeat: float = attrs.field(default=10.0, validator=_INTERVAL)
    """Seconds of silence after which an event stream is sent a comment."""

    replay_events: int = attrs.field(default=1_000, validator=_NUMBER)
    """Events of a channel that are kept for clients that connect again; 0: none."""

    replay_size: int = attrs.field(default=1_000_000, validator=_NUMBER)
    """Bytes of the events of a channel that are kept."""

    replay_age: float = attrs.field(default=300.0, validator=_SECONDS)
    """Seconds for which an event is kept."""

    max_channels: int = attrs.field(default=100, validator=_POSITIVE)
    """Channels that one client may be subscribed to; for more, subscribing fails with 429."""

    max_waiting: int = attrs.field(default=1_000, validator=_POSITIVE)
    """Events that wait for a client that reads slowly; for more it is disconnected."""

    max_waiting_size: int = attrs.field(default=1_000_000, validator=_POSITIVE)
    """Bytes of the events that wait for a client; for more it is disconnected. One event may be
    larger."""
