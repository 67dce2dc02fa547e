"""`@event`: makes a method of a service callable by clients."""

from collections.abc import Callable
from types import FunctionType
from typing import Annotated, Any, TypeVar, overload

from rxkernel import Body, BundleOption, ConfigurationError, option, websocket

F = TypeVar("F", bound=Callable[..., Any])

EVENT = BundleOption("realtime.event", "realtime", "RealtimeBundle")
"""The option of the events of services."""

Data = Annotated[Any, Body()]
"""The type of a parameter that receives what the client has sent, whatever it is."""


@overload
def event(given: F) -> F: ...


@overload
def event(given: str) -> Callable[[F], F]: ...


def event(given: F | str) -> F | Callable[[F], F]:
    """Let clients call the decorated method of a `Service`, by its name: ``@event``, or by another
    one: ``@event("join room")``.

    A client sends any value. The fields of an object are the parameters, and the value is the
    body, see `Data`. What the method returns is the acknowledgement.

    Raises:
        ConfigurationError: the name is not a text, or starts with an underscore.
    """
    if isinstance(given, FunctionType):
        return _labelled(given.__name__, given)
    if not isinstance(given, str):
        raise ConfigurationError(f'@event has {given!r:.100}; write @event, or @event("name")')
    return lambda function: _labelled(given, function)


def _labelled(name: str, function: F) -> F:
    if name.startswith("_"):
        raise ConfigurationError(
            f"@event on {function.__qualname__} has the name {name!r}; names with an underscore "
            f'at the start are private: write @event("name")'
        )
    return option(EVENT, True)(websocket(name, arguments="value")(function))
