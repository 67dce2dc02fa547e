"""`Middleware`: runs before the actions of the services and controllers that list it."""

from collections.abc import Sequence

from bundles.tasks.listed import list_problem
from rxkernel import ConfigurationError, Connection, Request, Response


class Middleware:
    """Override one or more methods, and list the class in ``middlewares`` of a `Service` or a
    `Controller`. The injector builds one instance of it.

    The middlewares of a component run in the order of the list. If a method raises, or returns a
    `Response`, the following ones and the action do not run. The action can read the
    ``attributes`` and the ``token`` of the request or the connection that they have set.
    """

    async def http(self, request: Request) -> Response | None:
        """Called with each request to a controller, after its body was read."""
        return None

    async def connect(self, connection: Connection) -> None:
        """Called before a client is connected to the namespace of a service. An exception refuses
        the client, which receives the text, and ``data`` of an `IOServerError`."""

    async def event(self, request: Request) -> Response | None:
        """Called with each event of a service."""
        return None


Listed = Sequence[type[Middleware] | Middleware]
"""The type of the argument ``middlewares`` of components."""


def listed(given: Listed, owner: str) -> tuple[type[Middleware] | Middleware, ...]:
    """Return *given*, the middlewares of *owner*.

    Raises:
        ConfigurationError: *given* is not a list or a tuple, for example a single class.
    """
    problem = list_problem(f"middlewares of {owner}", given, "Login")
    if problem is not None:
        raise ConfigurationError(problem)
    return tuple(given)
