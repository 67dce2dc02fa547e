"""The services of an application, by namespace."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import attrs

from bundles.realtime.service import Service
from rxkernel import (
    Compiled,
    ConfigurationError,
    Connection,
    Definition,
    Transport,
    WebSocketMetadata,
    routes_of,
)


@attrs.frozen(eq=False)
class ServedNamespace:
    """A service; *connecting* are the middlewares that run for connections to its namespace."""

    service: Service
    connecting: tuple[Callable[[Connection], Awaitable[object]], ...]


class ServiceTable:
    """Finds the service of a connection."""

    def __init__(self) -> None:
        self._seen: WeakKeyDictionary[Definition, ServedNamespace] = WeakKeyDictionary()
        self._by_namespace: Mapping[str, ServedNamespace] = {}

    def add(self, definition: Definition, served: ServedNamespace) -> None:
        """Add *definition* of *served*; it is used from the next call of `compiled` on."""
        self._seen[definition] = served

    def compiled(self, compiled: Compiled) -> None:
        """Use the services whose definitions are in *compiled*."""
        served: dict[str, ServedNamespace] = {}
        for definition in compiled.definitions[Transport.SOCKET]:
            if (found := self._seen.get(definition)) is not None:
                served.setdefault(definition.namespace, found)
        self._by_namespace = served

    def find(self, connection: Connection) -> ServedNamespace | None:
        """Return the service of *connection*, or None."""
        return self._by_namespace.get(connection.route_namespace)


def check_namespaces(services: Iterable[Any]) -> None:
    """Check that each of *services*, classes or instances, has its own namespace.

    Raises:
        ConfigurationError: lists every two services that are in the same namespace.
    """
    found: dict[str, Any] = {}
    problems = []
    for service in services:
        for namespace in _namespaces_of(service):
            other = found.setdefault(namespace, service)
            if other is not service:
                one, two = (s if isinstance(s, type) else type(s) for s in (other, service))
                problems.append(
                    f"the services {one.__qualname__} and {two.__qualname__} are both in the "
                    f"namespace {namespace!r}, which can have only one service; set another "
                    f"namespace: class {two.__name__}(Service, namespace=…), or put their events "
                    f"into one class"
                )
    if problems:
        raise ConfigurationError(*problems)


def _namespaces_of(service: Any) -> set[str]:
    return {r.namespace for r in routes_of(service) if isinstance(r, WebSocketMetadata)}
