"""Cancels an action at its timeout, or when its client has disconnected."""

import asyncio
import logging
from collections import Counter
from functools import partial
from typing import Any

from bundles.contracts.actions import Action
from bundles.contracts.running_calls import TIMEOUT, RunningCalls
from bundles.contracts.running_threads import count_threads
from rxkernel import (
    HttpException,
    Request,
    RequestTimeoutException,
    Response,
)

logger = logging.getLogger(__name__)

DISCONNECTED = "disconnected"
"""The counter of calls that were cancelled since their client had disconnected; see `TIMEOUT`."""


class ClientDisconnectedException(HttpException):
    """The client has disconnected, so the response is not sent."""

    status_code = 499
    phrase = "Client Closed Request"


def interrupting(
    action: Action, seconds: float | None, *, on_disconnect: bool, counts: Counter[str]
) -> Action:
    """Cancel *action* after *seconds*, or when its client disconnects.

    If the action catches its cancellation and returns, its result is dropped.
    """
    calls = RunningCalls(seconds)
    begin, end = calls.begin, calls.running.pop
    if on_disconnect:
        action = _noticing_disconnects(action, calls)

    async def interruptible(request: Request) -> Any:
        begin(request)
        failure: BaseException | None = None
        result = None
        try:
            result = await action(request)
        except BaseException as exc:
            if end(request, None) is not None:
                raise
            failure = exc
        else:
            if end(request, None) is not None:
                return result
        try:
            await _raise_interruption(request, result, failure)
        finally:
            del failure  # its traceback refers to this frame: a reference cycle

    async def _raise_interruption(
        request: Request, result: Any, failure: BaseException | None
    ) -> None:
        reason, task = calls.interruption_of(request)
        await _close(request, result)
        try:
            if task is not None and task.uncancel() > 0:
                raise asyncio.CancelledError  # the task was also cancelled by other code
            counts[reason] += 1
            count_threads(request, counts)
            _log(request, failure)
            raise _exception(reason, seconds) from failure
        finally:
            del failure

    return interruptible


def _noticing_disconnects(action: Action, calls: RunningCalls) -> Action:
    """Wrap *action* so that its calls are interrupted when their clients disconnect."""

    async def noticing(request: Request) -> Any:
        revoke = request.when_disconnected(partial(calls.interrupt, request, DISCONNECTED))
        try:
            return await action(request) if request in calls.running else None
        finally:
            revoke()

    return noticing


def _exception(reason: str, seconds: float | None) -> HttpException:
    if reason == TIMEOUT and seconds is not None:
        return RequestTimeoutException(f"Timeout of {seconds * 1000:g}ms reached", code=TIMEOUT)
    return ClientDisconnectedException(code=DISCONNECTED)


async def _close(request: Request, result: Any) -> None:
    """Close the source of a stream that is not sent."""
    if isinstance(result, Response) and (close := getattr(result.content, "aclose", None)):
        try:
            await close()
        except Exception:
            what = "the dropped stream of %s %s failed when it was closed"
            logger.exception(what, request.transport, request.route_name)


def _log(request: Request, failure: BaseException | None) -> None:
    """Log the exception that an action raised while it was cancelled, except `CancelledError`.

    Raises:
        BaseException: *failure*, if it ends the process.
    """
    if failure is None or isinstance(failure, asyncio.CancelledError | HttpException):
        return
    if not isinstance(failure, Exception):
        raise failure
    what = "%s %s failed while it was cancelled"
    logger.error(what, request.transport, request.route_name, exc_info=failure)
