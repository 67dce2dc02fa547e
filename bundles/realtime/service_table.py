"""The services of an application, by namespace."""

from collections.abc import Awaitable, Callable, Mapping
from weakref import WeakKeyDictionary

import attrs

from bundles.realtime.service import Service
from rxkernel import Compiled, Connection, Definition, Transport


@attrs.frozen(eq=False)
class ServedNamespace:
    """A service; *connecting* are the middlewares of the connections to its namespace."""

    service: Service
    connecting: tuple[Callable[[Connection], Awaitable[object]], ...]


class ServiceTable:
    """Finds the service of a connection."""

    def __init__(self) -> None:
        self._seen: WeakKeyDictionary[Definition, ServedNamespace] = WeakKeyDictionary()
        self._by_namespace: Mapping[str, ServedNamespace] = {}

    def add(self, definition: Definition, served: ServedNamespace) -> None:
        """*definition* is one of *served*, and is served from the next `compiled` on."""
        self._seen[definition] = served

    def compiled(self, compiled: Compiled) -> None:
        """Keep the services whose definitions are served."""
        served: dict[str, ServedNamespace] = {}
        for definition in compiled.definitions[Transport.SOCKET]:
            if (found := self._seen.get(definition)) is not None:
                served.setdefault(definition.namespace, found)
        self._by_namespace = served

    def find(self, connection: Connection) -> ServedNamespace | None:
        """Return the service of *connection*, or None."""
        return self._by_namespace.get(connection.route_namespace)
