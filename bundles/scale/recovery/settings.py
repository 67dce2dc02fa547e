"""The section ``[scale.recovery]``."""

from typing import Literal

import attrs

from rxkernel import COUNT, seconds_between, whole_number

_SIZE = whole_number(1024, unit="bytes")


@attrs.frozen(kw_only=True)
class RecoverySettings:
    """Whether a Socket.IO client that was disconnected for a short time gets its id, rooms,
    attributes and missed events again (connection state recovery)."""

    store: Literal["off", "memory", "redis"] = attrs.field(
        default="off", validator=attrs.validators.in_(("off", "memory", "redis"))
    )
    """The store of these: none, this process, or Redis for all processes of the bus."""

    max_disconnection_duration: float = attrs.field(
        default=120.0, validator=seconds_between(0.05, 3600)
    )
    """Seconds for which a client may be disconnected and still recover."""

    max_events: int = attrs.field(default=10_000, validator=COUNT)
    """Most events that are kept, the newest of all namespaces."""

    max_sessions: int = attrs.field(default=10_000, validator=COUNT)
    """Most disconnected clients whose rooms and attributes are kept; the latest ones are."""

    max_bytes: int = attrs.field(default=67_108_864, validator=_SIZE)
    """Most bytes of the kept events together, and of the kept rooms and attributes together."""

    max_session_size: int = attrs.field(default=65_536, validator=_SIZE)
    """Most bytes of the rooms and attributes of one client; a client with more cannot recover."""
