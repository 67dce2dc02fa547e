"""The time that a message may take, listeners and action together."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from rxkernel.events.dispatcher import AsyncEventDispatcher
from rxkernel.exceptions import ServiceUnavailableException
from rxkernel.kernel.errors import log_failure
from rxkernel.kernel.events import Action
from rxkernel.kernel.pipeline import Pipeline
from rxkernel.kernel.scopes import current_request
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response, close_source
from rxkernel.routing.definitions import Definition


class TimedPipeline(Pipeline):
    """A pipeline that is cut off after so many seconds, with a 503 of the code ``timeout``.

    The listeners of that exception, and those of the answer, get the same time once more. It
    is no 504: a gateway says that of the server behind it (RFC 9110 section 15.6.5).

    What runs is cancelled: its ``finally`` runs, and the answer waits for that. Whatever it
    returns or raises instead is dropped. A thread cannot be stopped: a plain ``def`` goes on.
    """

    def __init__(
        self, dispatcher: AsyncEventDispatcher, definition: Definition | None, seconds: float
    ) -> None:
        super().__init__(dispatcher, definition)
        self._seconds = seconds

    async def run(self, request: Request, action: Action) -> Response:
        token = current_request.set(request)
        try:
            return await self._limited(request, super().run(request, action))
        except _DeadlineException as exc:
            return await self.rescue(request, exc)
        finally:
            current_request.reset(token)

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
                response = await work
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


class _DeadlineException(ServiceUnavailableException):
    def __init__(self, seconds: float) -> None:
        super().__init__(f"not answered within {seconds:g} s", code="timeout")
