"""`Broker`: calls actions by name, and sends events to their handlers."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, NoReturn, Unpack

from injector import inject

from bundles.gateway.broker.call_options import CallItem, CallMeta, CallOptions
from bundles.gateway.broker.circuit_breaker import Circuit, CircuitBreakers, State, event_of
from bundles.gateway.broker.context import Context
from bundles.gateway.broker.emitter import Emitter
from bundles.gateway.broker.guarded_call import GuardedCall
from bundles.gateway.broker.messages import Messages, new_request
from bundles.gateway.broker.registry import ActionEndpoint
from bundles.gateway.broker.retries import Retries
from bundles.gateway.broker.route import (
    Call,
    Endpoint,
    EventHandlers,
    OutgoingEvent,
    Pong,
    Route,
)
from bundles.gateway.broker.routes import Routes
from bundles.gateway.broker.several_calls import items_of, results_of
from bundles.gateway.broker.transport import ACTIONS, EVENTS
from bundles.gateway.cachers.cacher import Cacher
from bundles.gateway.exceptions import (
    MaxCallLevelError,
    MoleculerError,
    RequestSkippedError,
    ServiceNotAvailableError,
    ServiceNotFoundError,
    node_not_found,
)
from bundles.gateway.settings import GatewaySettings
from rxkernel import Request, current_request

logger = logging.getLogger(__name__)

_current = current_request.get
_new = object.__new__
_NO_OPTIONS: CallOptions = {}

_LEVELS_OF_STACK = 20
"""The number of nested calls that run in one task."""


class Broker:
    """Calls actions by name, and sends events to their handlers.

    Attributes:
        node_id: the name of this node.
        routes: the actions and event handlers of this node and of other nodes.
        cacher: stores the results of actions with a cache.
        circuits: the circuits of the actions on all nodes; None if the setting
            ``circuit_breaker`` is off.
    """

    # Other parts of the bundle call some methods with an underscore; applications do not.

    @inject
    def __init__(
        self,
        settings: GatewaySettings,
        messages: Messages,
        emitter: Emitter,
        retries: Retries,
        cacher: Cacher,
    ) -> None:
        self.node_id = settings.node_id
        self.routes = Routes(settings)
        self.cacher = cacher
        self._settings = settings
        self._messages = messages
        self._emitter = emitter
        self._retries = retries
        self.circuits: CircuitBreakers | None = None
        if settings.circuit_breaker:
            self.circuits = CircuitBreakers(settings, self._circuit_changed)

    def context(self, meta: CallMeta | None = None) -> Context:
        """Return a context of the current message, for calls that share a copy of *meta*.

        After each of its calls, ``context.meta`` has the values that the action has set.
        """
        request = _current()
        return Context(self, Request(ACTIONS) if request is None else request, meta)

    # --- calls

    def call(
        self, action: str, params: Any = None, **options: Unpack[CallOptions]
    ) -> Coroutine[Any, Any, Any]:
        """Call *action* with *params* and return its result.

        The action runs in the task of the caller, with the id, the token and the connection of the
        current message. Within another call, the remaining time of that call is the limit, but its
        meta is not shared; see `Context.call`. A timeout cancels the action. If all retries have
        failed, the error has ``retryable = False``, so that outer calls are not repeated.

        Raises:
            ServiceNotFoundError: the action does not exist, or may not be called from here.
            ServiceNotAvailableError: its circuit is open, or no node can run it now.
            QueueIsFullError: its bulkhead does not allow a further waiting call.
            RequestTimeoutError: it has not ended in time.
            RequestSkippedError: no time was left for it.
            MaxCallLevelError: calls are nested too deeply.
            ValidationError: the parameters are invalid.
            Exception: the exception of the action.
        """
        return self._start(action, params, self._parent(), options)

    async def mcall(
        self,
        calls: Iterable[CallItem] | Mapping[str, CallItem],
        *,
        settled: bool = False,
        **options: Unpack[CallOptions],
    ) -> Any:
        """Make all *calls* concurrently; return a list of their results, or a dict for a dict.

        Each call runs in a separate task. The first exception is raised, and the other calls are
        cancelled. With *settled*, all calls run to their end, and exceptions are returned like
        results. *options* apply to all calls; the options of a call override them.
        """
        return await self._start_all(calls, self._parent(), options, settled=settled)

    def _start(
        self,
        action: str,
        params: Any,
        parent: Context | None,
        options: CallOptions,
        *,
        shared: bool = False,
    ) -> Coroutine[Any, Any, Any]:
        """Make a call within *parent*. With *shared*, the call shares the meta of *parent*."""
        endpoint = self.routes.direct.get(action)
        if endpoint is None or options or endpoint.has_policy:
            call = self._routed(action, params, parent, options, shared)
        elif endpoint.is_private and not _may_call(parent, endpoint):
            return _raise(ServiceNotFoundError(action))
        else:
            try:
                context = self._new_context(action, params, parent, shared)
            except MoleculerError as exc:
                return _raise(exc)
            call = self._messages.run(endpoint.definition, context)
        if parent is not None and parent.level % _LEVELS_OF_STACK == _LEVELS_OF_STACK - 1:
            return _on_new_stack(call)
        return call

    def _routed(
        self,
        action: str,
        params: Any,
        parent: Context | None,
        options: CallOptions,
        shared: bool,
    ) -> Call:
        """Do the same as `_start` for a call with a policy, or of another node."""
        route = self.routes.all.get(action)
        if route is None or (
            isinstance(route, ActionEndpoint) and route.is_private and not _may_call(parent, route)
        ):
            return _raise(ServiceNotFoundError(action))
        if options or route.has_policy:
            return GuardedCall(self, route, params, parent, options, self._retries, shared).run()
        return self._once(route, params, parent, shared)

    def _serve(self, action: str, params: Any, caller: Context) -> Call:
        """Run *action* of this node once for *caller*, a context on another node.

        Raises:
            ServiceNotFoundError: this node does not offer the action to others.
            Exception: the exception of the action.
        """
        endpoint = self.routes.registry.actions.get(action)
        if endpoint is None or not endpoint.is_shared:
            return _raise(ServiceNotFoundError(action, self.node_id))
        if endpoint.has_policy or caller.stream is not None:
            options: CallOptions = {"retries": 0, "stream": caller.stream}
            return GuardedCall(self, endpoint, params, caller, options, self._retries, True).run()
        return self._once(endpoint, params, caller, True)

    def _once(self, route: Route, params: Any, parent: Context | None, shared: bool) -> Call:
        """Call the action of *route* without a policy."""
        try:
            endpoint = route.next(None)
            return self._attempt(endpoint, self._new_context(route.name, params, parent, shared))
        except MoleculerError as exc:
            return _raise(exc)

    async def _start_all(
        self,
        calls: Iterable[CallItem] | Mapping[str, CallItem],
        parent: Context | None,
        options: CallOptions,
        *,
        settled: bool,
        shared: bool = False,
    ) -> Any:
        """Do the same as `mcall` within *parent*; see `_start`."""
        started = (
            self._start(
                item["action"],
                item.get("params"),
                parent,
                {**options, **item.get("options", _NO_OPTIONS)},
                shared=shared,
            )
            for item in items_of(calls)
        )
        results = await results_of(started, settled=settled)
        return dict(zip(calls, results, strict=True)) if isinstance(calls, Mapping) else results

    def _new_context(
        self,
        name: str,
        params: Any,
        parent: Context | None,
        shared: bool,
        meta: CallMeta | None = None,
        deadline: float | None = None,
    ) -> Context:
        """Return the context of one call of the action *name* within *parent*.

        Raises:
            MaxCallLevelError, RequestSkippedError: see `call`.
        """
        context: Context = _new(Context)  # its attributes have the values of a call
        context._broker = self
        context.name = name
        if parent is None:
            origin = _current()
            if meta:
                context.inherit(dict(meta))
        else:
            origin = parent.request
            context.level = level = parent.level + 1
            if level > self._settings.max_call_level:
                raise MaxCallLevelError(self.node_id, level)
            context.caller = parent.name
            if parent.origin is not None:
                context.sender = parent.origin
            if (outer := parent.deadline) is not None:
                if outer <= _now():
                    raise RequestSkippedError(name, self.node_id)
                if deadline is None:
                    deadline = outer
            if shared:
                context.share(parent, meta)
            elif meta:
                context.inherit(dict(meta))
        context.deadline = deadline
        context.request = new_request(ACTIONS, name, params, origin, context)
        return context

    def _attempt(self, endpoint: Endpoint, context: Context) -> Call:
        """Run *endpoint* once, in *context*."""
        if isinstance(endpoint, ActionEndpoint):
            return self._messages.run(endpoint.definition, context)
        remote = self.routes.remote
        if remote is None:  # this node has left the cluster
            return _raise(ServiceNotAvailableError(endpoint.name, endpoint.node_id))
        return remote.request(endpoint, context)

    def _parent(self) -> Context | None:
        """Return the context of the current message, if it is a call or an event."""
        request = _current()
        if request is None:
            return None
        transport = request.transport
        if transport is ACTIONS or transport is EVENTS:
            context = request.native
            return context if isinstance(context, Context) else None
        return None

    # --- events

    async def emit(
        self,
        event: str,
        payload: Any = None,
        *,
        groups: str | Iterable[str] | None = None,
        meta: CallMeta | None = None,
    ) -> None:
        """Send *event* to one handler of each group that listens to it, and wait for these
        handlers.

        Each handler runs in a separate task, and continues if the caller is cancelled. Exceptions
        of handlers are logged.

        Args:
            groups: the groups that receive it; by default all.
            meta: the meta for the handlers.

        Raises:
            MaxCallLevelError: calls and events are nested too deeply.
        """
        await self._publish(event, payload, self._parent(), groups, meta)

    async def broadcast(
        self,
        event: str,
        payload: Any = None,
        *,
        groups: str | Iterable[str] | None = None,
        meta: CallMeta | None = None,
    ) -> None:
        """Send *event* to all handlers on all nodes; see `emit`."""
        await self._publish(event, payload, self._parent(), groups, meta, to_all=True)

    async def broadcast_local(
        self,
        event: str,
        payload: Any = None,
        *,
        groups: str | Iterable[str] | None = None,
        meta: CallMeta | None = None,
    ) -> None:
        """Send *event* to all handlers on this node; see `emit`."""
        parent = self._parent()
        self._check_level(parent)
        handlers = self.routes.registry.handlers_of(event, groups, to_all=True)
        await self._emitter.send(self, event, payload, parent, meta, handlers)

    async def _publish(
        self,
        event: str,
        payload: Any,
        parent: Context | None,
        groups: str | Iterable[str] | None,
        meta: CallMeta | None,
        *,
        to_all: bool = False,
    ) -> None:
        """Send an event within *parent*, like `emit`, or with *to_all* like `broadcast`."""
        self._check_level(parent)
        remote = self.routes.remote
        if remote is None or event.startswith("$"):
            handlers: EventHandlers = self.routes.registry.handlers_of(
                event, groups, to_all=to_all
            )
        else:
            outgoing = OutgoingEvent(event, payload, parent, groups, meta, to_all)
            handlers = await remote.send_event(outgoing)
        await self._emitter.send(self, event, payload, parent, meta, handlers)

    async def _deliver(
        self,
        event: str,
        payload: Any,
        sender: Context,
        groups: Iterable[str] | None,
        *,
        to_all: bool,
    ) -> None:
        """Run the handlers of this node for an event of *sender*, a context on another node."""
        self._check_level(sender)
        handlers = self.routes.registry.handlers_of(event, groups, to_all=to_all)
        await self._emitter.send(self, event, payload, sender, sender.meta, handlers)

    def _check_level(self, parent: Context | None) -> None:
        if parent is not None and parent.level >= self._settings.max_call_level:
            raise MaxCallLevelError(self.node_id, parent.level + 1)

    def _circuit_changed(self, circuit: Circuit, before: State) -> None:
        """Log the change, and send its event to the handlers on this node."""
        if circuit.state == "closed":
            logger.info("the circuit of %s on %s has closed", circuit.action, circuit.node_id)
        elif before == "closed":
            logger.warning(
                "the circuit of %s on %s has opened: %d of %d calls have failed",
                *(circuit.action, circuit.node_id, circuit.failures, circuit.count),
            )
        self._notify(*event_of(circuit))

    def _notify(self, event: str, payload: Any) -> None:
        """Start the handlers of this node for an *event* of the node itself, without waiting."""
        handlers = self.routes.registry.handlers_of(event, None, to_all=True)
        self._emitter.post(self, event, payload, handlers)

    # --- the offers of the nodes

    def nodes(self) -> list[dict[str, Any]]:
        """Return the result of the action ``$node.list``, this node first."""
        return self.routes.catalog.nodes()

    def services(
        self, *, skip_internal: bool = False, with_actions: bool = False
    ) -> list[dict[str, Any]]:
        """Return the result of ``$node.services``; with *skip_internal*, without ``$`` names."""
        return self.routes.catalog.services(skip_internal=skip_internal, with_actions=with_actions)

    def actions(
        self, *, skip_internal: bool = False, with_endpoints: bool = False
    ) -> list[dict[str, Any]]:
        """Return the result of ``$node.actions``; with *with_endpoints*, with the nodes of each
        action."""
        return self.routes.catalog.actions(
            skip_internal=skip_internal, with_endpoints=with_endpoints
        )

    def events(
        self, *, skip_internal: bool = False, with_endpoints: bool = False
    ) -> list[dict[str, Any]]:
        """Return the result of ``$node.events``: the patterns of the handlers."""
        return self.routes.catalog.events(
            skip_internal=skip_internal, with_endpoints=with_endpoints
        )

    async def ping(self, node_id: str, timeout: float = 2.0) -> Pong:
        """Measure the time of a packet to a node and its reply; it is 0 for this node.

        Raises:
            MoleculerClientError: the node is not in the cluster.
            RequestTimeoutError: it has not replied within *timeout* seconds.
            BrokerDisconnectedError: this node has no connection to the cluster.
        """
        if node_id == self.node_id:
            return Pong(node_id, 0.0, 0.0)
        remote = self.routes.remote
        if remote is None:
            raise node_not_found(node_id)
        return await remote.ping(node_id, timeout)

    async def wait_for_services(
        self, names: str | Iterable[str], timeout: float | None = None
    ) -> None:
        """Wait until each of the services *names* has an action on any node.

        Raises:
            MoleculerServerError: a service is still missing after *timeout* seconds.
        """
        await self.routes.wait_for({names} if isinstance(names, str) else names, timeout)


def _may_call(parent: Context | None, endpoint: ActionEndpoint) -> bool:
    """Whether *parent* is a call of the service of *endpoint*, or a message of the same class."""
    if parent is not None and parent.service == endpoint.service:
        return True
    request = _current() if parent is None else parent.request
    definition = None if request is None else request.definition
    return definition is not None and definition.metadata.target is endpoint.target


async def _on_new_stack(call: Coroutine[Any, Any, Any]) -> Any:
    """Await *call* in a separate task. The calls of one task share one Python stack, whose limit
    is reached long before ``max_call_level`` if each has timeouts and wrappers."""
    return await asyncio.create_task(call)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _raise(exc: Exception) -> NoReturn:
    raise exc
