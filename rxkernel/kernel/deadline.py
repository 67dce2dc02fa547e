"""``request_timeout``: the time limit of a message, for its listeners, body and action."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from rxkernel.exceptions import ServiceUnavailableException
from rxkernel.kernel.errors import log_failure
from rxkernel.kernel.pipeline import Pipeline
from rxkernel.kernel.route import Route
from rxkernel.kernel.scopes import current_request
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response, close_source
from rxkernel.messages.scoped_services import ScopedServices
from rxkernel.routing.definitions import Handler


class Deadline:
    """An `asyncio.timeout` that can be paused, together with *outer*, the one around it."""

    def __init__(self, limit: asyncio.Timeout, outer: "Deadline | None") -> None:
        self._limit = limit
        self._outer = outer
        self._pauses = 0
        self._remaining = 0.0
        self.is_over = False

    @property
    def is_missed(self) -> bool:
        return self._limit.expired()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Pause the timeout within the block. Blocks may overlap, also in several tasks."""
        loop = asyncio.get_running_loop()
        with nullcontext() if self._outer is None else self._outer.paused():
            if self._pauses == 0 and (when := self._limit.when()) is not None:
                self._remaining = when - loop.time()
                self._reschedule(None)
            self._pauses += 1
            try:
                yield
            finally:
                self._pauses -= 1
                if self._pauses == 0:
                    self._reschedule(loop.time() + self._remaining)

    def _reschedule(self, when: float | None) -> None:
        # A task that runs after the message, or its cleanup, may still read: too late to pause.
        if not self.is_over and not self._limit.expired():
            self._limit.reschedule(when)


_current: ContextVar[Deadline | None] = ContextVar("current_deadline", default=None)


def client_is_awaited() -> AbstractContextManager[None]:
    """Pause the timeout of the message within the block, while it waits for the client."""
    deadline = _current.get()
    return nullcontext() if deadline is None else deadline.paused()


class TimedPipeline(Pipeline):
    """A pipeline whose phases have a timeout: 503 with the code ``timeout``.

    504 is for gateways (RFC 9110 section 15.6.5). The timeout is paused while the server waits for
    the client to send the body (`client_is_awaited`).
    """

    def __init__(self, *given: Any, seconds: float) -> None:
        super().__init__(*given)
        self._seconds = seconds

    async def respond(self, request: Request, response: Response) -> Response:
        return await self._limited(request, super().respond(request, response))

    async def handle_exception(self, request: Request, exception: Exception) -> Response:
        return await self._limited(request, super().handle_exception(request, exception))

    async def _limited(self, request: Request, work: Coroutine[Any, Any, Response]) -> Response:
        """Return the response of *work*, or raise its exception or the exception of the timeout.

        `asyncio.timeout` alone would treat every `TimeoutError` as its own, and would accept the
        late response of an action that catches its cancellation.
        """
        limit = asyncio.timeout(self._seconds)
        try:
            async with limit:
                response = await _with_deadline(limit, work)
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
    """A route with one timeout for its listeners, its body and its action together.

    The exception phase has the same timeout once more, and so does the response phase of a
    standard error. Wrappers of the handler are within the timeout; the exception phase of the
    timeout itself is outside of them.

    The timeout cancels the code of the message. Its ``finally`` blocks run before the response is
    sent. If it returns a value or raises another exception instead, that is ignored, and the
    exception is logged. A thread cannot be cancelled: a plain ``def`` continues.
    """

    async def handle(self, request: Request) -> Response:
        token = current_request.set(request)
        run = Route.handle if self.wrapped is None else Route.handle_wrapped
        try:
            return await self._limited(request, run(self, request))
        except _DeadlineException as exc:
            return await self.handle_exception(request, exc)
        finally:
            current_request.reset(token)

    async def _exit_managers(
        self, request: Request, services: ScopedServices, response: Response
    ) -> None:
        """See `Route`. But if the action caught the cancellation of the timeout, its response
        is not sent, and the message fails."""
        deadline = _current.get()
        if deadline is not None and deadline.is_missed:
            await close_source(response)
            raise asyncio.CancelledError
        await super()._exit_managers(request, services, response)

    def wrap_handler(self, handler: Handler) -> None:
        self.wrapped = handler


async def _with_deadline(limit: asyncio.Timeout, work: Coroutine[Any, Any, Response]) -> Response:
    deadline = Deadline(limit, _current.get())
    token = _current.set(deadline)
    try:
        return await work
    finally:
        deadline.is_over = True
        _current.reset(token)


class _DeadlineException(ServiceUnavailableException):
    def __init__(self, seconds: float) -> None:
        super().__init__(f"no response within {seconds:g} s", code="timeout")
