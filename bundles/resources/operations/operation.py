"""`Operation`: the base of the operations of a resource."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from bundles.resources.operations.call import Call
from bundles.resources.operations.facts import Facts
from rxkernel import Response, Transport

Label = Callable[[Any], Any]
"""A decorator that labels a route, such as ``access(roles="admin")``."""


@attrs.frozen(kw_only=True)
class Operation(ABC):
    """A route for each of *transports*, with the name ``<name of the resource>_<operation>``.

    Args:
        path: the path below that of the resource, with ``{id}`` for the key of a row.
        labels: decorators of the route, such as ``[access(roles="admin")]``; they override those
            of the class of the resource.
        transports: ``Transport.HTTP``, ``Transport.SOCKET`` or both.
    """

    default_path: ClassVar[str] = ""
    pushes: ClassVar[Sequence[str]] = ()

    if TYPE_CHECKING:

        @property
        def name(self) -> str: ...

        @property
        def method(self) -> str: ...

    @property
    def status_code(self) -> int:
        """The status of a successful response."""
        return 200

    path: str | None = None
    labels: Sequence[Label] = ()
    transports: Collection[Transport] = (Transport.HTTP, Transport.SOCKET)

    @property
    def path_below(self) -> str:
        """The path below that of the resource."""
        return self.default_path if self.path is None else self.path

    def problems(self, facts: Facts) -> Iterator[str]:
        """Yield each error in the arguments for the resource with *facts*."""
        yield from ()

    def parameters(self, facts: Facts, transport: Transport) -> dict[str, tuple[Any, Any]]:
        """Return the annotation and the default of each value that the client sends."""
        return {}

    def returns(self, facts: Facts) -> Any:
        """Return the annotation of the result."""
        return None

    async def before(self, call: Call) -> Any:
        """Load the rows of the operation, and return the ``data`` of the first phase."""
        return None

    @abstractmethod
    async def execute(self, call: Call, data: Any) -> Any:
        """Execute the operation with *data* of the first phase; return the ``data`` of the
        second."""

    async def respond(self, call: Call, data: Any, status_code: int) -> Any:
        """Return the result of the action for *data* of the second phase."""
        return Response(None, status_code)

    @abstractmethod
    def text(self, facts: Facts) -> str | None:
        """Return the text for the documentation, in the form of a docstring with sections."""
