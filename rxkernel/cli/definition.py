"""Finds one definition by name, on either transport."""

from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.kernel import Kernel
from rxkernel.messages.transport import Transport
from rxkernel.routing.definitions import (
    Definition,
    Definitions,
    HttpDefinition,
    WebSocketDefinition,
)


def find_definition(kernel: Kernel, name: str, transport: Transport | None) -> Definition:
    """The definition called *name*; with no *transport* that of HTTP, else of Socket.IO.

    Raises:
        ConfigurationError: there is none.
    """
    kinds: dict[Transport, Definitions[HttpDefinition] | Definitions[WebSocketDefinition]] = {
        Transport.HTTP: kernel.http_definitions,
        Transport.SOCKET: kernel.websocket_definitions,
    }
    searched = [kinds[transport]] if transport else list(kinds.values())
    for definitions in searched:
        if (found := definitions.get(name)) is not None:
            return found
    keys = dict.fromkeys(d.metadata.key for definitions in searched for d in definitions)
    where = f" over {transport}" if transport else ""
    raise ConfigurationError(
        f"there is no definition {name!r}{where}; there is: {', '.join(keys) or 'none'}"
    )
