"""From a controller's method to a coroutine function that takes the request."""

import asyncio
import inspect
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import copy_context
from typing import Any

from rxkernel.events.dispatcher import is_async, takes_one
from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.events import Action
from rxkernel.messages.request import Request
from rxkernel.routing.metadata import RouteMetadata


def bind_action(controller: object, metadata: RouteMetadata, threads: Executor) -> Action:
    """Make the method that *metadata* names callable as ``await action(request)``.

    An ``async def`` is taken as it is; a plain ``def`` runs in *threads*, in a copy of the
    caller's context.

    Raises:
        ConfigurationError: there is no such method, or it cannot be called with one request.
    """
    method = getattr(controller, metadata.action, None)
    route = f"route {metadata.key!r} ({metadata.place})"
    if not callable(method):
        raise ConfigurationError(f"{route} has no such method; add it or mend the name")
    if inspect.isasyncgenfunction(method) or inspect.isgeneratorfunction(method):
        raise ConfigurationError(f"{route} yields; return StreamResponse(self.…()) instead")
    if not takes_one(method):
        raise ConfigurationError(f"{route} cannot be called with a request; take (self, request)")
    return method if is_async(method) else _in_thread(method, threads)


def _in_thread(method: Callable[..., Any], threads: Executor) -> Action:
    def call(request: Request) -> Any:
        try:
            return method(request)
        except StopIteration as exc:  # no future can hold it: whoever waits would wait for ever
            raise RuntimeError("the action raised StopIteration") from exc

    async def action(request: Request) -> Any:
        loop = asyncio.get_running_loop()
        result = await loop.run_in_executor(threads, copy_context().run, call, request)
        return await result if inspect.isawaitable(result) else result

    return action
