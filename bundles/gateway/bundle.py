"""What the bundle adds to an application."""

from types import MappingProxyType

from injector import Binder, singleton

from bundles.gateway.broker.action import ACTION
from bundles.gateway.broker.broker import Broker
from bundles.gateway.broker.context import ContextMarker
from bundles.gateway.broker.context_resolver import ContextResolver
from bundles.gateway.broker.emitter import Emitter
from bundles.gateway.broker.listeners import BrokerListeners
from bundles.gateway.broker.messages import Messages
from bundles.gateway.broker.node_actions import NodeActions
from bundles.gateway.broker.on_event import EVENT_HANDLER
from bundles.gateway.broker.retries import Retries
from bundles.gateway.broker.transport import ACTIONS, EVENTS
from bundles.gateway.commands import gateway
from bundles.gateway.settings import GatewaySettings
from rxkernel import Bundle


class GatewayBundle(Bundle):
    """Actions and events that are called by name."""

    name = "gateway"
    after = ("redis",)
    options = (ACTION, EVENT_HANDLER)
    listeners = (BrokerListeners,)
    transports = (ACTIONS, EVENTS)
    resolvers = MappingProxyType({ContextMarker: ContextResolver})
    commands = (gateway,)
    settings_class = GatewaySettings

    def configure(self, binder: Binder) -> None:
        binder.bind(Retries, to=Retries())
        for service in (Messages, Emitter, Broker, NodeActions):
            binder.bind(service, scope=singleton)
