"""Closes the connection of a message that ends its own credential after the response is sent."""

from collections.abc import Awaitable, Callable

from rxkernel import Request, RxKernelError


def runs_after_response(request: Request, call: Callable[[], Awaitable[None]]) -> bool:
    """Await *call* after the response to *request*.

    Returns:
        False if *request* has ended already, because a task outlives it: *call* is not awaited.
    """
    try:
        request.after_sending(call)
    except RxKernelError:
        return False
    return True
