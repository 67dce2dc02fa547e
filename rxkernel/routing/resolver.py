"""What a bundle writes to fill parameters that have its own marker."""

import inspect
from collections.abc import Callable
from typing import Any, Protocol

from rxkernel.events.dispatcher import is_async
from rxkernel.messages.request import Request
from rxkernel.routing.definitions import Definition
from rxkernel.routing.signature import Parameter


class Resolver(Protocol):
    """Fills the parameters of one marker, see ``Bundle.resolvers``.

    It may also have ``describe(marker, parameter)``, which returns what a client must send, see
    `InputDescription`.
    """

    def bind(
        self, marker: Any, parameter: Parameter, definition: Definition
    ) -> Callable[[Request], Any]:
        """What gives the argument for a request; called once at boot, for each parameter.

        It is awaited when it is ``async def``; else what it returns is the argument as it is. It
        may raise an `HttpException`. ``parameter.default`` is for it to use: the kernel does not.

        Raises:
            ConfigurationError: it cannot fill this parameter; boot reports it with the others.
        """


_BIND = "def bind(self, marker, parameter, definition)"


def problem_of_bind(resolver: Any) -> str | None:
    """Why boot cannot call ``bind`` of *resolver*, a class or an instance; None where it can."""
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
    except ValueError:  # written in C, so its parameters are not known
        return None
    return None
