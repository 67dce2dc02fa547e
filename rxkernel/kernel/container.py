"""The interface through which the kernel gets services and resolvers of an application."""

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
    """An argument that is created after all input from the request has been validated."""

    call: Callable[[Request], Any]
    is_async: bool = False


class Container(Protocol):
    """Finds services and resolvers; only `get` is called after boot."""

    def service(self, key: Any, *, over_http: bool) -> LateArgument | None:
        """Return the argument that creates the service *key* for an action.

        None if *key* is not bound, or if it needs a connection and the action is *over_http*.

        Raises:
            ConfigurationError: it cannot be built.
        """

    def unbound(self, key: Any, *, over_http: bool) -> ConfigurationError:
        """Return the error for a *key* for which `service` returned None."""

    def resolver(self, marker: type[Marker]) -> Resolver:
        """Return the resolver of *marker*, or the resolver of its nearest base class.

        Raises:
            ConfigurationError: no enabled bundle has one.
        """

    def default_marker(self, cls: type[Any]) -> Marker | None:
        """Return the marker for a parameter of *cls* without a marker; None if it needs none.

        Raises:
            ConfigurationError: only a bundle that is not enabled has one.
        """

    async def get(self, request: Request, service: type[T]) -> T:
        """See `Request.get`."""


class EmptyContainer:
    """The container of a kernel without an application."""

    def service(self, key: Any, *, over_http: bool) -> LateArgument | None:
        return None

    def unbound(self, key: Any, *, over_http: bool) -> ConfigurationError:
        return ConfigurationError(f"asks for {name_of_key(key)}, but this kernel has no services")

    def resolver(self, marker: type[Marker]) -> Resolver:
        raise ConfigurationError(f"its marker {marker.__qualname__} has no resolver")

    def default_marker(self, cls: type[Any]) -> Marker | None:
        return None

    async def get(self, request: Request, service: type[T]) -> T:
        raise RxKernelError(f"request.get({name_of_key(service)}): this kernel has no services")
