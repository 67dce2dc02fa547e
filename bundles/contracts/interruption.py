"""Cancels an action: at its timeout, or when its client has disconnected."""

import asyncio
import logging
from collections import Counter
from functools import partial
from typing import Any

from bundles.contracts.actions import Action
from rxkernel import HttpException, Request, RequestTimeoutException, abandoned_threads

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

    async def interruptible(request: Request) -> Any:
        interruption = _Interruption()
        timer = None
        if seconds is not None:
            timer = interruption.loop.call_later(seconds, interruption.interrupt, TIMEOUT)
        if on_disconnect:
            revoke = request.when_disconnected(partial(interruption.interrupt, DISCONNECTED))
        try:
            if interruption.reason is None:
                result = await action(request)
        except BaseException as exc:
            if interruption.reason is None:
                raise
            interruption.failure = exc
        finally:
            if timer is not None:
                timer.cancel()
            if on_disconnect:
                revoke()
        if interruption.reason is None:
            return result
        return await interruption.end(request, seconds, counts)

    return interruptible


class _Interruption:
    """The cancellation of the current task; as `asyncio.timeout` does it, for two reasons."""

    __slots__ = ("_before", "failure", "loop", "reason", "task")

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.task = task
        self.loop = task.get_loop()
        self.reason: str | None = None
        self.failure: BaseException | None = None
        self._before = task.cancelling()

    def interrupt(self, reason: str) -> None:
        if self.reason is None:
            self.reason = reason
            if asyncio.current_task(self.loop) is not self.task:
                self.task.cancel()

    async def end(self, request: Request, seconds: float | None, counts: Counter[str]) -> Any:
        """Raise the exception of the message, after the action has ended.

        Raises:
            asyncio.CancelledError: the task was cancelled by another too.
        """
        assert self.reason is not None
        failure, self.failure = self.failure, None
        try:
            if self.task.cancelling() > self._before and self.task.uncancel() > self._before:
                raise asyncio.CancelledError
            counts[self.reason] += 1
            if abandoned_threads(request):
                counts[RUNNING_THREAD] += 1
            if failure is not None and not isinstance(failure, asyncio.CancelledError):
                if not isinstance(failure, Exception):
                    raise failure
                logger.error(
                    "%s %s failed while it was cancelled",
                    request.transport,
                    request.route_name,
                    exc_info=failure,
                )
            raise _exception(self.reason, seconds) from failure
        finally:
            del failure  # its traceback holds this frame


def _exception(reason: str, seconds: float | None) -> HttpException:
    if reason == DISCONNECTED or seconds is None:
        return ClientDisconnectedException(code=DISCONNECTED)
    return RequestTimeoutException(f"Timeout of {seconds * 1000:g}ms reached", code=TIMEOUT)
