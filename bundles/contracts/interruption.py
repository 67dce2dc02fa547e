"""Cancels an action: at its timeout, or when its client has disconnected."""

import asyncio
import logging
from asyncio import get_running_loop
from collections import Counter
from typing import Any, NoReturn

from bundles.contracts.actions import Action
from bundles.contracts.deadlines import Deadlines
from rxkernel import HttpException, Request, RequestTimeoutException, Response, abandoned_threads

logger = logging.getLogger(__name__)

TIMEOUT = "timeout"
DISCONNECTED = "disconnected"
RUNNING_THREAD = "running_thread"
"""Counters: actions that were cancelled, and those of them that run on in a thread."""


class ClientDisconnectedException(HttpException):
    """The client has disconnected; nobody receives this response."""

    status_code = 499
    phrase = "Client Closed Request"


def interrupting(
    action: Action, seconds: float | None, *, on_disconnect: bool, counts: Counter[str]
) -> Action:
    """Cancel *action* after *seconds*, or when its client disconnects.

    The result of an action that has caught its cancellation is dropped.
    """
    deadlines = None if seconds is None else Deadlines(seconds)

    async def interruptible(request: Request) -> Any:
        call = _Call(get_running_loop())
        if deadlines is not None:
            deadlines.add(call)
        if on_disconnect:
            revoke = request.when_disconnected(call.disconnected)
        result = None
        try:
            if call.reason is None:
                result = await action(request)
        except BaseException as exc:
            if call.reason is None:
                raise
            call.failure = exc
        finally:
            if deadlines is not None:
                deadlines.remove(call)
            if on_disconnect:
                revoke()
        if call.reason is None:
            return result
        await _close(result)
        return call.end(request, seconds, counts)

    return interruptible


class _Call:
    """A running action and why it was cancelled; see `asyncio.timeout`, which has one reason."""

    __slots__ = ("_is_cancelled", "failure", "loop", "reason", "task")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.task = asyncio.current_task(loop)
        self.reason: str | None = None
        self.failure: BaseException | None = None
        self._is_cancelled = False

    def expire(self) -> None:
        self._cancel(TIMEOUT)

    def disconnected(self) -> None:
        self._cancel(DISCONNECTED)

    def _cancel(self, reason: str) -> None:
        if self.reason is None:
            self.reason = reason
            if self.task is not asyncio.current_task(self.loop):  # else the action itself did it
                assert self.task is not None
                self._is_cancelled = self.task.cancel()

    def end(self, request: Request, seconds: float | None, counts: Counter[str]) -> NoReturn:
        """Raise the exception of the message, after the action has ended.

        Raises:
            asyncio.CancelledError: the task was cancelled by another too.
        """
        assert self.reason is not None
        assert self.task is not None
        failure, self.failure = self.failure, None
        try:
            if self._is_cancelled and self.task.uncancel() > 0:
                raise asyncio.CancelledError
            counts[self.reason] += 1
            if abandoned_threads(request):
                counts[RUNNING_THREAD] += 1
            _log(request, failure)
            raise _exception(self.reason, seconds) from failure
        finally:
            del failure  # its traceback holds this frame


def _exception(reason: str, seconds: float | None) -> HttpException:
    if reason == DISCONNECTED or seconds is None:
        return ClientDisconnectedException(code=DISCONNECTED)
    return RequestTimeoutException(f"Timeout of {seconds * 1000:g}ms reached", code=TIMEOUT)


async def _close(result: Any) -> None:
    """Close the source of a stream that is not sent."""
    if isinstance(result, Response) and (close := getattr(result.content, "aclose", None)):
        await close()


def _log(request: Request, failure: BaseException | None) -> None:
    """Log what an action raised while it was cancelled, unless that is its cancellation.

    Raises:
        BaseException: *failure* ends the process.
    """
    if failure is None or isinstance(failure, asyncio.CancelledError | HttpException):
        return
    if not isinstance(failure, Exception):
        raise failure
    what = "%s %s failed while it was cancelled"
    logger.error(what, request.transport, request.route_name, exc_info=failure)
