"""A request and its answer."""

import asyncio
from typing import Any

import attrs

from rxkernel.kernel.kernel import Kernel
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response


@attrs.define(eq=False)
class Exchange:
    """A request and what was sent for it, if anything could be."""

    kernel: Kernel
    request: Request
    response: Response | None = attrs.field(default=None, init=False)
    sender: "asyncio.Task[Any] | None" = attrs.field(default=None, init=False)
    """aiohttp's task for it, which ends when the answer has left."""

    def end(self, _: object) -> None:
        """The request's task is done."""
        self.kernel.terminate(self.request, self.response)
