"""The rule for endpoints that take the connection of the client, which HTTP does not have."""

from collections.abc import Collection
from typing import Any

from bundles.autoload.endpoints.taken import EMPTY, Taken
from rxkernel import ConfigurationError, Connection, Transport

METACOM = Transport("METACOM")
"""The transport of the bundle metacom, if it is enabled."""


def check_connections(
    taken: Taken, served: Collection[str], transports: Collection[Transport]
) -> None:
    """Reject a parameter that is a connection, and not None, of an endpoint that HTTP serves.

    Raises:
        ConfigurationError: with each such parameter. *transports* are those that exist.
    """
    if Transport.HTTP not in served:
        return
    problems = [
        f"HTTP has no {parameter.annotation.__name__}, which {name!r} needs; write "
        f"{_advice(parameter.annotation, transports)}, or take context: Context, where "
        f"context.client is an error 426 over HTTP"
        for name, parameter in taken.provided.items()
        if parameter.default is EMPTY and _is_connection(parameter.annotation)
    ]
    if problems:
        raise ConfigurationError(*problems)


def _is_connection(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Connection)


def _advice(cls: type, transports: Collection[Transport]) -> str:
    """Return the field to write. A subclass is that of one transport."""
    if METACOM not in transports:
        return 'transports = ("SOCKET",)'
    if cls is Connection:
        return 'transports = ("SOCKET", "METACOM")'
    return 'transports = ("METACOM",)'
