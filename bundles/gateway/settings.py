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
    "0, or a whole number of at least 44, the length of a hash",
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
    """The name of this node, by default of the host name and the process id."""

    request_timeout: float = attrs.field(default=0.0, validator=SECONDS_OR_0)
    """Seconds within which an action must end, unless the call or the action has its own timeout;
    0: no timeout."""

    retries: int = attrs.field(default=0, validator=COUNT_OR_0)
    """The maximum number of retries after a retryable error, unless the call or the action has
    its own number."""

    max_call_level: int = attrs.field(default=100, validator=COUNT)
    """The maximum depth of nested calls; a deeper call fails with a `MaxCallLevelError`."""

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
    ``nats://token@host`` or ``tls://host``. In a password,
    characters such as ``@`` must be percent-encoded."""

    nats_connect_timeout: float = attrs.field(default=2.0, validator=SECONDS)
    """Seconds within which a connection to NATS must be established, and NATS must reply."""

    namespace: str = attrs.field(default="", validator=_NAMESPACE)
    """The cluster that this node joins: only nodes with the same namespace see each other."""

    protocol: Literal["auto", "4", "5"] = attrs.field(
        default="auto", validator=attrs.validators.in_(("auto", "4", "5"))
    )
    """The version of Moleculer's protocol: ``4`` for Moleculer 0.14, ``5`` for 0.15, or the
    version of each other node."""

    balancing: Literal["round_robin", "random"] = attrs.field(
        default="round_robin", validator=attrs.validators.in_(("round_robin", "random"))
    )
    """How a node is chosen for a call or an event."""

    prefer_local: bool = True
    """Whether this node itself runs its own actions and handlers, without choosing a node."""

    heartbeat_interval: float = attrs.field(default=10.0, validator=_INTERVAL)
    """Seconds between two heartbeats of this node."""

    heartbeat_timeout: float = attrs.field(default=30.0, validator=_INTERVAL)
    """Seconds without a packet after which another node counts as lost."""

    max_packet_size: int = attrs.field(default=10_485_760, validator=SIZE)
    """The maximum size of a received packet in bytes; larger packets are dropped."""

    circuit_breaker: bool = False
    """Whether calls of an action on a node pause for some time after many of them have failed."""

    breaker_threshold: float = attrs.field(default=0.5, validator=_RATE)
    """The fraction of failed calls that opens the circuit: 0.5 is half of the calls."""

    breaker_window: float = attrs.field(default=60.0, validator=SECONDS)
    """Seconds during which calls are counted; then the count restarts."""

    breaker_min_requests: int = attrs.field(default=20, validator=COUNT)
    """The minimum number of counted calls; with fewer, the circuit does not open."""

    breaker_half_open: float = attrs.field(default=10.0, validator=SECONDS)
    """Seconds after which an open circuit allows one call as a probe. If it has not ended after
    the same time, another call becomes the probe."""

    cacher: Literal["none", "memory", "lru", "redis"] = attrs.field(
        default="none", validator=attrs.validators.in_(("none", "memory", "lru", "redis"))
    )
    """Where results of actions with ``cache=`` are cached: nowhere, in this process, in this
    process as an LRU cache, or in Redis."""

    cache_size: int = attrs.field(default=1000, validator=COUNT)
    """The maximum number of cached results in this process."""

    cache_ttl: float = attrs.field(default=0.0, validator=SECONDS_OR_0)
    """Seconds after which a result expires, unless the action has its own time; 0: never."""

    cache_prefix: str = "MOL-"
    """The prefix of the keys in Redis, after ``redis.prefix``. With a namespace, Moleculer uses
    ``MOL-name-``."""

    cache_max_params_length: int = attrs.field(default=1000, validator=_KEY_LENGTH)
    """The maximum length of the text of the parameters in a key, ``maxParamsLength`` of
    Moleculer; the end of a longer text is replaced by its hash. 0: no limit, as by default in
    Moleculer."""

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
