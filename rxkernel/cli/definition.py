"""Finds one definition by name, over any transport."""

from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.kernel import Kernel
from rxkernel.messages.transport import Transport
from rxkernel.nearest import nearest
from rxkernel.routing.definitions import Definition


def find_definition(kernel: Kernel, name: str, transport: Transport | None) -> Definition:
    """Return the definition *name*. Without *transport*, HTTP is searched first, then Socket.IO,
    then the transports of bundles.

    Raises:
        ConfigurationError: the definition does not exist.
    """
    if transport is not None and transport not in kernel.definitions:
        raise ConfigurationError(
            f"unknown transport {str(transport)!r}; known: {', '.join(kernel.definitions)}"
        )
    searched = [kernel.definitions[transport]] if transport else [*kernel.definitions.values()]
    for definitions in searched:
        found: Definition | None = definitions.get(name)
        if found is not None:
            return found
    keys = dict.fromkeys(key for definitions in searched for key in definitions.keys())  # noqa: SIM118
    where = f" over {transport}" if transport else ""
    near = nearest(name, [*keys])
    hint = f"did you mean {near!r}?" if near else f"known: {', '.join(keys) or '(empty)'}"
    raise ConfigurationError(f"unknown definition {name!r}{where}; {hint}")
