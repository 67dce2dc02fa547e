"""The bundle gateway."""

from collections.abc import Callable, Sequence
from types import MappingProxyType

from injector import Binder, inject, singleton

from bundles.gateway.broker.action import ACTION
from bundles.gateway.broker.broker import Broker
from bundles.gateway.broker.bulkheads import Bulkheads
from bundles.gateway.broker.context import ContextMarker
from bundles.gateway.broker.context_resolver import ContextResolver
from bundles.gateway.broker.emitter import Emitter
from bundles.gateway.broker.listeners import BrokerListeners
from bundles.gateway.broker.messages import Messages
from bundles.gateway.broker.node_actions import NodeActions
from bundles.gateway.broker.on_event import EVENT_HANDLER
from bundles.gateway.broker.retries import Retries
from bundles.gateway.broker.transport import ACTIONS, EVENTS
from bundles.gateway.cachers.cacher_choice import bind_cacher
from bundles.gateway.cachers.caching import Caching
from bundles.gateway.cluster.cluster import Cluster
from bundles.gateway.cluster.cluster_server import ClusterServer
from bundles.gateway.cluster.listeners import ClusterListeners
from bundles.gateway.cluster.membership import Discovery
from bundles.gateway.cluster.transporter_choice import bind_transporter
from bundles.gateway.commands import gateway
from bundles.gateway.settings import GatewaySettings
from bundles.gateway.sockets.call_log import CallLog
from bundles.gateway.sockets.gateway import Gateway
from bundles.gateway.sockets.gateway_actions import GatewayActions
from bundles.gateway.sockets.listeners import GatewayListeners
from bundles.gateway.sockets.namespaces import GATEWAY, Namespaces
from rxkernel import Bundle, ConfigurationError


class GatewayBundle(Bundle):
    """Actions that are called by name, events, and a gateway for clients of Socket.IO.

    Args:
        gateway: a subclass of `Gateway`, which the injector builds. By default, clients may call
            published actions with the event ``call`` of the namespace ``/``.
    """

    name = "gateway"
    after = ("redis",)
    options = (ACTION, EVENT_HANDLER, GATEWAY)
    listeners: Sequence[type] = (BrokerListeners, GatewayListeners, Bulkheads, Caching)
    transports = (ACTIONS, EVENTS)
    resolvers = MappingProxyType({ContextMarker: ContextResolver})
    commands = (gateway,)
    settings_class = GatewaySettings

    def __init__(self, gateway: type[Gateway] = Gateway) -> None:
        self._gateway = gateway

    def configure(self, binder: Binder) -> None:
        bind_cacher(binder)
        binder.bind(Retries, to=Retries())
        for service in (Messages, Emitter, Broker, NodeActions):
            binder.bind(service, scope=singleton)
        self._bind_gateway(binder)
        self._bind_cluster(binder)

    def _bind_cluster(self, binder: Binder) -> None:
        self.listeners, self.servers = type(self).listeners, ()
        settings = binder.injector.get(GatewaySettings)
        if settings.transporter != "none":
            bind_transporter(binder)
            binder.bind(Discovery, to=Discovery())
            binder.bind(Cluster, scope=singleton)
            self.listeners = (*self.listeners, ClusterListeners)
            self.servers = (ClusterServer,)

    def _bind_gateway(self, binder: Binder) -> None:
        given = self._gateway
        if not (isinstance(given, type) and issubclass(given, Gateway)):
            raise ConfigurationError(
                f"GatewayBundle(…) got {given!r:.100}; pass a subclass of Gateway, not an instance"
            )
        if given is not Gateway:
            binder.bind(Gateway, to=_same(given), scope=singleton)
        for service in (given, Namespaces, GatewayActions, CallLog):
            binder.bind(service, scope=singleton)


def _same(subclass: type[Gateway]) -> Callable[..., Gateway]:
    """Return a provider of the one instance of *subclass*."""

    def provide(gateway: Gateway) -> Gateway:
        return gateway

    provide.__annotations__["gateway"] = subclass
    return inject(provide)
