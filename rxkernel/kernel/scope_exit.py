"""Closes the services of a message.

Context managers are exited after the handler and before the response is sent, so that a failed
commit becomes an error response. For a stream, whose source may use them, for a WebSocket, and for
a thread that still runs, they stay open and are closed with all other services after the terminate
phase.
"""

import asyncio

from rxkernel.kernel.abandoned_threads import has_abandoned, join_abandoned
from rxkernel.kernel.errors import log_failure, to_failure
from rxkernel.kernel.scopes import close_services
from rxkernel.messages.request import Request
from rxkernel.messages.response import (
    EventStreamResponse,
    Response,
    StreamResponse,
    UpgradeResponse,
)
from rxkernel.messages.scoped_services import ScopedServices

_STREAMS = (StreamResponse, EventStreamResponse, UpgradeResponse)


async def exit_after_response(
    request: Request, services: ScopedServices, response: Response
) -> None:
    """Await the functions of `Request.before_sending` with *response*, then exit the context
    managers of *request*.

    Raises:
        BaseException: a function or a manager raised it. If a manager did, all managers have been
            exited.
    """
    calls, services.before_sending = services.before_sending, ()  # they may hold the request
    for call in calls:
        await call(response)
    if not services.has_managers:
        return
    if isinstance(response, _STREAMS) or has_abandoned(request):
        return
    failure = await services.exit_managers(None)
    if failure is not None:
        raise failure


async def exit_after_failure(
    request: Request, services: ScopedServices, exc: BaseException
) -> Exception:
    """Exit the context managers of *request*, which failed with *exc*.

    Returns:
        The exception of the message: *exc*, or another one that a manager raised.

    Raises:
        BaseException: *exc* is not an error of the message, see `to_failure`. If it is the
            cancellation of the task, the managers have been exited.
    """
    services.failure = exc
    services.before_sending = ()
    try:
        failure: BaseException | None = to_failure(exc)
    except asyncio.CancelledError:
        await _exit_after_cancellation(request, services, exc)
        raise
    if not has_abandoned(request):
        failure = await services.exit_managers(failure)
        services.failure = None  # its traceback holds the frames that hold the request
    assert failure is not None
    return to_failure(failure)


async def _exit_after_cancellation(
    request: Request, services: ScopedServices, exc: BaseException
) -> None:
    if has_abandoned(request):
        return
    failure = await services.exit_managers(exc)
    services.failure = None
    if isinstance(failure, Exception):
        log_failure(request, failure)


async def close_request_scope(request: Request, failure: BaseException | None = None) -> None:
    """Close all services of *request* after the abandoned threads that use them have ended.

    If the task is cancelled, for example by the shutdown timeout, it does not wait for the
    threads. Context managers get *failure*, or None.
    """
    try:
        await join_abandoned(request)
    finally:
        await close_services(request, failure)
