"""One handler: the function of a file, or one that a program has registered."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs

Function = Callable[..., Awaitable[Any]]


@attrs.frozen(eq=False)
class Handler:
    """A function for one stage of the requests to a directory.

    Attributes:
        stage: one of `STAGES`.
        is_middleware: whether it takes a request and the rest of the chain, and returns a
            response. parameters: its further parameters, which the kernel passes by name. fields:
            of the contract; for stages that are not verbs ``timeout``, in seconds. options: other
            options, which decorators have set on *function*. key: of its file, or of the file that
            has registered it; empty if it was registered on the bundle.
        line: the line of the function in this file, if it is defined there.
        place: the path and the line of a function that a program has registered.
    """

    stage: str
    function: Function
    is_middleware: bool
    parameters: Mapping[str, inspect.Parameter]
    fields: Mapping[str, Any]
    options: Mapping[str, Any]
    key: str
    line: int | None = None
    place: str | None = None

    def where(self, show: Callable[[str, int | None], str]) -> str:
        """Return its path and line; *show* is `Tree.show`."""
        return self.place or show(self.key, self.line)
