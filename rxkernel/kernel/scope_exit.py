"""The end of a message's services.

Context managers are left when the handler is done, so that a commit that fails becomes the
response. They stay open for a stream, whose source may use them, and for a thread that still runs;
then they are left with everything else, behind the terminate phase.
"""

import asyncio

from rxkernel.kernel.abandoned_threads import has_abandoned, join_abandoned
from rxkernel.kernel.errors import log_failure, to_failure
from rxkernel.kernel.scopes import close_services
from rxkernel.messages.request import Request
from rxkernel.messages.response import EventStreamResponse, Response, StreamResponse
from rxkernel.messages.scoped_services import ScopedServices

_STREAMS = (StreamResponse, EventStreamResponse)


async def exit_after_response(
    request: Request, services: ScopedServices, response: Response
) -> None:
    """Leave the context managers of *request*, which *response* answers.

    Raises:
        BaseException: what one of them raised; all have been left.
    """
    if isinstance(response, _STREAMS) or has_abandoned(request):
        return
    failure = await services.exit_managers(None)
    if failure is not None:
        raise failure


async def exit_after_failure(
    request: Request, services: ScopedServices, exc: BaseException
) -> Exception:
    """Leave the context managers of *request*, which failed with *exc*.

    Returns:
        What it has failed with by now: a manager may have raised something else.

    Raises:
        BaseException: *exc* ends more than the message, see `to_failure`. They are left when its
            task was cancelled.
    """
    services.failure = exc
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
    """End all services of *request* once no thread uses them; at once when cancelled, as shutdown
    does with what takes too long. Context managers get *failure*, or None."""
    try:
        await join_abandoned(request)
    finally:
        await close_services(request, failure)
