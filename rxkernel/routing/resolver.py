"""What a bundle writes to fill parameters that have its own marker."""

from collections.abc import Callable
from typing import Any, Protocol

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
