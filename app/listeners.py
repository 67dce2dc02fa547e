"""Listeners for every request, over both transports."""

import logging
from time import perf_counter

from app.accounts import UsernameTakenError
from app.tasks import TaskNotFoundError
from rxkernel import (
    ConflictException,
    ExceptionEvent,
    KernelEvents,
    NotFoundException,
    Request,
    RequestEvent,
    ResponseEvent,
    TerminateEvent,
    observe,
)

logger = logging.getLogger(__name__)

_BEGAN, _TOOK = "timer.began", "timer.took"


class RequestTimer:
    """Sends the duration of each request to the client, in milliseconds, and logs it.

    The header is that of W3C Server Timing; browsers show it with the request.
    """

    @observe(KernelEvents.KERNEL_REQUEST, priority=1000)
    async def begin(self, event: RequestEvent) -> None:
        event.request.attributes[_BEGAN] = perf_counter()

    @observe(KernelEvents.KERNEL_RESPONSE, priority=-1000)
    async def end(self, event: ResponseEvent) -> None:
        began = event.request.attributes.get(_BEGAN)
        if began is None:  # a request without a definition has no request phase
            return
        took = event.request.attributes[_TOOK] = (perf_counter() - began) * 1000
        event.response.headers["Server-Timing"] = f"kernel;dur={took:.1f}"

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def log(self, event: TerminateEvent) -> None:
        request, status = event.request, event.response.status_code
        took = request.attributes.get(_TOOK, 0.0)
        logger.log(
            level_of(request, status),
            "%s %s %d in %.1f ms",
            request.transport,
            request.route_name,
            status,
            took,
        )


def level_of(request: Request, status: int) -> int:
    """DEBUG for the files of a page, as in the access log: a page may load many."""
    is_quiet = request.definition is not None and request.definition.options.get("quiet")
    return logging.DEBUG if is_quiet and status < 400 else logging.INFO


class DomainErrors:
    """Turns errors of `app.tasks` and `app.accounts` into HTTP exceptions."""

    @observe(KernelEvents.KERNEL_EXCEPTION)
    async def translate(self, event: ExceptionEvent) -> None:
        message = str(event.exception)
        if isinstance(event.exception, TaskNotFoundError):
            event.set_exception(NotFoundException(message, code="task_not_found"))
        elif isinstance(event.exception, UsernameTakenError):
            event.set_exception(ConflictException(message, code="username_taken"))
