"""`Context`: what a call or an event knows beside its parameters."""

import asyncio
from collections.abc import Awaitable, Coroutine, Iterable, Mapping, MutableMapping
from typing import Annotated, Any, Protocol, Unpack

import attrs

from bundles.gateway.broker.call_options import CallItem, CallMeta, CallOptions
from rxkernel import Marker, Request

_ABSENT = object()


class Calls(Protocol):
    """The broker, as a context uses it."""

    @property
    def node_id(self) -> str: ...

    def start(
        self, action: str, params: Any, parent: "Context", options: CallOptions, *, shared: bool
    ) -> Coroutine[Any, Any, Any]: ...

    def start_all(
        self,
        calls: Iterable[CallItem] | Mapping[str, CallItem],
        parent: "Context",
        options: CallOptions,
        settled: bool,
        *,
        shared: bool,
    ) -> Awaitable[Any]: ...

    def publish(
        self,
        event: str,
        payload: Any,
        parent: "Context",
        *,
        groups: Iterable[str] | None,
        meta: CallMeta | None,
        all_handlers: bool,
    ) -> Awaitable[None]: ...


class Context:
    """The context of one call, of one handled event, or of a message that makes calls.

    An action takes it as ``ctx: CurrentContext``. Other messages get a new one, at level 0.

    Attributes:
        request: the message, whose body the parameters are.
        level: how many calls and events are around this one, itself included.
        caller: the name of the action, or of the event, that made the call; None: it is the first.
        deadline: when the call times out, by the clock of the event loop; None: never.
        event_name, event_group: of a handled event, else None.
        cached_result: whether the result was read from a cache.
    """

    # Class attributes are the defaults of a call, so that it sets only what differs.
    request: Request
    _broker: Calls
    level: int = 0
    caller: str | None = None
    name: str | None = None
    deadline: float | None = None
    event_name: str | None = None
    event_group: str | None = None
    cached_result: bool = False
    repeated: BaseException | None = None
    _inherited: Mapping[str, Any] | None = None
    _meta: dict[str, Any] | None = None

    def __init__(self, broker: Calls, request: Request, meta: CallMeta | None = None) -> None:
        self._broker = broker
        self.request = request
        if meta:
            self._meta = dict(meta)

    @property
    def params(self) -> Any:
        """What the caller passed; an empty dict for None."""
        body = self.request.body
        return {} if body is None else body

    @property
    def meta(self) -> dict[str, Any]:
        """Data that goes down to nested calls. What an action sets goes up to its caller, too."""
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
        """The seconds until the call times out, 0 or more; None: it does not."""
        if self.deadline is None:
            return None
        return max(0.0, self.deadline - asyncio.get_running_loop().time())

    def call(
        self, action: str, params: Any = None, **options: Unpack[CallOptions]
    ) -> Coroutine[Any, Any, Any]:
        """As `Broker.call`, within this call: it has the remaining time, and shares the meta."""
        return self._broker.start(action, params, self, options, shared=True)

    async def mcall(
        self,
        calls: Iterable[CallItem] | Mapping[str, CallItem],
        *,
        settled: bool = False,
        **options: Unpack[CallOptions],
    ) -> Any:
        """As `Broker.mcall`, within this call, as `call`."""
        return await self._broker.start_all(calls, self, options, settled, shared=True)

    async def emit(
        self,
        event: str,
        payload: Any = None,
        *,
        groups: Iterable[str] | None = None,
        meta: CallMeta | None = None,
    ) -> None:
        """As `Broker.emit`, with the meta of this call."""
        await self._broker.publish(
            event,
            payload,
            self,
            groups=groups,
            meta={**self.meta, **(meta or {})},
            all_handlers=False,
        )

    async def broadcast(
        self,
        event: str,
        payload: Any = None,
        *,
        groups: Iterable[str] | None = None,
        meta: CallMeta | None = None,
    ) -> None:
        """As `Broker.broadcast`, with the meta of this call."""
        await self._broker.publish(
            event,
            payload,
            self,
            groups=groups,
            meta={**self.meta, **(meta or {})},
            all_handlers=True,
        )

    # --- for the broker

    def inherit(self, meta: Mapping[str, Any]) -> None:
        """Begin with a copy of *meta*, which is not changed any more."""
        self._inherited = meta

    def has_meta(self) -> bool:
        return bool(self._inherited if self._meta is None else self._meta)

    def merge_into(self, meta: MutableMapping[str, Any]) -> None:
        """Set in *meta* what was set in this context since its beginning."""
        inherited = self._inherited or {}
        for key, value in (self._meta or {}).items():
            if inherited.get(key, _ABSENT) is not value:
                meta[key] = value


@attrs.frozen
class ContextMarker(Marker):
    """The marker of `CurrentContext`."""


CurrentContext = Annotated[Context, ContextMarker()]
"""The context of the call, the event or any other message: ``ctx: CurrentContext``."""
