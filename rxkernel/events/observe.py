"""`@observe`: label a method as a listener."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import attrs

from rxkernel.labels import add_label, labels_in, labels_on, refuse_bare, refuse_class

F = TypeVar("F", bound=Callable[..., Any])

Only = Callable[[Any], bool]
_OBSERVE = "__rxkernel_observe__"


@attrs.frozen
class Observation:
    """The label: the name of the event, the priority, and the filter of definitions."""

    event_name: str = attrs.field(converter=str)
    priority: int = 0
    only: Only | None = None


def observe(event_name: str, priority: int = 0, only: Only | None = None) -> Callable[[F], F]:
    """Label an ``async def`` as a listener of the event *event_name*.

    A higher *priority* runs earlier. For the events of the kernel, ``only(definition)`` is called
    once per definition when it is compiled. If it returns False, the listener does not run for
    that definition and costs no time there. A listener with *only* does not run for a request
    without a definition.
    """

    refuse_bare("observe", event_name)

    def label(function: F) -> F:
        refuse_class("observe", function)
        return add_label(function, _OBSERVE, Observation(event_name, priority, only))

    return label


def observations(listener: object) -> Iterator[tuple[Callable[..., Any], Observation]]:
    """Yield the functions that `observe` has labelled: *listener* itself, or its methods."""
    if own := labels_on(listener, _OBSERVE):
        assert callable(listener)
        yield from ((listener, label) for label in own)
        return
    for name, label in labels_in(type(listener), _OBSERVE):
        yield getattr(listener, name), label
