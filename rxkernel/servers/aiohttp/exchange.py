"""A request and its answer."""

import asyncio
from typing import Any

from rxkernel.kernel.kernel import Kernel
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.servers.aiohttp.guard import Guard


class Exchange:
    """A request and what was sent for it, if anything could be.

    ``sender`` is aiohttp's task for it, which ends when the answer has left; ``guard`` is told
    of that too. ``runner`` is the task that has run the listeners and the action, where that is
    another one. ``waiting`` is an answer that aiohttp is still to be given, another way.
    """

    response: Response | None = None
    waiting: Response | None = None
    sender: "asyncio.Task[Any] | None" = None
    runner: "asyncio.Task[Any] | None" = None
    guard: Guard | None = None

    def __init__(self, kernel: Kernel, request: Request) -> None:
        self.kernel = kernel
        self.request = request

    def end(self, task: "asyncio.Task[Any]") -> None:
        """The request's *task* is done."""
        if self.guard is not None:
            self.guard.end(task)
        self.kernel.terminate(self.request, self.response, self.runner or task)
