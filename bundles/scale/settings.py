"""The settings of the bundle."""

import re
from typing import Any, Literal

import attrs

from bundles.scale.presence.settings import PresenceSettings
from bundles.scale.recovery.settings import RecoverySettings
from rxkernel import Allowed, ConfigurationError, seconds_between, whole_number

CHANNEL = "rxkernel"
"""The first part of the names of the channels and keys, after ``redis.prefix``."""

_CHANNEL = re.compile(r"[A-Za-z0-9_-]{1,100}(\.[A-Za-z0-9_-]{1,100}){0,9}")
_SHORTEST_SECRET = 32

_CHANNEL_NAME = Allowed(
    "letters, digits, '-' and '_', with '.' between parts",
    (str,),
    _CHANNEL.fullmatch,
)
_SECRET_TEXT = (
    f"a text of at least {_SHORTEST_SECRET} characters, such as the output of: python -c "
    f'"import secrets; print(secrets.token_urlsafe(32))"'
)
_SECRET = Allowed(
    _SECRET_TEXT,
    (str, type(None)),
    lambda value: len(value) >= _SHORTEST_SECRET,
)
_SIZE = whole_number(1024, unit="bytes")
_SECONDS = seconds_between(0.05, 3600)


def _is_separate(instance: Any, attribute: "attrs.Attribute[Any]", value: str | None) -> None:
    if value is not None and value.startswith(f"{CHANNEL}."):
        raise ValueError(
            f"{attribute.name} is {value!r}; it must not begin with '{CHANNEL}.', as the channels "
            "of the bus do"
        )


@attrs.frozen(kw_only=True)
class ScaleSettings:
    """The section ``[scale]`` of ``rxkernel.toml``."""

    bus: Literal["memory", "redis"] = attrs.field(
        default="memory", validator=attrs.validators.in_(("memory", "redis"))
    )
    """``redis``: processes are connected by the Redis of the bundle `redis`. ``memory``: they are
    not connected."""

    limits: Literal["memory", "redis"] = attrs.field(
        default="memory", validator=attrs.validators.in_(("memory", "redis"))
    )
    """Where the calls for `@limit` are counted: in this process, or in Redis for all of them."""

    secret: str | None = attrs.field(
        default=None, validator=_SECRET, repr=False, metadata={"secret": True}
    )
    """Signs the messages; the same in all processes. Required if ``bus`` is ``redis``."""

    max_message_size: int = attrs.field(default=1_048_576, validator=_SIZE)
    """Most bytes of a message. A larger one is not sent, or dropped when it is received."""

    max_queue_size: int = attrs.field(default=16_777_216, validator=_SIZE)
    """Most bytes of messages that wait for Redis; others are not sent."""

    heartbeat_interval: float = attrs.field(default=1.0, validator=_SECONDS)
    """Seconds between two heartbeats of a process."""

    heartbeat_timeout: float = attrs.field(default=3.0, validator=_SECONDS)
    """Seconds after which a process that has not received its own heartbeat is not ready, and
    regards another process without a heartbeat as ended."""

    request_timeout: float = attrs.field(default=5.0, validator=_SECONDS)
    """Seconds in which the other processes must reply, for lists of clients and changes of
    rooms."""

    socketio_channel: str | None = attrs.field(
        default=None, validator=[attrs.validators.optional(_CHANNEL_NAME), _is_separate]
    )
    """The channel of python-socketio's Redis manager, after ``redis.prefix``, whose messages are
    executed too; None: no such channel. They are not signed."""

    recovery: RecoverySettings = attrs.field(factory=RecoverySettings)

    presence: PresenceSettings = attrs.field(factory=PresenceSettings)

    def __attrs_post_init__(self) -> None:
        if self.heartbeat_timeout <= self.heartbeat_interval:
            raise ValueError(
                f"heartbeat_timeout is {self.heartbeat_timeout}; it must be longer than "
                f"heartbeat_interval, {self.heartbeat_interval}"
            )


def secret_of(settings: ScaleSettings) -> str:
    """The secret of *settings*.

    Raises:
        ConfigurationError: it is not set.
    """
    if settings.secret is None:
        raise ConfigurationError(
            'scale.bus is "redis", but scale.secret is not set; set it, for example by '
            f"RXKERNEL_SCALE_SECRET, to the same value in all processes: {_SECRET_TEXT}"
        )
    return settings.secret
