"""`Broker`: calls actions by name, and sends events to their handlers."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, NoReturn, Unpack

from injector import inject

from bundles.gateway.broker.call_options import CallItem, CallMeta, CallOptions
from bundles.gateway.broker.catalog import (
    action_entries,
    event_entries,
    node_entry,
    service_entries,
)
from bundles.gateway.broker.circuit_breaker import Circuit, CircuitBreakers, State, event_of
from bundles.gateway.broker.context import Context
from bundles.gateway.broker.emitter import Emitter
from bundles.gateway.broker.guarded_call import GuardedCall
from bundles.gateway.broker.messages import Messages, new_request
from bundles.gateway.broker.registry import ActionEndpoint, Registry
from bundles.gateway.broker.retries import Retries
from bundles.gateway.broker.several_calls import items_of, results_of
from bundles.gateway.broker.transport import ACTIONS, EVENTS
from bundles.gateway.cachers.cacher import Cacher
from bundles.gateway.errors import (
    MaxCallLevelError,
    MoleculerError,
    MoleculerServerError,
    RequestSkippedError,
    ServiceNotFoundError,
)
from bundles.gateway.settings import GatewaySettings
from rxkernel import Compiled, Request, current_request

logger = logging.getLogger(__name__)

_current = current_request.get
_new = object.__new__
_NO_OPTIONS: CallOptions = {}

_LEVELS_OF_STACK = 20
"""How many nested calls run in one task."""


class Broker:
    """
    Attributes:
        node_id: the name of this node.
        registry: its actions and event handlers; replaced by each reload.
        cacher: the results of actions with a cache.
        circuits: those of the actions on all nodes; None: the setting ``circuit_breaker`` is off.
    """

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
        self.registry = Registry(None, settings)
        self.cacher = cacher
        self._settings = settings
        self._messages = messages
        self._emitter = emitter
        self._retries = retries
        self._changed = asyncio.Event()
        self.circuits: CircuitBreakers | None = None
        if settings.circuit_breaker:
            self.circuits = CircuitBreakers(settings, self._circuit_changed)

    def context(self, meta: CallMeta | None = None) -> Context:
        """Return a context of the current message for calls that share *meta*, which is copied.

        After each of its calls, ``context.meta`` has what the action has set.
        """
        request = _current()
        return Context(self, Request(ACTIONS) if request is None else request, meta)

    # --- calls

    def call(
        self, action: str, params: Any = None, **options: Unpack[CallOptions]
    ) -> Coroutine[Any, Any, Any]:
        """Call *action* with *params* and return its result.

        It runs in the task of the caller, with the id, the token and the connection of the current
        message. Within another call it has the remaining time, but not its meta: see
        `Context.call`. A timeout cancels the action. An error after which the call was repeated
        in vain has ``retryable = False``, so that outer calls are not repeated for it.

        Raises:
            ServiceNotFoundError: the action does not exist, or may not be called from here.
            ServiceNotAvailableError: its circuit is open.
            QueueIsFullError: as many calls run and wait as its bulkhead allows.
            RequestTimeoutError: it has not ended in time.
            RequestSkippedError: no time was left for it.
            MaxCallLevelError: calls are nested too deeply.
            ValidationError: the parameters are invalid.
            Exception: what the action has raised.
        """
        return self.start(action, params, self._parent(), options)

    async def mcall(
        self,
        calls: Iterable[CallItem] | Mapping[str, CallItem],
        *,
        settled: bool = False,
        **options: Unpack[CallOptions],
    ) -> Any:
        """Make all *calls* at the same time; return a list of their results, or a dict for a dict.

        Each runs in a task of its own. After the first exception the others are cancelled, and it
        is raised. If *settled*, all end, and exceptions are among the results. *options* are for
        all calls; those of a call override them.
        """
        return await self.start_all(calls, self._parent(), options, settled=settled)

    def start(
        self,
        action: str,
        params: Any,
        parent: Context | None,
        options: CallOptions,
        *,
        shared: bool = False,
    ) -> Coroutine[Any, Any, Any]:
        """As `call`, within *parent*; *shared*: the meta of *parent* is that of the call, too."""
        endpoint = self.registry.actions.get(action)
        if endpoint is None or (endpoint.is_private and not _may_call(parent, endpoint)):
            return _raise(ServiceNotFoundError(action))
        if options or endpoint.has_policy:
            call = GuardedCall(
                self, endpoint, params, parent, options, self._retries, shared
            ).run()
        else:
            try:
                context = self.new_context(endpoint, params, parent, shared)
            except MoleculerError as exc:
                return _raise(exc)
            call = self._messages.run(endpoint.definition, context)
        if parent is not None and parent.level % _LEVELS_OF_STACK == _LEVELS_OF_STACK - 1:
            return _on_new_stack(call)
        return call

    async def start_all(
        self,
        calls: Iterable[CallItem] | Mapping[str, CallItem],
        parent: Context | None,
        options: CallOptions,
        *,
        settled: bool,
        shared: bool = False,
    ) -> Any:
        """As `mcall`, within *parent*, as `start`."""
        started = (
            self.start(
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

    def new_context(
        self,
        endpoint: ActionEndpoint,
        params: Any,
        parent: Context | None,
        shared: bool,
        meta: CallMeta | None = None,
        deadline: float | None = None,
    ) -> Context:
        """Return the context of one call of *endpoint* within *parent*.

        Raises:
            MaxCallLevelError, RequestSkippedError: it must not be called.
        """
        context: Context = _new(Context)  # its attributes have the values of a call
        context._broker = self
        context.name = name = endpoint.name
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

    def attempt(self, endpoint: ActionEndpoint, context: Context) -> Coroutine[Any, Any, Any]:
        """Run *endpoint* once, in *context*."""
        return self._messages.run(endpoint.definition, context)

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
        """Send *event* to one handler of each group that listens to it, and wait for these.

        Each handler runs in a task of its own, and continues if the caller is cancelled. Its
        exceptions are logged.

        Args:
            groups: only these groups.
            meta: the meta of the handlers.

        Raises:
            MaxCallLevelError: calls and events are nested too deeply.
        """
        await self.publish(event, payload, self._parent(), groups, meta)

    async def broadcast(
        self,
        event: str,
        payload: Any = None,
        *,
        groups: str | Iterable[str] | None = None,
        meta: CallMeta | None = None,
    ) -> None:
        """As `emit`, to all handlers on all nodes."""
        await self.publish(event, payload, self._parent(), groups, meta, to_all=True)

    async def broadcast_local(
        self,
        event: str,
        payload: Any = None,
        *,
        groups: str | Iterable[str] | None = None,
        meta: CallMeta | None = None,
    ) -> None:
        """As `broadcast`, to the handlers on this node."""
        await self.publish(event, payload, self._parent(), groups, meta, to_all=True)

    async def publish(
        self,
        event: str,
        payload: Any,
        parent: Context | None,
        groups: str | Iterable[str] | None,
        meta: CallMeta | None,
        *,
        to_all: bool = False,
    ) -> None:
        """As `emit`, or `broadcast` with *to_all*, within *parent*."""
        if parent is not None and parent.level >= self._settings.max_call_level:
            raise MaxCallLevelError(self.node_id, parent.level + 1)
        handlers = self.registry.handlers_of(event, groups, to_all=to_all)
        await self._emitter.send(self, event, payload, parent, meta, handlers)

    def _circuit_changed(self, circuit: Circuit, before: State) -> None:
        """Log the change, and send its event to the handlers on this node."""
        if circuit.state == "closed":
            logger.info("the circuit of %s on %s has closed", circuit.action, circuit.node_id)
        elif before == "closed":
            logger.warning(
                "the circuit of %s on %s has opened: %d of %d calls have failed",
                *(circuit.action, circuit.node_id, circuit.failures, circuit.count),
            )
        event, payload = event_of(circuit)
        handlers = self.registry.handlers_of(event, None, to_all=True)
        self._emitter.post(self, event, payload, handlers)

    # --- what this node offers

    def nodes(self) -> list[dict[str, Any]]:
        """What the action ``$node.list`` returns."""
        return [node_entry(self.node_id)]

    def services(
        self, *, skip_internal: bool = False, with_actions: bool = False
    ) -> list[dict[str, Any]]:
        """What ``$node.services`` returns, without names with ``$`` if *skip_internal*."""
        return service_entries(
            self.registry, self.node_id, skip_internal=skip_internal, with_actions=with_actions
        )

    def actions(
        self, *, skip_internal: bool = False, with_endpoints: bool = False
    ) -> list[dict[str, Any]]:
        """What ``$node.actions`` returns; with the nodes of each action if *with_endpoints*."""
        return action_entries(
            self.registry, self.node_id, skip_internal=skip_internal, with_endpoints=with_endpoints
        )

    def events(
        self, *, skip_internal: bool = False, with_endpoints: bool = False
    ) -> list[dict[str, Any]]:
        """What ``$node.events`` returns: the patterns that handlers listen to."""
        return event_entries(
            self.registry, self.node_id, skip_internal=skip_internal, with_endpoints=with_endpoints
        )

    def use(self, compiled: Compiled) -> None:
        """Offer the actions and handlers of *compiled* from now on."""
        self.registry = Registry(compiled, self._settings)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def wait_for_services(
        self, names: str | Iterable[str], timeout: float | None = None
    ) -> None:
        """Wait until all services *names* have an action.

        Raises:
            MoleculerServerError: some are missing after *timeout* seconds.
        """
        wanted = {names} if isinstance(names, str) else set(names)
        limit = asyncio.timeout(timeout)
        try:
            async with limit:
                while not wanted <= self.registry.services:
                    await self._changed.wait()
        except TimeoutError:
            if not limit.expired():
                raise
            _services_missing(wanted - self.registry.services)


def _may_call(parent: Context | None, endpoint: ActionEndpoint) -> bool:
    """Whether *parent* is a call of the service of *endpoint*, or a message of the same class."""
    if parent is not None and parent.service == endpoint.service:
        return True
    request = _current() if parent is None else parent.request
    definition = None if request is None else request.definition
    return definition is not None and definition.metadata.target is endpoint.target


def _services_missing(names: set[str]) -> NoReturn:
    raise MoleculerServerError(
        "Services waiting is timed out.", 500, "WAITFOR_SERVICES", {"services": sorted(names)}
    )


async def _on_new_stack(call: Coroutine[Any, Any, Any]) -> Any:
    """Await *call* in a task of its own: the calls of one task are on one stack of Python, which
    ends long before ``max_call_level`` if there are timeouts and wrappers around each."""
    return await asyncio.create_task(call)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _raise(exc: Exception) -> NoReturn:
    raise exc
