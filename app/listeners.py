"""What holds for every request, whichever way it came."""

import logging
from time import perf_counter

from app.tasks import TaskNotFoundError
from rxkernel import (
    ExceptionEvent,
    KernelEvents,
    NotFoundException,
    RequestEvent,
    ResponseEvent,
    TerminateEvent,
    observe,
)

logger = logging.getLogger(__name__)

_BEGAN, _TOOK = "timer.began", "timer.took"


class RequestTimer:
    """Tells the client how long its request took, in milliseconds, and logs it.

    The header is that of the W3C's Server Timing; browsers show it with the request.
    """

    @observe(KernelEvents.KERNEL_REQUEST, priority=1000)
    async def begin(self, event: RequestEvent) -> None:
        event.request.attributes[_BEGAN] = perf_counter()

    @observe(KernelEvents.KERNEL_RESPONSE, priority=-1000)
    async def end(self, event: ResponseEvent) -> None:
        began = event.request.attributes.get(_BEGAN)
        if began is None:  # the request met no definition, so no request phase either
            return
        took = event.request.attributes[_TOOK] = (perf_counter() - began) * 1000
        event.response.headers["Server-Timing"] = f"kernel;dur={took:.1f}"

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def log(self, event: TerminateEvent) -> None:
        request, status = event.request, event.response.status_code
        took = request.attributes.get(_TOOK, 0.0)
        logger.info("%s %s %d in %.1f ms", request.transport, request.route_name, status, took)


class DomainErrors:
    """Gives the errors of the tasks, which know nothing of clients, their status."""

    @observe(KernelEvents.KERNEL_EXCEPTION)
    async def translate(self, event: ExceptionEvent) -> None:
        if isinstance(event.exception, TaskNotFoundError):
            message = str(event.exception)
            event.set_exception(NotFoundException(message, code="task_not_found"))
