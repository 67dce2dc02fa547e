"""Finds the definition and the namespace of an event of a `KernelClient`."""

from collections.abc import Mapping
from typing import Any

from rxkernel.kernel.compiled import Compiled
from rxkernel.messages.transport import Transport
from rxkernel.routing.definitions import WebSocketDefinition
from rxkernel.routing.metadata import ANY_EVENT


def find_event(compiled: Compiled, key: str) -> tuple[WebSocketDefinition, str]:
    """Return the definition of the event *key*, and the name that the client sends.

    An event without its own definition has that of ``*`` in its namespace.

    Raises:
        KeyError: the event does not exist.
    """
    definitions = compiled.definitions[Transport.SOCKET]
    if (found := definitions.get(key)) is not None:
        return found, found.name
    is_whole = key.startswith("/") and ":" in key  # see `WebSocketMetadata.key`
    for definition in definitions:
        if definition.name == ANY_EVENT:
            prefix = definition.metadata.key.removesuffix(ANY_EVENT)
            if not (prefix or is_whole):
                return definition, key
            if key.startswith(prefix := prefix or "/:"):
                return definition, key.removeprefix(prefix)
    definition = definitions[key]  # raises
    return definition, definition.name


def namespace_of(
    definition: WebSocketDefinition, params: Mapping[str, Any] | None
) -> tuple[str, dict[str, Any]]:
    """Return the namespace that a client connects to, and the *params* that it does not contain.

    Raises:
        ValueError: a parameter of the namespace is missing or invalid.
    """
    params, template = dict(params or {}), definition.template
    if template is None:
        return definition.namespace, params
    namespace = template.format(**params)
    return namespace, {name: v for name, v in params.items() if name not in template.parameters}
