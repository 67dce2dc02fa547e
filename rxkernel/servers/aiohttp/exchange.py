"""A request and its answer."""

import asyncio
from typing import Any

from rxkernel.kernel.kernel import Kernel
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response


class Exchange:
    """A request and what was sent for it, if anything could be.

    ``sender`` is aiohttp's task for it, which ends when the answer has left.
    """

    response: Response | None = None
    sender: "asyncio.Task[Any] | None" = None

    def __init__(self, kernel: Kernel, request: Request) -> None:
        self.kernel = kernel
        self.request = request

    def end(self, _: object = None) -> None:
        """The request's task is done."""
        self.kernel.terminate(self.request, self.response)
