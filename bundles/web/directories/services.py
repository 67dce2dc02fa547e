"""The services of several handlers, as the parameters of one action."""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from bundles.web.directories.handler import Handler
from rxkernel import Request

Call = Callable[..., Awaitable[Any]]

_RESERVED = ("request",)


class Provided(Protocol):
    """What services are passed to: a `Client`."""

    request: Request
    provided: Mapping[str, Any]


class Services:
    """Joins the parameters of *handlers*: an action is bound once, with all services of a chain.

    Attributes:
        parameters: those of the action, by name. A name that two handlers use for different
            services has a number in it.
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
        while key in _RESERVED or not self._is_same(key, parameter):
            number += 1
            key = f"{name}_{number}"
        self.parameters[key] = parameter.replace(name=key)
        return key

    def _is_same(self, key: str, parameter: inspect.Parameter) -> bool:
        other = self.parameters.get(key)
        known = (parameter if other is None else other).replace(name=parameter.name)
        return known == parameter

    def call_of(self, handler: Handler) -> Call:
        """Return *handler* as a function of the client; its services are ``client.provided``."""
        keys = self._keys[handler]
        return handler.function if not keys else _with_services(handler.function, keys)

    def middleware_of(self, handler: Handler) -> Call:
        """Return *handler* as a function of the client and of what goes on."""
        keys = self._keys[handler]
        function = handler.function

        def call(client: Provided, go_on: Call) -> Awaitable[Any]:
            provided = client.provided
            services = {name: provided[key] for name, key in keys.items()}
            return function(client.request, go_on, **services)

        return call


def _with_services(function: Call, keys: Mapping[str, str]) -> Call:
    def call(client: Provided) -> Awaitable[Any]:
        provided = client.provided
        return function(client, **{name: provided[key] for name, key in keys.items()})

    return call
