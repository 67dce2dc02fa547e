"""Prioritized, awaited delivery of events, on top of blinker signals.

blinker stores the receivers and lets a test mute or watch a signal. It guarantees no order and
cannot stop half-way, so this module keeps the order, which is fixed on registration.
"""

import inspect
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import Any, Protocol, TypeVar, overload
from weakref import WeakSet

import attrs
from blinker import ANY, Signal

from rxkernel.events.event import Event
from rxkernel.events.observe import Only
from rxkernel.exceptions import ConfigurationError

Listener = Callable[[Any], Awaitable[None]]
F = TypeVar("F", bound=Callable[..., Any])
E = TypeVar("E", bound=Event)


@attrs.frozen
class Registration:
    """A listener of one event; *number* counts the listeners that were added to it."""

    listener: Listener
    priority: int
    only: Only | None
    number: int


class Watcher(Protocol):
    """Code that caches the listeners of a signal."""

    def listeners_changed(self) -> None:
        """Drop what is cached."""


class PrioritySignal(Signal):
    """A blinker signal whose receivers have an order and are held strongly.

    `watch` reports changes to code that caches the order. Calls of `muted` may be nested, unlike
    those of blinker.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"Listeners of {name}")
        self.name = str(name)  # the repr of a StrEnum member differs from that of a str
        self._added = 0
        self._watchers: WeakSet[Watcher] = WeakSet()
        self.registrations: tuple[Registration, ...] = ()

    def watch(self, watcher: Watcher) -> None:
        """Report every change of the active listeners to *watcher*.

        It is referenced weakly, so there is no method to stop watching.
        """
        self._watchers.add(watcher)

    def _changed(self) -> None:
        for watcher in tuple(self._watchers):
            watcher.listeners_changed()

    def connect(
        self,
        receiver: F,
        sender: Any = ANY,
        weak: bool = False,
        priority: int = 0,
        only: Only | None = None,
    ) -> F:
        """Add *receiver* after those of the same *priority*; *weak* is ignored.

        Raises:
            ConfigurationError: it is not ``async def`` or cannot be called with one argument, or
                a *sender* is given.
        """
        if sender is not ANY:
            raise ConfigurationError(
                f"listener {describe(receiver)} of {self.name!r} has a sender, but events here "
                f"have no senders; remove it, and use only= to choose definitions"
            )
        if not is_async(receiver):
            raise ConfigurationError(
                f"listener {describe(receiver)} of {self.name!r} is not async; "
                f"declare it with 'async def'"
            )
        if not takes_one(receiver):
            raise ConfigurationError(
                f"listener {describe(receiver)} of {self.name!r} cannot be called with an event; "
                f"take (self, event)"
            )
        super().connect(receiver, weak=False)
        self._added += 1
        added = (*self.registrations, Registration(receiver, priority, only, self._added))
        self.registrations = tuple(sorted(added, key=attrgetter("priority"), reverse=True))
        self._changed()
        return receiver

    def disconnect(self, receiver: Callable[..., Any], sender: Any = ANY) -> None:
        """Remove *receiver* if it is connected; if it is connected several times, the last."""
        added = [n for n, r in enumerate(self.registrations) if r.listener == receiver]
        if not added:
            return
        if len(added) == 1:
            super().disconnect(receiver, sender)
        last = max(added, key=lambda n: self.registrations[n].number)
        self.registrations = self.registrations[:last] + self.registrations[last + 1 :]
        self._changed()

    def receivers_for(self, sender: Any) -> Generator[Callable[..., Any], None, None]:
        """Yield the listeners in their order, so that blinker's own ``send`` keeps the order."""
        yield from (registration.listener for registration in self.registrations)

    @contextmanager
    def muted(self) -> Generator[None, None, None]:
        """Call no listener while the block runs."""
        before, self.is_muted = self.is_muted, True
        self._changed()
        try:
            yield
        finally:
            self.is_muted = before
            self._changed()

    def active(self) -> tuple[Registration, ...]:
        """Return the listeners that an event calls now; empty while muted."""
        return () if self.is_muted else self.registrations


class AsyncEventDispatcher:
    """Calls the listeners of an event one after another, highest priority first.

    Listeners of equal priority are called in the order of registration. A listener that is added
    during a dispatch is called from the next one on. An exception of a listener ends the dispatch
    and is raised to the caller.
    """

    def __init__(self) -> None:
        self._signals: dict[str, PrioritySignal] = {}

    def signal(self, event_name: str) -> PrioritySignal:
        """Return the blinker signal of *event_name*; the first call creates it.

        A test watches with ``signal(name).connected_to(listener)`` and silences with
        ``signal(name).muted()``.
        """
        if event_name not in self._signals:
            self._signals[event_name] = PrioritySignal(event_name)
        return self._signals[event_name]

    def event_names(self) -> Iterator[str]:
        """Return the names of the events that have listeners."""
        return (name for name, signal in self._signals.items() if signal.registrations)

    def add_listener(
        self, event_name: str, listener: Listener, priority: int = 0, only: Only | None = None
    ) -> None:
        """Call *listener* with each event of that name. A listener that is added twice runs twice.

        Raises:
            ConfigurationError: *listener* is not ``async def``, or cannot be called with one
                argument.
        """
        self.signal(event_name).connect(listener, priority=priority, only=only)

    def remove_listener(self, event_name: str, listener: Listener) -> None:
        """Remove *listener*, also if it was added several times."""
        for _ in range(self.get_listeners(event_name).count(listener)):
            self._signals[event_name].disconnect(listener)

    def remove_listeners(self, event_name: str) -> None:
        """Remove every listener of that name."""
        for listener in self.get_listeners(event_name):
            self.remove_listener(event_name, listener)

    def reset(self) -> None:
        """Remove every listener."""
        for event_name in tuple(self._signals):
            self.remove_listeners(event_name)

    def get_listeners(self, event_name: str) -> tuple[Listener, ...]:
        """Return the listeners in their order, also while they are muted."""
        signal = self._signals.get(event_name)
        return tuple(r.listener for r in signal.registrations) if signal else ()

    def has_listeners(self, event_name: str) -> bool:
        return bool(self.get_listeners(event_name))

    @overload
    async def dispatch(self, event_name: str) -> Event: ...

    @overload
    async def dispatch(self, event_name: str, event: E) -> E: ...

    async def dispatch(self, event_name: str, event: Event | None = None) -> Event:
        """Call the listeners with *event*, or with a plain `Event`, and return it.

        Listeners with ``only`` are skipped: they are for events that have a definition.
        """
        event = event if event is not None else Event()
        await run_listeners(self.active_listeners(event_name), event)
        return event

    def active_listeners(self, event_name: str) -> tuple[Listener, ...]:
        """Return the listeners that `dispatch` calls: those without ``only``; () while muted."""
        signal = self._signals.get(event_name)
        return tuple(r.listener for r in signal.active() if r.only is None) if signal else ()


async def run_listeners(listeners: tuple[Listener, ...], event: Event) -> None:
    """Await each of *listeners* in turn until one stops the event."""
    for listener in listeners:
        if event.propagation_stopped:
            return
        await listener(event)


def is_async(function: Callable[..., Any]) -> bool:
    """Whether *function*, or its ``__call__``, is declared with ``async def``."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - how it is declared
    )


def takes_one(function: Callable[..., Any]) -> bool:
    """Whether *function* can be called with one argument."""
    try:
        inspect.signature(function).bind(object())
    except TypeError:
        return False
    return True


def describe(function: object) -> str:
    """Return ``module.Class.method`` of *function*, for messages."""
    name = getattr(function, "__qualname__", None) or repr(function)
    return f"{getattr(function, '__module__', '')}.{name}".lstrip(".")
