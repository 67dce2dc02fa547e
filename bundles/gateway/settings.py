"""The settings of the bundle."""

import os
import socket
from typing import Literal, get_args

import attrs

from bundles.gateway.allowed import COUNT, SECONDS
from bundles.gateway.cluster.nats_url import parse_nats_urls
from rxkernel import Allowed

LogLevel = Literal["debug", "info", "warning", "error", "none"]

_LEVELS = attrs.validators.in_(get_args(LogLevel))
_POSITIVE = Allowed("a whole number greater than 0", (int,), lambda value: value > 0)
_KEY_LENGTH = Allowed(
    "0, or a whole number from 44, the length of a hash",
    (int,),
    lambda value: value == 0 or value >= 44,
)
_NODE_ID = Allowed(
    "text of 1 to 200 characters without spaces",
    (str,),
    lambda value: value and len(value) <= 200 and not any(c.isspace() for c in value),
)


def _is_nats_url(value: str) -> bool:
    try:
        return bool(parse_nats_urls(value))
    except ValueError:
        return False


_NATS_URL = Allowed(
    "nats://host:port or tls://host:port, with user:password@ or token@ before the host if NATS "
    "requires them, and commas between several servers",
    (str,),
    _is_nats_url,
)


def _default_node_id() -> str:
    return f"{socket.gethostname().lower() or 'node'}-{os.getpid()}"


@attrs.frozen(kw_only=True)
class GatewaySettings:
    """The section ``[gateway]`` of ``rxkernel.toml``. All times are seconds."""

    node_id: str = attrs.field(factory=_default_node_id, validator=_NODE_ID)
    """The name of this node, by default the name of the host and the process id."""

    request_timeout: float = attrs.field(default=0.0, validator=SECONDS)
    """Seconds within which an action must end, unless the call or the action has a timeout of its
    own; 0: no timeout."""

    retries: int = attrs.field(default=0, validator=COUNT)
    """How often a call that failed with a retryable error is repeated, unless the call or the
    action says otherwise."""

    max_call_level: int = attrs.field(default=100, validator=_POSITIVE)
    """Most calls within each other; a deeper one is a `MaxCallLevelError`."""

    cacher: Literal["none", "memory", "lru", "redis"] = attrs.field(
        default="none", validator=attrs.validators.in_(("none", "memory", "lru", "redis"))
    )
    """Where results of actions with ``cache=`` are cached: nowhere, in this process, in this
    process with those in use kept, or in Redis."""

    cache_size: int = attrs.field(default=1000, validator=_POSITIVE)
    """Most results in the memory of this process."""

    cache_ttl: float = attrs.field(default=0.0, validator=SECONDS)
    """Seconds after which a result expires, unless the action says otherwise; 0: never."""

    cache_prefix: str = "MOL-"
    """The beginning of the keys in Redis. That of Moleculer with a namespace: ``MOL-name-``."""

    cache_max_params_length: int = attrs.field(default=1000, validator=_KEY_LENGTH)
    """The longest text of parameters in a key; the end of a longer one is replaced by its hash, as
    by ``maxParamsLength`` of Moleculer. 0: any length, Moleculer's default."""

    transporter: Literal["none", "nats", "redis"] = attrs.field(
        default="none", validator=attrs.validators.in_(("none", "nats", "redis"))
    )
    """The bus over which nodes call each other: none, NATS, or the Redis of the bundle `redis`."""

    nats_url: str = attrs.field(
        default="nats://127.0.0.1:4222",
        validator=_NATS_URL,
        repr=False,
        metadata={"secret": True},
    )
    """The servers of NATS, separated by commas: ``nats://user:password@host:4222``,
    ``nats://token@host`` or ``tls://host``. A character as ``@`` in a password is
    percent-encoded."""

    nats_connect_timeout: float = attrs.field(
        default=2.0,
        validator=Allowed(
            "seconds, more than 0", (int, float), lambda value: 0 < value < float("inf")
        ),
    )
    """Seconds within which a connection to NATS must be established, and NATS must reply."""

    log_client_connection: LogLevel = attrs.field(default="none", validator=_LEVELS)
    """The level of the log record of a client that connects or disconnects."""

    log_request: LogLevel = attrs.field(default="none", validator=_LEVELS)
    """The level of the log record of a call."""

    log_request_params: LogLevel = attrs.field(default="none", validator=_LEVELS)
    """The level of the log record with the parameters of a call."""

    log_response: LogLevel = attrs.field(default="none", validator=_LEVELS)
    """The level of the log record of a successful call."""

    log_4xx_responses: bool = False
    """Whether calls that fail with an error of the client are logged."""
