"""Checks endpoints that take the connection of the client, since HTTP does not have one."""

from collections.abc import Collection
from typing import Any

from bundles.autoload.endpoints.taken import EMPTY, Taken
from rxkernel import ConfigurationError, Connection, Transport

METACOM = Transport("METACOM")
"""The transport of the bundle metacom, if it is enabled."""


def check_connections(
    taken: Taken, served: Collection[str], transports: Collection[Transport]
) -> None:
    """Reject required parameters that are connections, if HTTP serves the endpoint.

    Args:
        served: the transports of the endpoint.
        transports: all transports of the application.

    Raises:
        ConfigurationError: lists each such parameter.
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
    """Return the field to write. A subclass of `Connection` belongs to one transport."""
    if METACOM not in transports:
        return 'transports = ("SOCKET",)'
    if cls is Connection:
        return 'transports = ("SOCKET", "METACOM")'
    return 'transports = ("METACOM",)'
