"""The services of an application, by namespace."""

from collections.abc import Awaitable, Callable, Mapping
from weakref import WeakKeyDictionary

import attrs
from injector import inject

from bundles.realtime.middlewares import Middlewares, overriding
from bundles.realtime.service import Service
from rxkernel import Compiled, Connection, Definition, Transport


@attrs.frozen(eq=False)
class ServedNamespace:
    """The service of one namespace; *connecting* are the middlewares of its connections."""

    service: Service
    connecting: tuple[Callable[[Connection], Awaitable[object]], ...]


class ServiceTable:
    """Finds the service of a connection."""

    @inject
    def __init__(self, middlewares: Middlewares) -> None:
        self._middlewares = middlewares
        self._seen: WeakKeyDictionary[Definition, Service] = WeakKeyDictionary()
        self._by_namespace: Mapping[str, ServedNamespace] = {}

    def add(self, definition: Definition, service: Service) -> None:
        """*definition* is one of *service*, and is served from the next `compiled` on."""
        self._seen[definition] = service

    def compiled(self, compiled: Compiled) -> None:
        """Keep the services whose definitions are served."""
        served: dict[str, ServedNamespace] = {}
        for definition in compiled.definitions[Transport.SOCKET]:
            service, namespace = self._seen.get(definition), definition.namespace
            if service is not None and namespace not in served:
                chain = self._middlewares.of(service.middlewares, type(service).__qualname__)
                served[namespace] = ServedNamespace(service, overriding(chain, "connect"))
        self._by_namespace = served

    def find(self, connection: Connection) -> ServedNamespace | None:
        """Return the service of *connection*, or None."""
        return self._by_namespace.get(connection.route_namespace)
