"""`Context`: the data of a call or an event besides its parameters."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Coroutine, Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Protocol, Unpack

import attrs

from bundles.gateway.broker.call_options import CallItem, CallMeta, CallOptions
from rxkernel import Marker, Request

_ABSENT = object()
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Calls(Protocol):
    """The part of the broker that a context uses."""

    @property
    def node_id(self) -> str: ...

    def _start(
        self,
        action: str,
        params: Any,
        parent: "Context | None",
        options: CallOptions,
        *,
        shared: bool,
    ) -> Coroutine[Any, Any, Any]: ...

    def _start_all(
        self,
        calls: Iterable[CallItem] | Mapping[str, CallItem],
        parent: "Context | None",
        options: CallOptions,
        *,
        settled: bool,
        shared: bool,
    ) -> Awaitable[Any]: ...

    def _publish(
        self,
        event: str,
        payload: Any,
        parent: "Context | None",
        groups: str | Iterable[str] | None,
        meta: CallMeta | None,
        *,
        to_all: bool = False,
    ) -> Awaitable[None]: ...


class Context:
    """The context of one call, of one handled event, or of a message that makes calls.

    An action takes it as ``ctx: CurrentContext``. Other messages get a new one, at level 0.

    Attributes:
        request: the message, whose body is the parameters.
        level: 1 for the first call or event, 2 for those within it; 0 for other messages.
        name: the full name of the action, or the name of the event.
        caller: the name of the action or event that made the call; None for the first call.
        deadline: the time of the timeout, by the clock of the event loop; None: no timeout.
        event_name, event_group: the name and the group of a handled event, otherwise None.
        cached_result: whether the result was read from a cache.
        sender: the node that made the call or sent the event; None: this node.
        stream: the pieces that the caller sends in addition to the parameters, or None.
    """

    # `Broker._new_context` skips __init__: class attributes are the defaults of a call.
    request: Request
    _broker: Calls
    level: int = 1
    name: str | None = None
    caller: str | None = None
    deadline: float | None = None
    event_name: str | None = None
    event_group: str | None = None
    cached_result: bool = False
    sender: str | None = None
    stream: AsyncIterable[bytes] | None = None
    sharing: "Context | None" = None  # for the broker
    origin: str | None = None  # for the broker: the node of a context that stands for another node
    _inherited: Mapping[str, Any] | None = None
    _meta: dict[str, Any] | None = None

    def __init__(self, broker: Calls, request: Request, meta: CallMeta | None = None) -> None:
        self._broker = broker
        self.request = request
        self.level = 0
        if meta:
            self._meta = dict(meta)

    @property
    def params(self) -> Any:
        """The parameters that the caller passed; an empty dict for None."""
        body = self.request.body
        return {} if body is None else body

    @property
    def meta(self) -> dict[str, Any]:
        """Data that nested calls receive. Values that an action sets are also set in its
        caller."""
        if self._meta is None:
            self._meta = {} if self._inherited is None else dict(self._inherited)
        return self._meta

    @property
    def request_id(self) -> str:
        """The id of the message that made the first call."""
        return self.request.id

    @property
    def node_id(self) -> str:
        """The node that runs the action."""
        return self._broker.node_id

    @property
    def remaining(self) -> float | None:
        """The seconds until the call times out, 0 or more; None: no timeout."""
        if self.deadline is None:
            return None
        return max(0.0, self.deadline - asyncio.get_running_loop().time())

    def call(
        self, action: str, params: Any = None, **options: Unpack[CallOptions]
    ) -> Coroutine[Any, Any, Any]:
        """Make a call within this one: it has the remaining time, and shares the meta. See
        `Broker.call`."""
        return self._broker._start(action, params, self, options, shared=True)

    async def mcall(
        self,
        calls: Iterable[CallItem] | Mapping[str, CallItem],
        *,
        settled: bool = False,
        **options: Unpack[CallOptions],
    ) -> Any:
        """Make several calls within this one; see `Broker.mcall` and `call`."""
        return await self._broker._start_all(calls, self, options, settled=settled, shared=True)

    async def emit(
        self,
        event: str,
        payload: Any = None,
        *,
        groups: str | Iterable[str] | None = None,
        meta: CallMeta | None = None,
    ) -> None:
        """Send an event with the meta of this call; see `Broker.emit`."""
        await self._broker._publish(event, payload, self, groups, self._with(meta))

    async def broadcast(
        self,
        event: str,
        payload: Any = None,
        *,
        groups: str | Iterable[str] | None = None,
        meta: CallMeta | None = None,
    ) -> None:
        """Send an event with the meta of this call; see `Broker.broadcast`."""
        await self._broker._publish(event, payload, self, groups, self._with(meta), to_all=True)

    def _with(self, meta: CallMeta | None) -> CallMeta | None:
        return {**self.meta, **meta} if meta else self.meta

    # --- for the broker

    @property
    def service(self) -> str | None:
        """The service of the action: the part of its name before the last dot."""
        if self.name is None or self.event_name is not None:
            return None
        return self.name.rpartition(".")[0]

    def inherit(self, meta: Mapping[str, Any]) -> None:
        """Begin with a copy of *meta*, and do not change *meta*."""
        self._inherited = meta

    def share(self, parent: "Context", meta: CallMeta | None) -> None:
        """Begin with the meta of *parent* and *meta*; `end` copies changes to *parent*."""
        self.sharing = parent
        if meta:
            self._inherited = {**parent.meta, **meta}
        elif parent._meta is None:
            self._inherited = parent._inherited
        elif parent._meta:
            self._inherited = parent._meta.copy()

    def changes(self) -> Mapping[str, Any]:
        """Return the values that were set in the meta since its begin."""
        if not self._meta:
            return _NOTHING
        before = self._inherited or _NOTHING
        return {k: v for k, v in self._meta.items() if before.get(k, _ABSENT) is not v}

    def end(self) -> None:
        """Handle the end of the call, whether it succeeded or not."""
        if self._meta and self.sharing is not None and (changed := self.changes()):
            self.sharing.meta.update(changed)


@attrs.frozen
class ContextMarker(Marker):
    """The marker of `CurrentContext`."""


CurrentContext = Annotated[Context, ContextMarker()]
"""The context of the call, the event or any other message: ``ctx: CurrentContext``."""
