"""`@event`: a method of a service that clients may call."""

from collections.abc import Callable
from types import FunctionType
from typing import Annotated, Any, TypeVar, overload

from rxkernel import Body, BundleOption, ConfigurationError, option, websocket

F = TypeVar("F", bound=Callable[..., Any])

EVENT = BundleOption("realtime.event", "realtime", "RealtimeBundle")
"""The option of the events of services."""

Data = Annotated[Any, Body()]
"""The type of a parameter that receives the value that the client has sent, of any type."""


@overload
def event(given: F) -> F: ...


@overload
def event(given: str) -> Callable[[F], F]: ...


def event(given: F | str) -> F | Callable[[F], F]:
    """Serve the decorated method of a `Service` as an event: under its own name with ``@event``,
    or under another name with ``@event("join room")``.

    A client may send any value. The value is the body, see `Data`; if it is an object, its fields
    are the parameters. The return value of the method is the acknowledgement.

    Raises:
        ConfigurationError: the name is not a text, or begins with an underscore.
    """
    if isinstance(given, FunctionType):
        return _labelled(given.__name__, given)
    if not isinstance(given, str):
        raise ConfigurationError(
            f'@event has the argument {given!r:.100}; write @event, or @event("name")'
        )
    return lambda function: _labelled(given, function)


def _labelled(name: str, function: F) -> F:
    if name.startswith("_"):
        raise ConfigurationError(
            f"@event on {function.__qualname__} has the private name {name!r}, which begins with "
            f'an underscore; write @event("name")'
        )
    return option(EVENT, True)(websocket(name, arguments="value")(function))
