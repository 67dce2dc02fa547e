"""The namespaces of a gateway: their routes, and the actions that their events may call."""

import asyncio
from collections.abc import Collection, Iterable, Iterator
from weakref import WeakSet

import attrs
from injector import inject

from bundles.gateway.broker.action import ACTION, ActionOptions
from bundles.gateway.broker.broker import Broker
from bundles.gateway.broker.node_actions import NodeActions
from bundles.gateway.broker.transport import ACTIONS
from bundles.gateway.settings import GatewaySettings
from bundles.gateway.sockets.call_event import CallEvent
from bundles.gateway.sockets.call_log import CallLog
from bundles.gateway.sockets.exposure import (
    Visibilities,
    exposed_actions,
    exposure_problems,
    is_allowed,
    refusal_of,
)
from bundles.gateway.sockets.gateway import Gateway
from bundles.gateway.sockets.gateway_actions import GatewayActions
from bundles.gateway.sockets.handler_event import HandlerEvent
from bundles.gateway.sockets.option_reader import OptionReader
from bundles.gateway.sockets.options import GatewayNamespace
from bundles.gateway.sockets.rules import CallRules, HandlerRules, NamespaceRules
from rxkernel import (
    Application,
    BundleOption,
    ConfigurationError,
    Connection,
    Definition,
    RouteMetadata,
    WebSocketMetadata,
)

GATEWAY = BundleOption("gateway.event", "gateway", '"gateway"')
"""The option of the events of a gateway."""


@attrs.frozen(eq=False)
class ServedNamespace:
    rules: NamespaceRules
    routes: tuple[WebSocketMetadata, ...]


class Namespaces:
    """Serves the namespaces of the gateway, and adds or removes them by a reload."""

    @inject
    def __init__(
        self,
        gateway: Gateway,
        application: Application,
        log: CallLog,
        broker: Broker,
        settings: GatewaySettings,
    ) -> None:
        broker.routes.watch_remote(self._renew)
        self._gateway = gateway
        self._application = application
        self._log = log
        self._owner = f"the gateway {type(gateway).__qualname__}"
        self._served: dict[str, ServedNamespace] = {}
        self._broker = broker
        self._is_alone = settings.transporter == "none"
        self._local: Visibilities = {}
        self._needs_rules = False
        self._actions: Visibilities = {}
        self._unguarded: frozenset[str] = frozenset()
        self._connections: WeakSet[Connection] = WeakSet()

    def find(self, connection: Connection) -> NamespaceRules | None:
        """Return the rules of the namespace of *connection*; None: the gateway does not have
        it."""
        served = self._served.get(connection.route_namespace)
        return None if served is None else served.rules

    def enter(self, connection: Connection) -> NamespaceRules | None:
        """Like `find`, for a client that connects: `remove` will disconnect it."""
        rules = self.find(connection)
        if rules is not None:
            self._connections.add(connection)
        return rules

    # --- boot

    def read(self) -> tuple[WebSocketMetadata, ...]:
        """Serve the namespaces of the class, and return their routes.

        Raises:
            ConfigurationError: options are invalid; it lists all problems.
        """
        reader = self._reader()
        reader.members(type(self._gateway))
        found = reader.namespaces(self._gateway.namespaces)
        for rules in found:
            self._add(rules, reader)
        if reader.problems:
            raise ConfigurationError(*reader.problems)
        return tuple(route for served in self._served.values() for route in served.routes)

    def _reader(self) -> OptionReader:
        authorize = type(self._gateway).authorize
        return OptionReader(self._gateway, authorize is not Gateway.authorize)

    def _add(self, rules: NamespaceRules, reader: OptionReader) -> tuple[WebSocketMetadata, ...]:
        if not rules.events and rules.name not in self._application.settings.socketio.namespaces:
            reader.problems.append(
                f"namespace {rules.name!r} of {self._owner} has no events; add one, or list the "
                f"namespace in the setting socketio.namespaces"
            )
        routes: list[WebSocketMetadata] = []
        for event in rules.events:
            try:
                routes.append(self._route(event, rules))
            except ConfigurationError as error:
                reader.problems.extend(error.problems)
        self._served[rules.name] = ServedNamespace(rules, tuple(routes))
        return tuple(routes)

    def _route(
        self, rules: CallRules | HandlerRules, namespace: NamespaceRules
    ) -> WebSocketMetadata:
        target: CallEvent | HandlerEvent
        if isinstance(rules, CallRules):
            target = CallEvent(self._gateway, rules, namespace, self._log)
        else:
            target = HandlerEvent(rules, namespace)
        return WebSocketMetadata(
            target,
            rules.name,
            namespace.name,
            "handle",
            {GATEWAY: True},
            arguments="list",
        )

    # --- which actions may be called

    def check(self, routes: Iterable[RouteMetadata]) -> None:
        """Check all whitelists and aliases against the actions among *routes*.

        Raises:
            ConfigurationError: some do not match; it lists all of them.
        """
        routes = tuple(routes)
        actions = _visibilities(routes)
        problems = [
            problem
            for route in routes
            if isinstance(route, WebSocketMetadata) and isinstance(route.target, CallEvent)
            for problem in exposure_problems(
                route.target.rules, actions, self._where(route), is_alone=self._is_alone
            )
        ]
        if problems:
            raise ConfigurationError(*problems)

    def _where(self, route: WebSocketMetadata) -> str:
        return f"event {route.name!r} in the namespace {route.namespace!r} of {self._owner}"

    def is_open(self, route: RouteMetadata) -> bool:
        """Whether clients may call the action *route*; it then needs an access rule."""
        name, visibility = route.name, _visibility(route)
        if _is_own(route):
            return False
        return visibility == "published" or any(
            is_allowed(event.rules, name, visibility) for event in self._events()
        )

    def _events(self) -> Iterator[CallEvent]:
        for served in self._served.values():
            for route in served.routes:
                if isinstance(route.target, CallEvent):
                    yield route.target

    def expose(self, definitions: Collection[Definition]) -> None:
        """Let clients call the actions among *definitions* from now on."""
        self._local = _visibilities(one.metadata for one in definitions)
        self._needs_rules = any("access" in one.options for one in definitions)
        self._unguarded = frozenset(one.name for one in definitions if _is_unguarded(one))
        self._renew()

    def _renew(self) -> None:
        """Let clients call the actions that this node and the others offer now."""
        remote = self._broker.routes.remote_visibilities()
        if self._needs_rules:
            # Access rules on other nodes are unknown here: a whitelist must list their actions.
            remote = dict.fromkeys(remote, "public")
        self._actions = {**remote, **self._local}
        for event in self._events():
            event.actions = exposed_actions(event.rules, self._actions)

    def exposed(self) -> Iterator[tuple[str, str, str, str]]:
        """Yield ``(namespace, event, name, action)`` for each action that clients may call by
        *name*; for a handler, the name is empty, and the action is the handler."""
        for namespace, served in self._served.items():
            for route in served.routes:
                target = route.target
                if isinstance(target, CallEvent):
                    for name, action in sorted(target.actions.items()):
                        yield namespace, route.name, name, action
                elif isinstance(target, HandlerEvent):
                    yield namespace, route.name, "", f"{target.place}()"

    def why_refused(self, event: CallEvent, name: str) -> str | None:
        """Return why clients may not call *name* by *event*; None if they may, or if the action
        does not exist."""
        if name in event.actions:
            return None
        return refusal_of(event.rules, name, self._actions)

    # --- changes

    async def add(self, name: str, options: GatewayNamespace) -> None:
        """See `Gateway.add_namespace`."""
        if name in self._served:
            raise ConfigurationError(f"namespace {name!r} of {self._owner} already exists")
        reader = self._reader()
        routes = self._add(reader.namespace(name, options), reader)
        reader.problems += self._problems_of_rules(name, routes)
        try:
            if reader.problems:
                raise ConfigurationError(*reader.problems)
            await self._application.reload(add=routes)
        except BaseException:
            del self._served[name]
            raise

    def _problems_of_rules(
        self, namespace: str, routes: Iterable[WebSocketMetadata]
    ) -> Iterator[str]:
        """Yield a message for each action that *routes* open to clients, and that has no access
        rule: when it was compiled, no client could call it."""
        for route in routes:
            if isinstance(route.target, CallEvent):
                opened = exposed_actions(route.target.rules, self._actions).values()
                for action in sorted(self._unguarded.intersection(opened)):
                    yield (
                        f"event {route.name!r} in the namespace {namespace!r} lists the action "
                        f"{action!r}, which has no access rule; put @access(…) on it"
                    )

    async def remove(self, name: str) -> None:
        """See `Gateway.remove_namespace`."""
        if name not in self._served:
            raise ConfigurationError(f"namespace {name!r} of {self._owner} does not exist")
        await self._application.reload(remove=self._served[name].routes)
        clients = [one for one in self._connections if one.route_namespace == name]
        await asyncio.gather(*(client.disconnect() for client in clients))
        self._served.pop(name, None)


def _visibilities(routes: Iterable[RouteMetadata]) -> Visibilities:
    return {route.name: _visibility(route) for route in routes if route.transport is ACTIONS}


def _visibility(route: RouteMetadata) -> str:
    options: ActionOptions | None = route.options.get(ACTION)
    return options.visibility if options else "public"


def _is_own(route: RouteMetadata) -> bool:
    """Whether *route* is an action of this bundle, which cannot have an access rule."""
    return route.owner in (GatewayActions, NodeActions)


def _is_unguarded(definition: Definition) -> bool:
    """Whether *definition* is an action without an access rule: the bundle security allows this
    if no client can call it."""
    options, metadata = definition.options, definition.metadata
    return (
        definition.transport is ACTIONS
        and "access" in options
        and options.get("public") is True
        and "public" not in metadata.options
        and not _is_own(metadata)
    )
