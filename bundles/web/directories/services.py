"""The services of several handlers, as the parameters of one action."""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from bundles.autoload.endpoints.taken import markers_in
from bundles.web.directories.handler import Handler
from rxkernel import Body, ConfigurationError, Cookie, Header, Query, Request

Call = Callable[..., Awaitable[Any]]

_RESERVED = ("request",)

_READING = (Body, Cookie, Header, Query)


class Provided(Protocol):
    """The part of `Client` that services are passed by."""

    request: Request
    provided: Mapping[str, Any]


class Services:
    """Joins the parameters of *handlers*: an action is bound once, with all services of a chain.

    Attributes:
        parameters: of the action, by name. If two handlers use a name for different services, one
            of them gets a number.

    Raises:
        ConfigurationError: two handlers take different parts of the request under one name.
    """

    def __init__(self, handlers: Iterable[Handler]) -> None:
        self.parameters: dict[str, inspect.Parameter] = {}
        self._keys: dict[Handler, dict[str, str]] = {}
        for handler in handlers:
            keys = self._keys[handler] = {}
            for name, parameter in handler.parameters.items():
                keys[name] = self._key(name, parameter)

    def _key(self, name: str, parameter: inspect.Parameter) -> str:
        key, number = name, 1
        if not (self._is_same(name, parameter) or _is_service(parameter)):
            raise ConfigurationError(
                f"another handler of the chain takes {name!r} as something else; use one type and "
                f"one default in both, or another name"
            )
        while key in _RESERVED or not self._is_same(key, parameter):
            number += 1
            key = f"{name}_{number}"
        self.parameters[key] = parameter.replace(name=key)
        return key

    def _is_same(self, key: str, parameter: inspect.Parameter) -> bool:
        other = self.parameters.get(key)
        known = (parameter if other is None else other).replace(name=parameter.name)
        return known == parameter

    def keys_of(self, handler: Handler) -> Mapping[str, str]:
        """Return the keys of its services in ``client.provided``, by the names of parameters."""
        return self._keys[handler]

    def call_of(self, handler: Handler) -> Call:
        """Return *handler* as a function of the client; services come from ``client.provided``."""
        keys = self._keys[handler]
        return handler.function if not keys else _with_services(handler.function, keys)

    def middleware_of(self, handler: Handler) -> Call:
        """Return *handler* as a function of the client and of the rest of the chain."""
        keys = self._keys[handler]
        function = handler.function

        def call(client: Provided, call_next: Call) -> Awaitable[Any]:
            provided = client.provided
            services = {name: provided[key] for name, key in keys.items()}
            return function(client.request, call_next, **services)

        return call


def _is_service(parameter: inspect.Parameter) -> bool:
    """Whether its name does not matter, since it is not read from the request."""
    if parameter.annotation is Request:
        return True
    markers = [m if isinstance(m, type) else type(m) for m in markers_in(parameter.annotation)]
    return any(not issubclass(marker, _READING) for marker in markers)


def _with_services(function: Call, keys: Mapping[str, str]) -> Call:
    def call(client: Provided) -> Awaitable[Any]:
        provided = client.provided
        return function(client, **{name: provided[key] for name, key in keys.items()})

    return call
