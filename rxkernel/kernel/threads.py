"""Threads that outlive their message: nobody can stop a plain ``def`` that is running."""

import asyncio
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any
from weakref import WeakKeyDictionary

from rxkernel.kernel.errors import log_failure
from rxkernel.kernel.scopes import close_services, current_request
from rxkernel.messages.request import Request

_left: WeakKeyDictionary[Request, list[Future[Any]]] = WeakKeyDictionary()


def leave(thread: Future[Any]) -> None:
    """Nobody waits for the answer of *thread* any more, but `end_scope` does for its end.

    What it raises is logged: there is nobody else to be told.
    """
    request = current_request.get()
    assert request is not None
    _left.setdefault(request, []).append(thread)
    context = copy_context()
    thread.add_done_callback(lambda done: context.run(_tell, request, done))


def _tell(request: Request, thread: Future[Any]) -> None:
    if not thread.cancelled() and (failure := thread.exception()) is not None:
        log_failure(request, failure)


async def end_scope(request: Request) -> None:
    """Close the services of *request* once no thread of it uses them; at once when cancelled,
    as shutdown does with what takes too long."""
    try:
        if threads := _left.pop(request, None):
            await asyncio.gather(*map(asyncio.wrap_future, threads), return_exceptions=True)
    finally:
        await close_services(request)
