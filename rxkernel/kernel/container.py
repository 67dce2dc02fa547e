"""What the kernel asks an application for: the services and the resolvers of its actions."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import attrs

from rxkernel.exceptions import ConfigurationError, RxKernelError
from rxkernel.messages.request import Request
from rxkernel.messages.scoped_services import name_of_key
from rxkernel.routing.markers import Marker
from rxkernel.routing.resolver import Resolver

T = TypeVar("T")


@attrs.frozen(eq=False)
class LateArgument:
    """An argument that is made for a request that fits, so behind those that are read from it."""

    call: Callable[[Request], Any]
    is_async: bool = False


class Container(Protocol):
    """Finds services and resolvers; asked at boot, but for `get`."""

    def service(self, key: Any, *, over_http: bool) -> LateArgument | None:
        """What gives the service *key* to an action; None where nothing binds it, or it needs a
        connection *over_http*.

        Raises:
            ConfigurationError: it cannot be built.
        """

    def unbound(self, key: Any, *, over_http: bool) -> ConfigurationError:
        """Why `service` found nothing for *key*."""

    def resolver(self, marker: type[Marker]) -> Resolver:
        """The resolver of *marker*, or of the nearest class that it derives from.

        Raises:
            ConfigurationError: no enabled bundle has one.
        """

    async def get(self, request: Request, service: type[T]) -> T:
        """As `Request.get`."""


class EmptyContainer:
    """That of a kernel without an application."""

    def service(self, key: Any, *, over_http: bool) -> LateArgument | None:
        return None

    def unbound(self, key: Any, *, over_http: bool) -> ConfigurationError:
        return ConfigurationError(f"asks for {name_of_key(key)}, and this kernel has no services")

    def resolver(self, marker: type[Marker]) -> Resolver:
        raise ConfigurationError(f"its marker {marker.__qualname__} has no resolver here")

    async def get(self, request: Request, service: type[T]) -> T:
        raise RxKernelError(f"request.get({name_of_key(service)}): this kernel has no services")
