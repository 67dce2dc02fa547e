"""`@on_event`: a method that handles events of the broker."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, TypeVar

import attrs

from bundles.gateway.broker.transport import EVENTS
from rxkernel import BundleOption, ConfigurationError, procedure

F = TypeVar("F", bound=Callable[..., Any])

EVENT_HANDLER = BundleOption("event_handler", "gateway", '"gateway"')


@attrs.frozen(kw_only=True)
class EventHandlerOptions:
    """The arguments of `@on_event`: the option `EVENT_HANDLER` of a definition.

    Attributes:
        pattern: the pattern of event names, see `matches`.
        group: the group; None: the name of the class or module.
    """

    pattern: str
    group: str | None = None

    def problems(self) -> Iterator[str]:
        if not self.pattern or any(c.isspace() for c in self.pattern):
            yield (
                f"its event is {self.pattern!r}; it must be text without spaces, such as 'user.*'"
            )
        if self.group is not None and not (isinstance(self.group, str) and self.group):
            yield f"group is {self.group!r}; it must be text that is not empty"


def on_event(pattern: str, *, group: str | None = None) -> Callable[[F], F]:
    """Let the decorated method handle the events of the broker whose names match *pattern*.

    It may be used wherever `@action` may. Handlers with the same *pattern* and *group* share the
    events of `Broker.emit`: each event is handled by one of them. The default group is the name of
    the class or module. The payload is the body; if it is an object, its fields are the
    parameters. Exceptions are logged, and the sender does not receive them.
    """
    if not isinstance(pattern, str):
        raise ConfigurationError(f"@on_event requires the name of an event, not {pattern!r}")
    options = EventHandlerOptions(pattern=pattern, group=group)

    def label(function: F) -> F:
        def name_of(target: object) -> str:
            return f"{_place_of(target)}.{function.__name__} {pattern}"

        handler = procedure(name_of, EVENTS, options={EVENT_HANDLER: options}, arguments="value")
        return handler(function)

    return label


def group_of(target: object) -> str:
    """Return the default group of the handlers of *target*: the name of its class or module."""
    return _place_of(target).rpartition(".")[2]


def _place_of(target: object) -> str:
    if isinstance(target, ModuleType):
        return target.__name__
    cls = target if isinstance(target, type) else type(target)
    return f"{cls.__module__}.{cls.__qualname__}"
