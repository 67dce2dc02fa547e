"""The dispatcher: order, stopping, exceptions, and its blinker signals."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkernel import AsyncEventDispatcher, ConfigurationError, Event

Listener = Callable[[Event], Awaitable[None]]


def listener(trace: list[str], name: str, *, stop: bool = False) -> Listener:
    async def listen(event: Event) -> None:
        trace.append(name)
        if stop:
            event.stop_propagation()

    return listen


@given(st.lists(st.integers(-3, 3)))
def test_listeners_run_by_priority_then_registration(priorities: list[int]) -> None:
    """RxStack, AsyncEventDispatcher: a stable sort, negative priorities included."""
    dispatcher, trace = AsyncEventDispatcher(), list[str]()
    for number, priority in enumerate(priorities):
        dispatcher.add_listener("x", listener(trace, f"{number}"), priority)

    asyncio.run(dispatcher.dispatch("x"))

    expected = sorted(range(len(priorities)), key=lambda n: -priorities[n])
    assert trace == [str(number) for number in expected]


async def test_listeners_run_one_after_another() -> None:
    """The next listener begins when the one before has ended."""
    dispatcher, trace = AsyncEventDispatcher(), list[str]()

    async def slow(event: Event) -> None:
        trace.append("begin")
        await asyncio.sleep(0)
        trace.append("end")

    dispatcher.add_listener("x", slow)
    dispatcher.add_listener("x", slow)
    await dispatcher.dispatch("x")

    assert trace == ["begin", "end", "begin", "end"]


async def test_dispatch_returns_its_event_or_a_new_event() -> None:
    """RxStack: dispatch resolves with the same event, whatever listeners return."""
    dispatcher, event = AsyncEventDispatcher(), Event()

    assert await dispatcher.dispatch("nobody", event) is event
    assert type(await dispatcher.dispatch("nobody")) is Event


async def test_stop_propagation_skips_later_listeners() -> None:
    dispatcher, trace = AsyncEventDispatcher(), list[str]()
    dispatcher.add_listener("x", listener(trace, "first", stop=True))
    dispatcher.add_listener("x", listener(trace, "second"))

    event = await dispatcher.dispatch("x")

    assert trace == ["first"]
    assert event.propagation_stopped
    trace.clear()
    await dispatcher.dispatch("x", event)
    assert trace == [], "a stopped event was delivered"


async def test_listener_that_raises_ends_dispatch() -> None:
    dispatcher, trace = AsyncEventDispatcher(), list[str]()

    async def fail(event: Event) -> None:
        raise ValueError("mine")

    dispatcher.add_listener("x", fail, priority=1)
    dispatcher.add_listener("x", listener(trace, "later"))

    with pytest.raises(ValueError, match="mine"):
        await dispatcher.dispatch("x")
    assert trace == []


async def test_changes_during_dispatch_apply_to_the_next() -> None:
    """The set of listeners is the one at the start."""
    dispatcher, trace = AsyncEventDispatcher(), list[str]()
    late = listener(trace, "late")

    async def change(event: Event) -> None:
        dispatcher.add_listener("x", late)
        dispatcher.remove_listener("x", leaving)

    leaving = listener(trace, "leaving")
    dispatcher.add_listener("x", change)
    dispatcher.add_listener("x", leaving)

    await dispatcher.dispatch("x")
    assert trace == ["leaving"]

    dispatcher.remove_listener("x", change)
    trace.clear()
    await dispatcher.dispatch("x")
    assert trace == ["late"]


async def test_listener_added_twice_runs_twice_and_is_removed_once() -> None:
    """RxStack runs it twice."""
    dispatcher, trace = AsyncEventDispatcher(), list[str]()
    twice = listener(trace, "twice")
    dispatcher.add_listener("x", twice)
    dispatcher.add_listener("x", twice, 5)

    await dispatcher.dispatch("x")
    assert trace == ["twice", "twice"]

    dispatcher.remove_listener("x", twice)
    assert not dispatcher.has_listeners("x")


async def test_bound_method_of_unreferenced_object_is_called() -> None:
    """blinker's default, a weak reference, would lose the listener."""
    dispatcher, trace = AsyncEventDispatcher(), list[str]()

    class Service:
        async def listen(self, event: Event) -> None:
            trace.append("called")

    dispatcher.add_listener("x", Service().listen)
    await dispatcher.dispatch("x")

    assert trace == ["called"]


async def test_object_with_async_call_is_a_listener() -> None:
    dispatcher, trace = AsyncEventDispatcher(), list[str]()

    class Service:
        async def __call__(self, event: Event) -> None:
            trace.append("called")

    dispatcher.add_listener("x", Service())
    await dispatcher.dispatch("x")

    assert trace == ["called"]


def test_listener_not_async_raises() -> None:
    dispatcher = AsyncEventDispatcher()

    with pytest.raises(ConfigurationError, match="not async; declare it with 'async def'"):
        dispatcher.add_listener("x", print)  # type: ignore[arg-type]
    assert not dispatcher.has_listeners("x")


def test_listener_without_parameter_raises() -> None:
    async def forgot() -> None: ...

    with pytest.raises(ConfigurationError, match=r"cannot be called with an event; take \(self"):
        AsyncEventDispatcher().add_listener("x", forgot)  # type: ignore[arg-type]


def test_dispatcher_lists_removes_and_resets_listeners() -> None:
    dispatcher = AsyncEventDispatcher()
    low, high = listener([], "low"), listener([], "high")
    dispatcher.add_listener("x", low)
    dispatcher.add_listener("x", high, 1)
    dispatcher.add_listener("y", low)

    assert dispatcher.get_listeners("x") == (high, low)
    assert list(dispatcher.event_names()) == ["x", "y"]

    dispatcher.remove_listeners("x")
    assert not dispatcher.has_listeners("x")
    dispatcher.reset()
    assert not dispatcher.has_listeners("y")


def test_unknown_event_is_not_stored_by_lookup() -> None:
    """RxStack stores an empty list for every name that was looked up."""
    dispatcher = AsyncEventDispatcher()

    assert dispatcher.get_listeners("unheard") == ()
    dispatcher.remove_listener("unheard", listener([], "x"))
    dispatcher.remove_listeners("unheard")

    assert list(dispatcher.event_names()) == []


class TestSignal:
    """The blinker signal of an event, for tests."""

    async def test_connected_to_calls_listener_within_the_block_only(self) -> None:
        dispatcher, trace = AsyncEventDispatcher(), list[str]()

        with dispatcher.signal("x").connected_to(listener(trace, "watched")):
            await dispatcher.dispatch("x")
        await dispatcher.dispatch("x")

        assert trace == ["watched"]

    async def test_connected_to_with_registered_listener_keeps_it(self) -> None:
        dispatcher, trace = AsyncEventDispatcher(), list[str]()
        known = listener(trace, "known")
        dispatcher.add_listener("x", known)

        with dispatcher.signal("x").connected_to(known):
            await dispatcher.dispatch("x")
        await dispatcher.dispatch("x")
        dispatcher.signal("x").disconnect(listener([], "stranger"))

        assert trace == ["known"] * 3

    async def test_muted_blocks_can_be_nested(self) -> None:
        """blinker's own un-mutes when the inner block ends."""
        dispatcher, trace = AsyncEventDispatcher(), list[str]()
        dispatcher.add_listener("x", listener(trace, "heard"))
        signal = dispatcher.signal("x")

        with signal.muted():
            with signal.muted():
                pass
            await dispatcher.dispatch("x")
        assert trace == []

        await dispatcher.dispatch("x")
        assert trace == ["heard"]

    async def test_signal_send_async_keeps_order(self) -> None:
        dispatcher, trace = AsyncEventDispatcher(), list[str]()
        dispatcher.add_listener("x", listener(trace, "low"))
        dispatcher.add_listener("x", listener(trace, "high"), 9)

        await dispatcher.signal("x").send_async(Event())

        assert trace == ["high", "low"]

    def test_connect_with_sender_raises(self) -> None:
        """Events have no sender; blinker would not call the listener."""
        with pytest.raises(ConfigurationError, match="use only="):
            AsyncEventDispatcher().signal("x").connect(listener([], "x"), sender="me")

    async def test_two_dispatchers_have_separate_signals(self) -> None:
        one, other = AsyncEventDispatcher(), AsyncEventDispatcher()
        one.add_listener("x", listener([], "x"))

        assert not other.has_listeners("x")
