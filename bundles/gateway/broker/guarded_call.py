"""A call with a timeout, retries, a circuit breaker or a fallback."""

import asyncio
import inspect
import logging
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Protocol

from bundles.gateway.broker.call_options import UNSET, CallMeta, CallOptions
from bundles.gateway.broker.circuit_breaker import CircuitBreakers
from bundles.gateway.broker.context import Context
from bundles.gateway.broker.result_stream import ResultStream
from bundles.gateway.broker.retries import Retries, is_retryable
from bundles.gateway.broker.route import Endpoint, Route
from bundles.gateway.exceptions import (
    RequestTimeoutError,
    ServiceNotAvailableError,
    ServiceNotFoundError,
)

logger = logging.getLogger(__name__)

_KNOWN = CallOptions.__annotations__.keys()


class Attempts(Protocol):
    """The part of the broker that a guarded call uses."""

    @property
    def circuits(self) -> CircuitBreakers | None: ...

    def _new_context(
        self,
        name: str,
        params: Any,
        parent: Context | None,
        shared: bool,
        meta: CallMeta | None,
        deadline: float | None,
    ) -> Context: ...

    def _attempt(self, endpoint: Endpoint, context: Context) -> Coroutine[Any, Any, Any]: ...


class GuardedCall:
    """One call, which may consist of several attempts, each on the next endpoint of *route*.

    The meta of the caller changes only once, at the end: attempts that were repeated, and calls
    whose result is the fallback, do not change it.
    """

    def __init__(
        self,
        broker: Attempts,
        route: Route,
        params: Any,
        parent: Context | None,
        options: CallOptions,
        pauses: Retries,
        shared: bool,
    ) -> None:
        timeout, retries = options.get("timeout"), options.get("retries")
        self._broker = broker
        self._route = route
        self._params = params
        self._parent = parent
        self._options = options
        self._pauses = pauses
        self._shared = shared
        self._timeout = route.timeout if timeout is None else timeout
        self._retries = route.retries if retries is None else retries
        if options.get("stream") is not None:
            self._retries = 0  # a stream can be read only once
        self._fallback = options.get("fallback", route.fallback)
        self._context: Context
        self._endpoint: Endpoint | None = None  # the endpoint of the last attempt
        self._failed: list[str] = []  # the nodes of earlier attempts

    async def run(self) -> Any:
        """Return the result of the call, or of the fallback."""
        self._check()
        self._begin()
        try:
            result = await self._repeated()
        except Exception as exc:
            if self._fallback is not UNSET and self._is_known(exc):
                return await self._result_of_fallback(exc)
            self._end()
            raise
        self._end()
        return result

    def _check(self) -> None:
        if unknown := self._options.keys() - _KNOWN:
            raise TypeError(
                f"unknown options of a call: {', '.join(sorted(unknown))}; "
                f"known are {', '.join(_KNOWN)}"
            )

    def _is_known(self, exc: Exception) -> bool:
        """False if *exc* reports that the node of the options does not offer the action."""
        return self._endpoint is not None or not isinstance(exc, ServiceNotFoundError)

    def _begin(self) -> None:
        """Set the context of one attempt. Each attempt has the whole timeout."""
        deadline = asyncio.get_running_loop().time() + self._timeout if self._timeout else None
        outer = None if self._parent is None else self._parent.deadline
        if outer is not None and (deadline is None or outer <= deadline):
            deadline = None  # the outer call times out first, together with this one
        self._context = context = self._broker._new_context(
            self._route.name,
            self._params,
            self._parent,
            self._shared,
            self._options.get("meta"),
            deadline,
        )
        context.sharing = None  # until `_end`: the attempt may be repeated
        context.stream = self._options.get("stream")

    def _end(self) -> None:
        if self._shared:
            self._context.sharing = self._parent
            self._context.end()

    async def _repeated(self) -> Any:
        attempt = 0
        while True:
            try:
                return await self._attempt()
            except Exception as exc:
                if not self._retries or not is_retryable(exc):
                    raise
                attempt += 1
                pause = self._pauses.delay(attempt)
                if attempt > self._retries:
                    with suppress(AttributeError):  # a property without a setter
                        exc.retryable = False  # type: ignore[attr-defined]
                    raise
                if not self._has_time_for(pause):
                    raise
                self._note_failure(exc, attempt, pause)
            await self._pauses.pause(pause)
            self._begin()

    def _note_failure(self, exc: Exception, attempt: int, pause: float) -> None:
        if self._endpoint is not None:
            self._failed.append(self._endpoint.node_id)
        logger.info(
            "the call of %r%s has failed, attempt %d of %d follows in %.2f seconds: %.200s",
            self._route.name,
            "" if self._endpoint is None else f" on the node {self._endpoint.node_id!r}",
            *(attempt + 1, self._retries + 1, pause, exc),
        )

    async def _attempt(self) -> Any:
        node_id = self._options.get("node_id")
        self._endpoint = endpoint = self._route.next(node_id, self._failed)
        circuits = self._broker.circuits
        if circuits is None:
            return await self._timed(endpoint, self._context)
        circuit = circuits.circuit(endpoint.name, endpoint.node_id)
        if not circuit.is_available(asyncio.get_running_loop().time()):
            raise ServiceNotAvailableError(endpoint.name, node_id)
        return await circuit.watch(self._timed(endpoint, self._context))

    async def _timed(self, endpoint: Endpoint, context: Context) -> Any:
        parent, deadline = self._parent, context.deadline
        if deadline is None or (parent is not None and deadline == parent.deadline):
            return await self._broker._attempt(endpoint, context)
        limit = asyncio.timeout_at(deadline)
        try:
            async with limit:
                result = await self._broker._attempt(endpoint, context)
        except Exception as exc:
            if not limit.expired():
                raise
            raise RequestTimeoutError(endpoint.name, endpoint.node_id) from exc
        if limit.expired():  # the action caught its cancellation and returned
            if isinstance(result, ResultStream):
                await result.aclose()
            raise RequestTimeoutError(endpoint.name, endpoint.node_id)
        return result

    def _has_time_for(self, pause: float) -> bool:
        remaining = None if self._parent is None else self._parent.remaining
        return remaining is None or remaining > pause

    async def _result_of_fallback(self, exc: Exception) -> Any:
        if not callable(self._fallback):
            return self._fallback
        result = self._fallback(self._context, exc)
        return await result if inspect.isawaitable(result) else result
