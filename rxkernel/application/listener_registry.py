"""The listeners of an application that are registered with its dispatcher."""

from collections.abc import Collection, Iterable
from typing import Any

from rxkernel.application.events import ApplicationEvents
from rxkernel.events.dispatcher import AsyncEventDispatcher, describe
from rxkernel.events.observe import Observation
from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.events import KernelEvents
from rxkernel.nearest import nearest
from rxkernel.servers.events import ServerEvents

_EVENTS = tuple(str(e) for e in (*ApplicationEvents, *KernelEvents, *ServerEvents))
_FAMILIES = {event.split(".")[0] for event in _EVENTS}
_OF_DEFINITIONS = tuple(e for e in KernelEvents if e is not KernelEvents.KERNEL_COMPILED)

ObservedMethod = tuple[Any, Observation]
"""A method, and its `Observation`."""


class ListenerRegistry:
    """Registers listeners, and can remove them again."""

    def __init__(self, dispatcher: AsyncEventDispatcher) -> None:
        self._dispatcher = dispatcher
        self._registered: list[tuple[str, Any]] = []

    def has_listener_of(self, instance: object) -> bool:
        """Whether a method of *instance* is registered."""
        return any(_instance_of(method) is instance for _, method in self._registered)

    def add(self, method: Any, observation: Observation) -> None:
        """Register *method* as a listener.

        Raises:
            ConfigurationError: the event is unknown, or *method* cannot be a listener.
        """
        name = observation.event_name
        if name.split(".")[0] in _FAMILIES and name not in _EVENTS:
            near = nearest(name, _EVENTS)
            hint = f"did you mean {near!r}?" if near else f"there is: {', '.join(_EVENTS)}"
            raise ConfigurationError(
                f"listener {describe(method)} listens to unknown event {name!r}; {hint}"
            )
        if observation.only is not None and name not in _OF_DEFINITIONS:
            raise ConfigurationError(
                f"listener {describe(method)} has only= on event {name!r}; only= "
                f"selects definitions and works with kernel events: remove it"
            )
        self._dispatcher.add_listener(name, method, observation.priority, observation.only)
        self._registered.append((name, method))

    def add_all(self, found: Iterable[ObservedMethod]) -> None:
        """Register each of *found*, or none if one cannot be registered.

        Raises:
            ConfigurationError: see `add`.
        """
        before = len(self._registered)
        try:
            for method, observation in found:
                self.add(method, observation)
        except ConfigurationError:
            self._remove(self._registered[before:])
            raise

    def remove_of(self, instances: Collection[object]) -> None:
        """Remove the listeners that are methods of *instances*."""
        ids = {id(instance) for instance in instances}
        self._remove([r for r in self._registered if id(_instance_of(r[1])) in ids])

    def remove_all(self) -> None:
        """Remove every listener that was added here."""
        self._remove(list(self._registered))

    def _remove(self, registered: list[tuple[str, Any]]) -> None:
        for event_name, method in registered:
            self._dispatcher.remove_listener(event_name, method)
            self._registered.remove((event_name, method))


def _instance_of(method: Any) -> object:
    return getattr(method, "__self__", None)
