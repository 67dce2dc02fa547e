"""`@subscribe`: a method that handles events of the bus."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

from bundles.scale.bus.transport import BUS_EVENTS
from rxkernel import BundleOption, ConfigurationError, procedure

F = TypeVar("F", bound=Callable[..., Any])

SUBSCRIPTION = BundleOption("subscription", "scale", '"scale"')
"""The name of the event that a definition handles."""


def subscribe(name: str) -> Callable[[F], F]:
    """Call the decorated method for the events *name* of `Bus.publish`, in each process.

    It is a method of a controller or of a bound service. The data is the body; if it is an object,
    its fields are the parameters. An exception is logged and does not reach the publisher.

    Raises:
        ConfigurationError: *name* is not a str, or is empty.
    """
    if not isinstance(name, str) or not name:
        raise ConfigurationError(f"@subscribe needs the name of an event, not {name!r}")

    def label(function: F) -> F:
        def name_of(target: object) -> str:
            return f"{_place_of(target)}.{function.__name__} {name}"

        options: dict[str, Any] = {SUBSCRIPTION: name}
        return procedure(name_of, BUS_EVENTS, options=options, arguments="value")(function)

    return label


def _place_of(target: object) -> str:
    if isinstance(target, ModuleType):
        return target.__name__
    cls = target if isinstance(target, type) else type(target)
    return f"{cls.__module__}.{cls.__qualname__}"
