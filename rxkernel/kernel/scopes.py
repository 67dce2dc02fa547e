"""Injection scopes: one instance per message, or one per connection.

A controller lives as long as the application, so its actions take a scoped service as an argument,
or it asks for ``injector.ProviderOf[Service]`` and calls ``get()`` while it handles a message. The
instance ends with its message or connection, see `ScopedServices`.
"""

import inspect
from contextvars import ContextVar
from typing import Any, TypeVar

from injector import Injector, InstanceProvider, Provider, Scope, ScopeDecorator

from rxkernel.exceptions import RxKernelError
from rxkernel.kernel.contexts import current_context, run
from rxkernel.messages.connection import Connection
from rxkernel.messages.request import Request
from rxkernel.messages.scoped_services import (
    CLOSED,
    ScopedServices,
    is_async_manager,
    name_of_key,
    services_of,
)

T = TypeVar("T")

current_request: ContextVar[Request | None] = ContextVar("current_request", default=None)
"""The message that this context handles."""

current_connection: ContextVar[Connection | None] = ContextVar("current_connection", default=None)
"""The connection that this context serves."""


def _no_owner(name: str, owner: str) -> RxKernelError:
    return RxKernelError(
        f"{name} lives as long as a {owner}, and none is at hand; take "
        f"injector.ProviderOf[{name}] and call get() while one is handled"
    )


def require_request() -> Request:
    """What a service gets that asks for a `Request`: the message that is handled now.

    Raises:
        RxKernelError: none is.
    """
    if (request := current_request.get()) is None:
        raise _no_owner("Request", "message")
    return request


def require_connection() -> Connection:
    """What a service gets that asks for a `Connection`: the one that is served now.

    Raises:
        RxKernelError: none is, or the message came over HTTP.
    """
    if (connection := _connection_now()) is None:
        raise _no_owner("Connection", "connection")
    return connection


def _connection_now() -> Connection | None:
    request = current_request.get()
    return request.connection if request else current_connection.get()


class AsyncProvider(Provider[Any]):
    """Provides a service that must be awaited or entered, so not from a constructor.

    Args:
        inner: what gives the service, its coroutine, or a context manager that yields it.
        is_awaited: whether *inner* gives a coroutine.
        is_class: whether *inner* gives the service itself, whatever its ``__aenter__`` returns.
    """

    def __init__(
        self, key: Any, inner: Provider[Any], *, is_awaited: bool = False, is_class: bool = False
    ) -> None:
        self.inner = inner
        self._key = key
        self._is_awaited = is_awaited
        self._is_class = is_class

    def get(self, injector: Injector) -> Any:
        """Refuse: whoever asks cannot wait.

        Raises:
            RxKernelError: always.
        """
        raise self.error()

    def error(self) -> RxKernelError:
        """Why a constructor or a ``ProviderOf`` cannot have the service now."""
        name = name_of_key(self._key)
        return RxKernelError(
            f"{name} must be awaited or entered before it is used; take it as an argument of the "
            f"action, Annotated[{name}, Inject()], or call await request.get({name}) first"
        )

    async def open(self, injector: Injector, services: ScopedServices) -> None:
        """Add the service to *services*."""
        made = self.inner.get(injector)
        if self._is_awaited:
            await services.add_awaited(self._key, made)
        elif is_async_manager(type(made)):
            await services.enter(made, self._key, is_service=self._is_class)
        else:
            services.add(self._key, _checked(self._key, made))


class OwnedScope(Scope):
    """Keeps one instance of a service per owner."""

    owner_name: str

    def owner(self) -> Request | Connection | None:
        raise NotImplementedError

    def get(self, key: type[T], provider: Provider[T]) -> Provider[T]:
        if isinstance(provider, AsyncProvider) and self.owner() is None:
            raise provider.error()
        services = self._services(key)
        if key not in services:
            services.add(key, _checked(key, provider.get(self.injector)))
        return InstanceProvider(services[key])

    async def open(self, key: Any, provider: AsyncProvider) -> None:
        """Have the service there, so that `get` finds it."""
        services = self._services(key)
        if key not in services:
            await services.open(key, lambda: provider.open(self.injector, services))

    def _services(self, key: Any) -> ScopedServices:
        owner = self.owner()
        if owner is None:
            raise _no_owner(name_of_key(key), self.owner_name)
        return services_of(owner)


def _checked(key: Any, made: Any) -> Any:
    """*made*, which is used as it is.

    Raises:
        RxKernelError: it should have been awaited or entered, which its provider did not declare.
    """
    if inspect.iscoroutine(made):
        made.close()
        raise RxKernelError(
            f"the provider of {name_of_key(key)} returned a coroutine; declare it with async def"
        )
    if is_async_manager(type(made)):
        name = type(made).__qualname__
        raise RxKernelError(
            f"the provider of {name_of_key(key)} returned a {name}, which is an async context "
            f"manager; annotate the provider, so that it is entered: -> {name}"
        )
    return made


async def close_connection(connection: Connection, failure: BaseException | None = None) -> None:
    """As `close_services`, in the context of *connection*, which then holds it no more."""
    try:
        await close_services(connection, failure)
    finally:
        current_connection.set(None)


async def close_services(
    owner: Request | Connection, failure: BaseException | None = None
) -> None:
    """End the services of *owner*, the latest first; what fails is logged.

    Context managers get *failure*, or None. A service of *owner* cannot be had afterwards.
    """
    services = owner.services
    if services is None:
        owner.services = CLOSED
        return
    if failure is not None:
        services.failure = failure
    await services.close()


class RequestScope(OwnedScope):
    """One instance per message, over HTTP and sockets alike."""

    owner_name = "message"

    def owner(self) -> Request | None:
        return current_request.get()


class ConnectionScope(OwnedScope):
    """One instance per socket connection, from CONNECTED to DISCONNECTED."""

    owner_name = "connection"

    def owner(self) -> Connection | None:
        return _connection_now()

    async def open(self, key: Any, provider: AsyncProvider) -> None:
        """As for any scope, but in the context of the connection: it is left there too, and a
        token of `ContextVar.set` is valid in the context that made it only."""
        connection = self.owner()
        if (
            connection is None
            or key in services_of(connection)
            or current_context() is connection.context
        ):
            await super().open(key, provider)
        else:
            await run(self._open_for(connection, key, provider), connection.context)

    async def _open_for(self, connection: Connection, key: Any, provider: AsyncProvider) -> None:
        current_connection.set(connection)
        await super().open(key, provider)


request_scope = ScopeDecorator(RequestScope)
"""Decorates a service, or is given as ``binder.bind(Service, scope=request_scope)``."""

connection_scope = ScopeDecorator(ConnectionScope)
"""As `request_scope`, for one instance per socket connection."""
