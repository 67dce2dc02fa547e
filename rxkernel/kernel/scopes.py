"""Injection scopes: one instance per message, or one per connection.

A controller lives as long as the application, so its actions take a scoped service as an argument,
or it injects ``injector.ProviderOf[Service]`` and calls ``get()`` while it handles a message. The
instance is closed with its message or connection, see `ScopedServices`.
"""

import inspect
import logging
from contextvars import ContextVar
from typing import Any, TypeVar

from injector import Injector, InstanceProvider, Provider, Scope, ScopeDecorator

from rxkernel.exceptions import RxKernelError
from rxkernel.kernel.contexts import current_context, run
from rxkernel.kernel.errors import to_failure
from rxkernel.messages.connection import Connection
from rxkernel.messages.request import Request
from rxkernel.messages.scoped_services import (
    CLOSED,
    ScopedServices,
    is_async_manager,
    name_of_key,
    services_of,
)

logger = logging.getLogger(__name__)

T = TypeVar("T")

current_request: ContextVar[Request | None] = ContextVar("current_request", default=None)
"""The message that this context handles."""

current_connection: ContextVar[Connection | None] = ContextVar("current_connection", default=None)
"""The connection that this context serves."""


def _no_owner(name: str, owner: str) -> RxKernelError:
    return RxKernelError(
        f"{name} exists only during a {owner}, and there is no current {owner}; inject "
        f"injector.ProviderOf[{name}] and call get() while a {owner} is handled"
    )


def require_request() -> Request:
    """Return the current message, to which the injector binds `Request`.

    Raises:
        RxKernelError: it is called outside of a message.
    """
    if (request := current_request.get()) is None:
        raise _no_owner("Request", "message")
    return request


def require_connection() -> Connection:
    """Return the current connection, to which the injector binds `Connection`.

    Raises:
        RxKernelError: it is called outside of a connection, or the message came over HTTP.
    """
    if (connection := _connection_now()) is None:
        raise _no_owner("Connection", "connection")
    return connection


def _connection_now() -> Connection | None:
    request = current_request.get()
    return request.connection if request else current_connection.get()


class AsyncProvider(Provider[Any]):
    """Provides a service that must be awaited or entered, which a constructor cannot do.

    Args:
        inner: returns the service, its coroutine, or a context manager that yields it.
        is_awaited: whether *inner* returns a coroutine.
        is_class: whether the service is the object that *inner* returns, not the result of its
            ``__aenter__``.
    """

    def __init__(
        self, key: Any, inner: Provider[Any], *, is_awaited: bool = False, is_class: bool = False
    ) -> None:
        self.inner = inner
        self._key = key
        self._is_awaited = is_awaited
        self._is_class = is_class

    def get(self, injector: Injector) -> Any:
        """Raise an error, since the caller cannot await the service.

        Raises:
            RxKernelError: always.
        """
        raise self.error()

    def error(self) -> RxKernelError:
        """Return the error for a constructor or a ``ProviderOf`` that needs the service."""
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
        """Open the service, so that `get` finds it."""
        services = self._services(key)
        if key not in services:
            await services.open(key, lambda: provider.open(self.injector, services))

    def _services(self, key: Any) -> ScopedServices:
        owner = self.owner()
        if owner is None:
            raise _no_owner(name_of_key(key), self.owner_name)
        return services_of(owner)


def _checked(key: Any, made: Any) -> Any:
    """Return *made* if it is a service that must not be awaited or entered.

    Raises:
        RxKernelError: *made* must be awaited or entered, but its provider does not declare it.
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
    """Like `close_services`, then remove *connection* from the current context."""
    try:
        await close_services(connection, failure)
    finally:
        current_connection.set(None)


async def close_services(
    owner: Request | Connection, failure: BaseException | None = None
) -> None:
    """Close the services of *owner*, the latest first, and log errors.

    Context managers get *failure*, or None. Afterwards, *owner* cannot open services.

    Raises:
        BaseException: not an error of a service, see `to_failure`; all have ended.
    """
    services = owner.services
    if services is None:
        owner.services = CLOSED
        return
    if failure is not None:
        services.failure = failure
    try:
        await services.close()
    except BaseException as exc:
        failed = to_failure(exc)
        logger.error("a context manager failed when it was exited", exc_info=failed)


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
        """See `OwnedScope`; runs in the context of the connection, in which it is closed: a token
        of `ContextVar.set` is valid only in the context that created it."""
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
"""Decorates a service, or is passed as ``binder.bind(Service, scope=request_scope)``."""

connection_scope = ScopeDecorator(ConnectionScope)
"""Like `request_scope`, for one instance per socket connection."""
