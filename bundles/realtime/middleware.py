"""`Middleware`: runs before the actions of the services and controllers that list it."""

from collections.abc import Sequence

from bundles.tasks.listed import list_problem
from rxkernel import ConfigurationError, Connection, Request, Response


class Middleware:
    """Override any of the methods; list the class in ``middlewares`` of a `Service`, or of a
    controller. The injector builds one instance of it.

    The middlewares of a component run in the order of the list. A method that raises, or returns
    a `Response`, ends the chain, and the action does not run. The action sees what they set in
    ``attributes`` and ``token`` of the request or the connection.
    """

    async def http(self, request: Request) -> Response | None:
        """Called with each request to a controller, when its body is read."""
        return None

    async def connect(self, connection: Connection) -> None:
        """Called before a client is connected to the namespace of a service. An error refuses the
        client, which receives its text, and the ``data`` of an `IOServerError`."""

    async def event(self, request: Request) -> Response | None:
        """Called with each event of a service."""
        return None


Listed = Sequence[type[Middleware] | Middleware]
"""What the argument ``middlewares`` of a component takes."""


def listed(given: Listed, owner: str) -> tuple[type[Middleware] | Middleware, ...]:
    """Return *given*, the middlewares of *owner*.

    Raises:
        ConfigurationError: it is not a list or a tuple, but a single class, for example.
    """
    problem = list_problem(f"middlewares of {owner}", given, "Login")
    if problem is not None:
        raise ConfigurationError(problem)
    return tuple(given)
