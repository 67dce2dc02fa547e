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
    """The label: which event, how early, and for which definitions."""

    event_name: str = attrs.field(converter=str)
    priority: int = 0
    only: Only | None = None


def observe(event_name: str, priority: int = 0, only: Only | None = None) -> Callable[[F], F]:
    """Have the decorated ``async def`` called with each event of that name.

    Higher *priority* runs earlier. For the events of the kernel, ``only(definition)`` is
    asked once per definition when it is compiled: the listener costs nothing on those it
    refuses, and does not run for a request that matched no definition.
    """

    refuse_bare("observe", event_name)

    def label(function: F) -> F:
        refuse_class("observe", function)
        return add_label(function, _OBSERVE, Observation(event_name, priority, only))

    return label


def observations(listener: object) -> Iterator[tuple[Callable[..., Any], Observation]]:
    """What *listener* observes: itself when a labelled function, else its labelled methods."""
    if own := labels_on(listener, _OBSERVE):
        assert callable(listener)
        yield from ((listener, label) for label in own)
        return
    for name, label in labels_in(type(listener), _OBSERVE):
        yield getattr(listener, name), label
