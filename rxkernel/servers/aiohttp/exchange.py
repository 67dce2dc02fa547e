"""A request and its answer."""

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

    def end(self, _: object) -> None:
        """The request's task is done."""
        self.kernel.terminate(self.request, self.response)
