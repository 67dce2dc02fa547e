"""The time that a message may take, listeners and action together."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from rxkernel.exceptions import ServiceUnavailableException
from rxkernel.kernel.errors import log_failure
from rxkernel.kernel.pipeline import Pipeline
from rxkernel.kernel.route import Route
from rxkernel.kernel.scope_exit import close_request_scope
from rxkernel.kernel.scopes import current_request
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response, close_source
from rxkernel.messages.scoped_services import ScopedServices
from rxkernel.routing.definitions import Handler


class Deadline:
    """The clock of an `asyncio.timeout`, and of *outer*, around it; it can be stopped."""

    def __init__(self, limit: asyncio.Timeout, outer: "Deadline | None") -> None:
        self._limit = limit
        self._outer = outer
        self._stops = 0
        self._left = 0.0
        self.is_over = False

    @property
    def is_missed(self) -> bool:
        return self._limit.expired()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Within, no time passes."""
        loop = asyncio.get_running_loop()
        with nullcontext() if self._outer is None else self._outer.stopped():
            if self._stops == 0 and (when := self._limit.when()) is not None:
                self._left = when - loop.time()
                self._reschedule(None)
            self._stops += 1
            try:
                yield
            finally:
                self._stops -= 1
                if self._stops == 0:
                    self._reschedule(loop.time() + self._left)

    def _reschedule(self, when: float | None) -> None:
        """Unless it is too late: a task that was left behind, or a clean-up, may still read."""
        if not self.is_over and not self._limit.expired():
            self._limit.reschedule(when)


_current: ContextVar[Deadline | None] = ContextVar("current_deadline", default=None)


def client_is_awaited() -> AbstractContextManager[None]:
    """Around a wait for the client: the time that it takes is none of the message's."""
    deadline = _current.get()
    return nullcontext() if deadline is None else deadline.stopped()


class TimedPipeline(Pipeline):
    """Phases that are cut off after so many seconds, with a 503 of the code ``timeout``.

    It is no 504: a gateway says that of the server behind it (RFC 9110 section 15.6.5). While a
    body is read that the client has not sent yet, the clock stands (`client_is_awaited`).
    """

    def __init__(self, *given: Any, seconds: float) -> None:
        super().__init__(*given)
        self._seconds = seconds

    async def respond(self, request: Request, response: Response) -> Response:
        return await self._limited(request, super().respond(request, response))

    async def rescue(self, request: Request, exception: Exception) -> Response:
        return await self._limited(request, super().rescue(request, exception))

    async def _limited(self, request: Request, work: Coroutine[Any, Any, Response]) -> Response:
        """What *work* returns or raises in time.

        An `asyncio.timeout` alone would take any `TimeoutError` for its own, and the answer of
        an action that catches its cancellation for one in time.
        """
        try:
            async with asyncio.timeout(self._seconds) as limit:
                response = await _clocked(limit, work)
        except Exception as exc:
            if not limit.expired():
                raise
            if not isinstance(exc, TimeoutError):
                log_failure(request, exc)
            raise _DeadlineException(self._seconds) from exc
        if limit.expired():
            await close_source(response)
            raise _DeadlineException(self._seconds)
        return response


class TimedRoute(TimedPipeline, Route):
    """A route whose listeners and action have so many seconds together.

    The listeners of the exception, and those of the answer, get the same time once more. A
    wrapper of the handler is within the time; the answer to a missed deadline is outside of it.

    What runs is cancelled: its ``finally`` runs, and the answer waits for that. Whatever it
    returns or raises instead is dropped. A thread cannot be stopped: a plain ``def`` goes on.
    """

    async def handle(self, request: Request, ends_scope: bool = True) -> Response:
        token = current_request.set(request)
        run = Route.handle if self.wrapped is None else Route.handle_wrapped
        try:
            return await self._limited(request, run(self, request, ends_scope=False))
        except _DeadlineException as exc:
            return await self.rescue(request, exc)
        finally:
            current_request.reset(token)
            if ends_scope and request.services is not None:
                await close_request_scope(request)

    async def _exit_managers(
        self, request: Request, services: ScopedServices, response: Response
    ) -> None:
        """As for any route, but *response* may be that of an action that caught its cancellation:
        it is not sent, so the message has failed."""
        deadline = _current.get()
        if deadline is not None and deadline.is_missed:
            await close_source(response)
            raise asyncio.CancelledError
        await super()._exit_managers(request, services, response)

    def wrap_handler(self, handler: Handler) -> None:
        self.wrapped = handler


async def _clocked(limit: asyncio.Timeout, work: Coroutine[Any, Any, Response]) -> Response:
    deadline = Deadline(limit, _current.get())
    token = _current.set(deadline)
    try:
        return await work
    finally:
        deadline.is_over = True
        _current.reset(token)


class _DeadlineException(ServiceUnavailableException):
    def __init__(self, seconds: float) -> None:
        super().__init__(f"not answered within {seconds:g} s", code="timeout")
