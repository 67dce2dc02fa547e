"""Injection scopes: one instance per message, or one per connection.

A controller lives as long as the application, so it asks for a scoped service through
``injector.ProviderOf[Service]`` and calls ``get()`` while it handles a message. The
instance ends with its message or connection: ``aclose()`` or ``close()`` where it has one.
"""

import inspect
import logging
from contextvars import ContextVar
from typing import TypeVar

from injector import InstanceProvider, Provider, Scope, ScopeDecorator

from rxkernel.exceptions import RxKernelError
from rxkernel.messages.connection import Connection
from rxkernel.messages.request import Request

logger = logging.getLogger(__name__)
T = TypeVar("T")

current_request: ContextVar[Request | None] = ContextVar("current_request", default=None)
"""The message that this context handles."""

current_connection: ContextVar[Connection | None] = ContextVar("current_connection", default=None)
"""The connection that this context serves."""


def _none_at_hand(name: str, owner: str) -> RxKernelError:
    return RxKernelError(
        f"{name} lives as long as a {owner}, and none is at hand; take "
        f"injector.ProviderOf[{name}] and call get() while one is handled"
    )


def request_at_hand() -> Request:
    """What a service gets that asks for a `Request`: the message that is handled now.

    Raises:
        RxKernelError: none is.
    """
    if (request := current_request.get()) is None:
        raise _none_at_hand("Request", "message")
    return request


def connection_at_hand() -> Connection:
    """What a service gets that asks for a `Connection`: the one that is served now.

    Raises:
        RxKernelError: none is, or the message came over HTTP.
    """
    if (connection := _connection_now()) is None:
        raise _none_at_hand("Connection", "connection")
    return connection


def _connection_now() -> Connection | None:
    request = current_request.get()
    return request.connection if request else current_connection.get()


class _OwnedScope(Scope):
    """Keeps one instance of a service per owner."""

    owner_name: str

    def owner(self) -> Request | Connection | None:
        raise NotImplementedError

    def get(self, key: type[T], provider: Provider[T]) -> Provider[T]:
        owner = self.owner()
        if owner is None:
            raise _none_at_hand(getattr(key, "__qualname__", str(key)), self.owner_name)
        if owner.services is None:
            owner.services = {}
        if key not in owner.services:
            owner.services[key] = provider.get(self.injector)
        return InstanceProvider(owner.services[key])


async def close_services(owner: Request | Connection) -> None:
    """End the services of *owner*, the latest first; one that fails is logged."""
    services, owner.services = owner.services, None
    for service in reversed((services or {}).values()):
        end = getattr(service, "aclose", None) or getattr(service, "close", None)
        try:
            ending = end() if end is not None else None
            if inspect.isawaitable(ending):
                await ending
        except Exception:
            logger.exception("service %r failed to close", type(service).__qualname__)


class RequestScope(_OwnedScope):
    """One instance per message, over HTTP and sockets alike."""

    owner_name = "message"

    def owner(self) -> Request | None:
        return current_request.get()


class ConnectionScope(_OwnedScope):
    """One instance per socket connection, from CONNECTED to DISCONNECTED."""

    owner_name = "connection"

    def owner(self) -> Connection | None:
        return _connection_now()


request_scope = ScopeDecorator(RequestScope)
"""Decorates a service, or is given as ``binder.bind(Service, scope=request_scope)``."""

connection_scope = ScopeDecorator(ConnectionScope)
"""As `request_scope`, for one instance per socket connection."""
