"""The actions and events of Moleculer, and its Socket.IO gateway."""

from bundles.gateway.broker.action import action
from bundles.gateway.broker.broker import Broker
from bundles.gateway.broker.bulkhead import Bulkhead
from bundles.gateway.broker.call_options import CallItem, CallOptions
from bundles.gateway.broker.context import Context, CurrentContext
from bundles.gateway.broker.on_event import on_event
from bundles.gateway.broker.result_stream import ResultStream
from bundles.gateway.broker.retries import Retries
from bundles.gateway.broker.route import Pong
from bundles.gateway.broker.transport import ACTIONS, EVENTS
from bundles.gateway.broker.wildcards import matches
from bundles.gateway.bundle import GatewayBundle
from bundles.gateway.cachers.cache import Cache
from bundles.gateway.cachers.cacher import Cacher
from bundles.gateway.cluster.remote_errors import RemoteError
from bundles.gateway.exceptions import (
    BadRequestError,
    BrokerDisconnectedError,
    MaxCallLevelError,
    MoleculerClientError,
    MoleculerError,
    MoleculerRetryableError,
    MoleculerServerError,
    QueueIsFullError,
    RequestRejectedError,
    RequestSkippedError,
    RequestTimeoutError,
    ServiceNotAvailableError,
    ServiceNotFoundError,
    UnAuthorizedError,
    ValidationError,
)
from bundles.gateway.settings import GatewaySettings
from bundles.gateway.sockets.call import Call
from bundles.gateway.sockets.gateway import Gateway
from bundles.gateway.sockets.options import GatewayEvent, GatewayNamespace
from bundles.gateway.sockets.packet import Packet

__all__ = [
    "ACTIONS",
    "EVENTS",
    "BadRequestError",
    "Broker",
    "BrokerDisconnectedError",
    "Bulkhead",
    "Cache",
    "Cacher",
    "Call",
    "CallItem",
    "CallOptions",
    "Context",
    "CurrentContext",
    "Gateway",
    "GatewayBundle",
    "GatewayEvent",
    "GatewayNamespace",
    "GatewaySettings",
    "MaxCallLevelError",
    "MoleculerClientError",
    "MoleculerError",
    "MoleculerRetryableError",
    "MoleculerServerError",
    "Packet",
    "Pong",
    "QueueIsFullError",
    "RemoteError",
    "RequestRejectedError",
    "RequestSkippedError",
    "RequestTimeoutError",
    "ResultStream",
    "Retries",
    "ServiceNotAvailableError",
    "ServiceNotFoundError",
    "UnAuthorizedError",
    "ValidationError",
    "action",
    "matches",
    "on_event",
]
