"""`Broker`: calls actions by name, and sends events to their handlers."""

import asyncio
import inspect
from collections.abc import Awaitable, Coroutine, Iterable, Mapping
from typing import Any, Unpack

from injector import inject

from bundles.gateway.broker.call_options import UNSET, CallItem, CallMeta, CallOptions
from bundles.gateway.broker.context import Context
from bundles.gateway.broker.emitter import Emitter
from bundles.gateway.broker.messages import Messages, new_request
from bundles.gateway.broker.registry import ActionEndpoint, Registry
from bundles.gateway.broker.retries import Retries, is_retryable
from bundles.gateway.broker.transport import ACTIONS, EVENTS
from bundles.gateway.errors import (
    MaxCallLevelError,
    RequestSkippedError,
    RequestTimeoutError,
    ServiceNotFoundError,
)
from bundles.gateway.settings import GatewaySettings
from rxkernel import Compiled, Request, current_request

_current = current_request.get
_new = object.__new__
_NO_OPTIONS: CallOptions = {}


class Broker:
    """
    Attributes:
        node_id: the name of this node.
        registry: its actions and event handlers; replaced by each reload.
    """

    @inject
    def __init__(
        self, settings: GatewaySettings, messages: Messages, emitter: Emitter, retries: Retries
    ) -> None:
        self.node_id = settings.node_id
        self.registry = Registry(None, settings)
        self._settings = settings
        self._messages = messages
        self._emitter = emitter
        self._retries = retries

    def context(self, meta: CallMeta | None = None) -> Context:
        """Return a context of the current message for calls that share *meta*, which is copied.

        After each of its calls, ``context.meta`` has what the action has set.
        """
        request = _current()
        if request is None:
            request = Request(ACTIONS)
        return Context(self, request, meta)

    def call(
        self, action: str, params: Any = None, **options: Unpack[CallOptions]
    ) -> Coroutine[Any, Any, Any]:
        """Call *action* with *params* and return its result.

        It runs in the task of the caller, with the id, the token and the connection of the current
        message. Within another call it has the remaining time, but not its meta: see
        `Context.call`. A timeout cancels the action. If a call within *action* was repeated in
        vain, its error is not repeated again.

        Raises:
            ServiceNotFoundError: the action does not exist, or may not be called from here.
            RequestTimeoutError: it has not ended in time.
            RequestSkippedError: no time was left for it.
            MaxCallLevelError: calls are nested too deeply.
            ValidationError: the parameters are invalid.
            Exception: what the action has raised.
        """
        return self.start(action, params, self._parent(), options)

    def start(
        self,
        action: str,
        params: Any,
        parent: Context | None,
        options: CallOptions,
        *,
        shared: bool = False,
    ) -> Coroutine[Any, Any, Any]:
        """As `call`, within *parent*, with which it shares the meta if *shared*."""
        endpoint = self.registry.actions.get(action)
        if endpoint is None:
            return _raise(ServiceNotFoundError(action))
        if endpoint.is_private and _service_of(parent) != endpoint.service:
            return _raise(ServiceNotFoundError(action))
        if options or endpoint.has_policy:
            return self._with_policy(endpoint, params, parent, options, shared)
        return self._attempt(endpoint, params, parent, None, shared)

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

    def _attempt(
        self,
        endpoint: ActionEndpoint,
        params: Any,
        parent: Context | None,
        meta: CallMeta | None,
        shared: bool,
        deadline: float | None = None,
    ) -> Coroutine[Any, Any, Any]:
        name = endpoint.name
        context: Context = _new(Context)
        context._broker = self
        context.name = name
        shared_meta: dict[str, Any] | None = None
        if parent is None:
            origin = _current()
        else:
            origin = parent.request
            level = parent.level + 1
            if level > self._settings.max_call_level:
                return _raise(MaxCallLevelError(self.node_id, level))
            context.level = level
            context.caller = parent.name
            if deadline is None:
                deadline = parent.deadline
            if deadline is not None and deadline <= _now():
                return _raise(RequestSkippedError(name, self.node_id))
            if shared:
                shared_meta = parent.meta
        if shared_meta or meta:
            context.inherit({**(shared_meta or {}), **(meta or {})})
        context.deadline = deadline
        request = context.request = new_request(ACTIONS, name, params, origin)
        return self._messages.run(endpoint.definition, request, context, shared_meta)

    # --- timeouts, retries, fallbacks

    async def _with_policy(
        self,
        endpoint: ActionEndpoint,
        params: Any,
        parent: Context | None,
        options: CallOptions,
        shared: bool,
    ) -> Any:
        node_id = options.get("node_id")
        if node_id is not None and node_id != self.node_id:
            raise ServiceNotFoundError(endpoint.name, node_id)
        try:
            return await self._repeated(endpoint, params, parent, options, shared)
        except Exception as exc:
            fallback = options.get("fallback", endpoint.options.fallback)
            if fallback is UNSET:
                raise
            return await self._result_of(fallback, parent, params, exc)

    async def _result_of(
        self, fallback: Any, parent: Context | None, params: Any, exc: Exception
    ) -> Any:
        if not callable(fallback):
            return fallback
        origin = _current() if parent is None else parent.request
        context = Context(self, new_request(ACTIONS, "", params, origin))
        result = fallback(context, exc)
        return await result if inspect.isawaitable(result) else result

    async def _repeated(
        self,
        endpoint: ActionEndpoint,
        params: Any,
        parent: Context | None,
        options: CallOptions,
        shared: bool,
    ) -> Any:
        own, settings = endpoint.options, self._settings
        retries = _first(options.get("retries"), own.retries, settings.retries)
        timeout = _first(options.get("timeout"), own.timeout, settings.request_timeout)
        attempt = 0
        while True:
            try:
                return await self._timed(endpoint, params, parent, options, shared, timeout)
            except Exception as exc:
                if not retries or not is_retryable(exc):
                    raise
                attempt += 1
                pause = self._retries.delay(attempt)
                if attempt > retries or not _has_time(parent, pause):
                    raise
            await self._retries.pause(pause)

    async def _timed(
        self,
        endpoint: ActionEndpoint,
        params: Any,
        parent: Context | None,
        options: CallOptions,
        shared: bool,
        timeout: float,
    ) -> Any:
        meta = options.get("meta")
        if not timeout:
            return await self._attempt(endpoint, params, parent, meta, shared)
        deadline = _now() + timeout
        outer = None if parent is None else parent.deadline
        if outer is not None and outer <= deadline:  # the timeout of the outer call is earlier
            return await self._attempt(endpoint, params, parent, meta, shared)
        try:
            async with asyncio.timeout_at(deadline) as limit:
                result = await self._attempt(endpoint, params, parent, meta, shared, deadline)
        except Exception as exc:
            if not limit.expired():
                raise
            raise RequestTimeoutError(endpoint.name, self.node_id) from exc
        if limit.expired():  # the action has caught its cancellation
            raise RequestTimeoutError(endpoint.name, self.node_id)
        return result

    # --- events

    async def emit(
        self,
        event: str,
        payload: Any = None,
        *,
        groups: Iterable[str] | None = None,
        meta: CallMeta | None = None,
    ) -> None:
        """Send *event* to one handler of each group that listens to it, and await these.

        Each handler runs in a task of its own. Their exceptions are logged.

        Args:
            groups: only these groups.
        """
        await self.publish(
            event, payload, self._parent(), groups=groups, meta=meta, all_handlers=False
        )

    async def broadcast(
        self,
        event: str,
        payload: Any = None,
        *,
        groups: Iterable[str] | None = None,
        meta: CallMeta | None = None,
    ) -> None:
        """As `emit`, to all handlers on all nodes."""
        await self.publish(
            event, payload, self._parent(), groups=groups, meta=meta, all_handlers=True
        )

    async def broadcast_local(
        self,
        event: str,
        payload: Any = None,
        *,
        groups: Iterable[str] | None = None,
        meta: CallMeta | None = None,
    ) -> None:
        """As `broadcast`, to the handlers on this node."""
        await self.publish(
            event, payload, self._parent(), groups=groups, meta=meta, all_handlers=True
        )

    async def publish(
        self,
        event: str,
        payload: Any,
        parent: Context | None,
        *,
        groups: Iterable[str] | None,
        meta: CallMeta | None,
        all_handlers: bool,
    ) -> None:
        """Send *event* within *parent*."""
        level = 1 if parent is None else parent.level + 1
        if level > self._settings.max_call_level:
            raise MaxCallLevelError(self.node_id, level)
        found = self.registry.handlers_of(event, groups, all_handlers=all_handlers)
        await self._emitter.send(self, event, payload, parent, meta, found)

    # --- several calls

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
        return await self.start_all(calls, self._parent(), options, settled)

    async def start_all(
        self,
        calls: Iterable[CallItem] | Mapping[str, CallItem],
        parent: Context | None,
        options: CallOptions,
        settled: bool,
        *,
        shared: bool = False,
    ) -> Any:
        """As `mcall`, within *parent*."""
        items = list(calls.values() if isinstance(calls, Mapping) else calls)
        tasks = [
            asyncio.create_task(
                self.start(
                    item["action"],
                    item.get("params"),
                    parent,
                    {**options, **item.get("options", _NO_OPTIONS)},
                    shared=shared,
                )
            )
            for item in items
        ]
        results = await _results_of(tasks, settled)
        return dict(zip(calls, results, strict=True)) if isinstance(calls, Mapping) else results

    # --- for the bundle

    def use(self, compiled: Compiled) -> None:
        """Offer the actions and handlers of *compiled* from now on."""
        self.registry = Registry(compiled, self._settings)


async def _results_of(tasks: "list[asyncio.Task[Any]]", settled: bool) -> list[Any]:
    """Await *tasks* and return their results; all have ended afterwards."""
    if not tasks:
        return []
    try:
        when = asyncio.ALL_COMPLETED if settled else asyncio.FIRST_EXCEPTION
        done, _ = await asyncio.wait(tasks, return_when=when)
        if not settled:
            failed = [task for task in tasks if task in done and task.exception() is not None]
            if failed:
                failed[0].result()
        return [task.exception() or task.result() for task in tasks]
    finally:
        late = [task for task in tasks if not task.done()]
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)


def _service_of(context: Context | None) -> str | None:
    """The service of the action whose context is *context*."""
    if context is None or context.name is None:
        return None
    return context.name.rpartition(".")[0]


def _first(*values: Any) -> Any:
    """The first of *values* that is not None."""
    return next(value for value in values if value is not None)


def _has_time(parent: Context | None, seconds: float) -> bool:
    remaining = None if parent is None else parent.remaining
    return remaining is None or remaining > seconds


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _raise(exc: Exception) -> Awaitable[None]:
    raise exc
