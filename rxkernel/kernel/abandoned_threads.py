"""Threads that continue after their message was cancelled: a plain ``def`` cannot be stopped."""

import asyncio
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any
from weakref import WeakKeyDictionary

from rxkernel.kernel.errors import log_failure
from rxkernel.kernel.scopes import current_request
from rxkernel.messages.request import Request

_abandoned: WeakKeyDictionary[Request, list[Future[Any]]] = WeakKeyDictionary()

_running: set[Future[Any]] = set()
"""The futures of all abandoned threads that still run. It is checked first, because a lookup in
`_abandoned` creates a weak reference, which is slow."""


def abandon(thread: Future[Any]) -> None:
    """Stop waiting for *thread*, which runs for the current message.

    Its exception is logged, since nothing else receives it.
    """
    request = current_request.get()
    assert request is not None
    _abandoned.setdefault(request, []).append(thread)
    _running.add(thread)
    context = copy_context()
    thread.add_done_callback(_running.discard)
    thread.add_done_callback(lambda done: context.run(_log_failure, request, done))


def _log_failure(request: Request, thread: Future[Any]) -> None:
    if not thread.cancelled() and (failure := thread.exception()) is not None:
        log_failure(request, failure)


def abandoned_threads(request: Request) -> tuple[Future[Any], ...]:
    """Return the futures of plain ``def`` actions of *request* that were cancelled while they ran.

    Each is done when its thread has ended. When all have ended, and after the end of the message,
    the result is empty.
    """
    return tuple(_abandoned.get(request, ())) if _running else ()


def has_abandoned(request: Request) -> bool:
    """Whether an abandoned thread may still use the services of *request*."""
    return bool(_running) and request in _abandoned


async def join_abandoned(request: Request) -> None:
    """Wait for the abandoned threads of *request*."""
    if _running and (threads := _abandoned.pop(request, None)):
        await asyncio.gather(*map(asyncio.wrap_future, threads), return_exceptions=True)
