"""The settings of the bundle."""

import os
import socket
from typing import Literal, get_args

import attrs

from bundles.gateway.cluster.nats_url import parse_nats_urls
from bundles.gateway.cluster.node_ids import is_node_id
from rxkernel import COUNT, COUNT_OR_0, SECONDS, SECONDS_OR_0, SIZE, Allowed, seconds_between

LogLevel = Literal["debug", "info", "warning", "error", "none"]

_LEVELS = attrs.validators.in_(get_args(LogLevel))
_KEY_LENGTH = Allowed(
    "0, or a whole number from 44, the length of a hash",
    (int,),
    lambda value: value == 0 or value >= 44,
)
_RATE = Allowed("a number, more than 0 and at most 1", (int, float), lambda value: 0 < value <= 1)
_NODE_ID = Allowed(
    "text of 1 to 200 characters without spaces, '*' and '>', and without an empty part between "
    "dots",
    (str,),
    is_node_id,
)
_NAMESPACE = Allowed(
    "text without spaces, '*' and '>', and without an empty part between dots",
    (str,),
    lambda value: not value or is_node_id(value),
)
_INTERVAL = seconds_between(0.1, 86_400)


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

    request_timeout: float = attrs.field(default=0.0, validator=SECONDS_OR_0)
    """Seconds within which an action must end, unless the call or the action has a timeout of its
    own; 0: no timeout."""

    retries: int = attrs.field(default=0, validator=COUNT_OR_0)
    """How often a call that failed with a retryable error is repeated, unless the call or the
    action says otherwise."""

    max_call_level: int = attrs.field(default=100, validator=COUNT)
    """Most calls within each other; a deeper one is a `MaxCallLevelError`."""

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

    nats_connect_timeout: float = attrs.field(default=2.0, validator=SECONDS)
    """Seconds within which a connection to NATS must be established, and NATS must reply."""

    namespace: str = attrs.field(default="", validator=_NAMESPACE)
    """The cluster that this node joins: only nodes with the same namespace see each other."""

    protocol: Literal["auto", "4", "5"] = attrs.field(
        default="auto", validator=attrs.validators.in_(("auto", "4", "5"))
    )
    """The version of Moleculer's protocol: ``4`` for its version 0.14, ``5`` for 0.15, or that of
    each other node."""

    balancing: Literal["round_robin", "random"] = attrs.field(
        default="round_robin", validator=attrs.validators.in_(("round_robin", "random"))
    )
    """How a node is chosen for a call or an event."""

    prefer_local: bool = True
    """Whether this node runs what it offers itself."""

    heartbeat_interval: float = attrs.field(default=10.0, validator=_INTERVAL)
    """Seconds between two heartbeats of this node."""

    heartbeat_timeout: float = attrs.field(default=30.0, validator=_INTERVAL)
    """Seconds without a packet after which another node is lost."""

    max_packet_size: int = attrs.field(default=10_485_760, validator=SIZE)
    """Bytes; larger packets of other nodes are dropped."""

    circuit_breaker: bool = False
    """Whether an action of a node is not called for a while after many of its calls failed."""

    breaker_threshold: float = attrs.field(default=0.5, validator=_RATE)
    """The part of the calls whose failure opens the circuit: 0.5 is the half."""

    breaker_window: float = attrs.field(default=60.0, validator=SECONDS)
    """Seconds within which calls are counted; then the count begins again."""

    breaker_min_requests: int = attrs.field(default=20, validator=COUNT)
    """The circuit does not open before so many calls were counted."""

    breaker_half_open: float = attrs.field(default=10.0, validator=SECONDS)
    """Seconds after which an open circuit lets one call probe the action. After the same time, a
    probe that has not ended is replaced."""

    cacher: Literal["none", "memory", "lru", "redis"] = attrs.field(
        default="none", validator=attrs.validators.in_(("none", "memory", "lru", "redis"))
    )
    """Where results of actions with ``cache=`` are cached: nowhere, in this process, in this
    process with those in use kept, or in Redis."""

    cache_size: int = attrs.field(default=1000, validator=COUNT)
    """Most results in the memory of this process."""

    cache_ttl: float = attrs.field(default=0.0, validator=SECONDS_OR_0)
    """Seconds after which a result expires, unless the action says otherwise; 0: never."""

    cache_prefix: str = "MOL-"
    """The beginning of the keys in Redis. That of Moleculer with a namespace: ``MOL-name-``."""

    cache_max_params_length: int = attrs.field(default=1000, validator=_KEY_LENGTH)
    """The longest text of parameters in a key; the end of a longer one is replaced by its hash, as
    by ``maxParamsLength`` of Moleculer. 0: any length, Moleculer's default."""

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

    def __attrs_post_init__(self) -> None:
        if self.heartbeat_timeout <= self.heartbeat_interval:
            raise ValueError(
                f"heartbeat_timeout is {self.heartbeat_timeout}; it must be longer than "
                f"heartbeat_interval, {self.heartbeat_interval}"
            )
