"""The interface of the class of a bundle that provides the arguments for a marker."""

import inspect
from collections.abc import Callable
from typing import Any, Protocol

from rxkernel.events.dispatcher import is_async
from rxkernel.messages.request import Request
from rxkernel.routing.definitions import Definition
from rxkernel.routing.signature import Parameter


class Resolver(Protocol):
    """Provides the arguments for one marker, see ``Bundle.resolvers``.

    It may also have ``describe(marker, parameter)``, which returns what a client must send, see
    `InputDescription`.
    """

    def bind(
        self, marker: Any, parameter: Parameter, definition: Definition
    ) -> Callable[[Request], Any]:
        """Return a function that returns the argument for a request.

        Boot calls `bind` once for each parameter. The function may be ``async def``, and may raise
        an `HttpException`. It must apply ``parameter.default`` itself: the kernel does not.

        Raises:
            ConfigurationError: the parameter is not supported; boot reports it with the others.
        """


_BIND = "def bind(self, marker, parameter, definition)"


def problem_of_bind(resolver: Any) -> str | None:
    """Return why boot cannot call ``bind`` of *resolver*, a class or an instance; else None."""
    cls = resolver if isinstance(resolver, type) else type(resolver)
    name, bind = f"{cls.__qualname__}.bind", getattr(resolver, "bind", None)
    if not callable(bind) or bind is Resolver.bind:
        return f"{name} does not exist; write {_BIND}"
    if is_async(bind) or inspect.isgeneratorfunction(bind):
        return (
            f"{name} is not a plain def; boot calls it without await: write {_BIND}, and return "
            f"an async def"
        )
    takes_self = cls is resolver and inspect.isfunction(inspect.getattr_static(cls, "bind"))
    try:
        inspect.signature(bind).bind(*[None] * (4 if takes_self else 3))
    except TypeError:
        return f"{name} takes other parameters; write {_BIND}"
    except ValueError:  # implemented in C, so its parameters are unknown
        return None
    return None
