"""The state of one process."""

import asyncio
import functools
import inspect
import json
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import pytest

from bundles.state import (
    State,
    StateBundle,
    StateConflictException,
    StateFullException,
    StateSettings,
    Transaction,
    watchers,
)
from bundles.state.state_file import write
from rxkernel import (
    Application,
    Body,
    ConfigurationError,
    HttpSettings,
    Inject,
    Settings,
    both,
)
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.state.conftest import StateOf
from tests.waiting import until


@pytest.fixture
async def state(site_of: StateOf) -> State:
    found: State = (await site_of()).state
    return found


async def test_get_after_set_returns_the_value(state: State) -> None:
    state.set("board", {"open": 3, "names": ["a"], "done": {"x": True}})
    assert state.get("board.open") == 3
    assert state.get("board.done") == {"x": True}
    assert state.get("board") == {"open": 3, "names": ["a"], "done": {"x": True}}
    assert state.get("board.none", 7) == 7
    assert state.get("board.open.below") is None


async def test_get_returns_copies(state: State) -> None:
    state.set("a", {"b": [1], "c": {"d": 1}})
    state.get("a")["b"].append(2)
    state.get("a.b").append(2)
    state.get("a")["c"]["d"] = 2
    assert state.get("a") == {"b": [1], "c": {"d": 1}}


async def test_get_of_empty_path_returns_a_copy_of_everything(state: State) -> None:
    assert [state.get(""), state.get("", {})] == [None, {}]
    state.set("a.b", [1])
    state.set("c", 2)
    everything = state.get("")
    assert everything == {"a": {"b": [1]}, "c": 2}
    everything["a"]["b"].append(2)
    assert state.get("a.b") == [1]


async def test_only_get_and_watch_accept_the_empty_path(state: State) -> None:
    with pytest.raises(ValueError, match="path is empty"):
        state.set("", {"a": 1})
    with pytest.raises(ValueError, match="path is empty"):
        state.delete("")
    with pytest.raises(ValueError, match="path is empty"):
        state.subscribe("", print)
    async with state.transaction() as t:
        with pytest.raises(ValueError, match="path is empty"):
            t.get("")


async def test_set_replaces_subtree(state: State) -> None:
    state.set("a", {"b": 1, "c": 2})
    state.set("a", {"d": {"e": 3}})
    assert state.get("a") == {"d": {"e": 3}}
    assert [state.get("a.d.e"), state.get("a.b")] == [3, None]
    state.set("a", 5)
    assert [state.get("a"), state.get("a.d.e")] == [5, None]


@pytest.mark.parametrize(
    ("value", "name"), [([1, 2], "list"), ("x", "str"), (5, "int"), (False, "bool")]
)
async def test_change_below_a_value_is_rejected(state: State, value: Any, name: str) -> None:
    """The value would be lost; the items of a list have no paths."""
    state.set("a", {"b": value})
    problem = rf"'a\.b' is a value of type {name}, so nothing can be below it.*delete 'a\.b' first"
    for path in ("a.b.0", "a.b.c.d"):
        with pytest.raises(TypeError, match=problem):
            state.set(path, 5)
        with pytest.raises(TypeError, match=problem):
            state.increment(path)
        assert state.get(path) is None
        state.delete(path)
    assert state.get("a.b") == value
    state.delete("a.b")
    state.set("a.b.0", 5)
    assert state.get("a.b") == {"0": 5}


async def test_change_below_a_value_is_rejected_in_a_transaction(state: State) -> None:
    """A transaction sees its own changes and the changes of others."""
    state.set("list", [1])
    state.set("stock", {"tea": 1})
    async with state.transaction() as t:
        with pytest.raises(TypeError, match="'list' is a value of type list"):
            t.set("list.0", 5)
        with pytest.raises(TypeError, match="'list' is a value of type list"):
            t.increment("list.0", 5)
        t.delete("list")
        t.set("list.0", 5)
        t.set("stock", {"milk": {"fresh": 3}})
        t.set("stock.tea.green", 2)
        with pytest.raises(TypeError, match=r"'stock\.milk\.fresh' is a value of type int"):
            t.set("stock.milk.fresh.0", 2)
        t.set("queue.first", 1)
        state.set("queue", 7)
        t.set("queue.second", 2)
        t.increment("count")
        with pytest.raises(TypeError, match="'count' is a value of type int"):
            t.set("count.a", 2)
    assert state.get("") == {
        "list": {"0": 5},
        "stock": {"milk": {"fresh": 3}, "tea": {"green": 2}},
        "queue": {"first": 1, "second": 2},
        "count": 1,
    }


@pytest.mark.parametrize("nothing", [None, {}])
async def test_set_to_none_or_an_empty_dict_deletes(state: State, nothing: Any) -> None:
    state.set("a.b", 1)
    state.set("a.c", 2)
    state.set("a.b", nothing)
    assert state.get("a") == {"c": 2}
    state.delete("a.c")
    state.delete("a.c")
    assert state.get("a") is None


async def test_increment_and_decrement_return_the_new_number(state: State) -> None:
    assert state.increment("n") == 1
    assert state.increment("n", 2) == 3
    assert state.decrement("n", 5) == -2
    assert state.increment("m.x", 0.5) == 0.5
    assert state.get("n") == -2


async def test_increment_of_other_values_is_rejected(state: State) -> None:
    state.set("a", {"text": "x", "flag": True})
    for path in ("a", "a.text", "a.flag"):
        with pytest.raises(TypeError, match="only a number can be incremented"):
            state.increment(path)
    by: Any
    for by in (True, "1", None):
        with pytest.raises(TypeError, match="by an int or a float"):
            state.increment("n", by)
        with pytest.raises(TypeError, match="by an int or a float"):
            state.decrement("n", by)
        async with state.transaction() as t:
            with pytest.raises(TypeError, match="by an int or a float"):
                t.decrement("n", by)
    with pytest.raises(ValueError, match="finite"):
        state.increment("n", math.inf)
    state.set("n", 2**63 - 1)
    with pytest.raises(OverflowError, match=r"'n' is 9223372036854775807, .* 64 bits"):
        state.increment("n")
    state.set("n", 1e308)
    with pytest.raises(OverflowError, match=r"'n' is 1e\+308, .* not finite"):
        state.increment("n", 1e308)
    assert state.get("n") == 1e308


async def test_change_beyond_a_limit_is_an_error_that_names_it(site_of: StateOf) -> None:
    """The message contains only the setting, its value, and the value that the change would have
    caused."""
    state = (await site_of(max_keys=4, max_size=2000, max_value_size=1024)).state
    with pytest.raises(StateFullException, match=r"'a' .* 1024 bytes; state\.max_value_size"):
        state.set("a", "x" * 10_000_000)
    state.set("a", {"b": 1, "c": 2, "d": 3})
    with pytest.raises(StateFullException) as too_many:
        state.set("e", 1)
    assert str(too_many.value) == (
        "'e' does not fit: the state would have 5 paths with a value; state.max_keys is 4"
    )
    assert state.get("e") is None
    with pytest.raises(StateFullException, match=r"6 paths .* state\.max_keys"):
        state.set("a.e.f", 4)
    state.set("a.b", 5)
    state.set("a", "x" * 1000)
    with pytest.raises(StateFullException) as too_large:
        state.set("b", "x" * 1000)
    assert str(too_large.value) == (
        "'b' does not fit: the state would have 2002 bytes; state.max_size is 2000"
    )
    state.delete("a")
    state.set("b", "x" * 1000)


async def test_change_beyond_a_limit_is_a_507_for_the_client(client_of: ClientOf) -> None:
    class Notes:
        @both("POST", "/notes", "note")
        async def note(
            self, text: Annotated[str, Body("text")], state: Annotated[State, Inject()]
        ) -> None:
            state.set("note", text)

    settings = Settings(bundles={"state": StateSettings(max_value_size=1024)})
    client = client_of(Application(bundles=[StateBundle], controllers=[Notes], settings=settings))
    for send in (client.http, client.websocket):
        assert (await send("note", body={"text": "x" * 1024})).status_code == 200
        response = await send("note", body={"text": "x" * 1025})
        assert (response.status_code, response.content["code"]) == (507, "state_full")
        assert "state.max_value_size is 1024" in response.content["message"]


async def test_path_of_a_subclass_of_str_is_rejected_everywhere(state: State) -> None:
    """Such a path cannot be written into the log."""

    class Text(str):
        pass

    state.set("a", 1)
    assert state.get("a") == 1
    path = Text("a")
    with pytest.raises(TypeError, match="not Text"):
        state.get(path)
    with pytest.raises(TypeError, match="not Text"):
        state.set(path, 2)
    with pytest.raises(TypeError, match="not Text"):
        state.increment(path)
    with pytest.raises(TypeError, match="not Text"):
        state.delete(path)
    async with state.transaction() as t:
        with pytest.raises(TypeError, match="not Text"):
            t.get(path)
        with pytest.raises(TypeError, match="not Text"):
            t.increment(path)
    assert state.get("a") == 1


async def test_delay_that_is_not_a_number_of_seconds_is_rejected(state: State) -> None:
    for delay in (-1, math.nan, "1", 10**400, 86_401):
        with pytest.raises(ValueError, match="delay"):
            state.set("a", 1, delay=delay)  # type: ignore[arg-type]
        assert state.get("a") is None
    state.set("a", 1, delay=10)
    assert state.get("a") == 1


@pytest.mark.parametrize(
    "use",
    [
        lambda state: state.set("a", 1),
        lambda state: state.increment("a"),
        lambda state: state.delete("a"),
        lambda state: state.subscribe("a", print),
        lambda state: state.watch("", print),
        lambda state: asyncio.run(state.flush()),
        lambda state: asyncio.run(_transact(state)),
    ],
    ids=["set", "increment", "delete", "subscribe", "watch", "flush", "transact"],
)
async def test_use_in_another_thread_is_an_error(
    state: State, use: Callable[[State], object]
) -> None:
    with pytest.raises(RuntimeError, match=r"another thread.*async def"):
        await asyncio.to_thread(use, state)
    assert state.get("a") is None


async def _transact(state: State) -> None:
    async with state.transaction() as t:
        t.set("a", 1)


async def test_transaction_in_another_thread_is_an_error(state: State) -> None:
    async with state.transaction() as t:
        for use in (t.get, t.increment, t.delete):
            with pytest.raises(RuntimeError, match="another thread"):
                await asyncio.to_thread(use, "a")


async def test_change_after_the_end_is_an_error(site_of: StateOf) -> None:
    site = await site_of()
    state = site.state
    state.set("a", 1)
    await site.application.stop()
    with pytest.raises(RuntimeError, match="has stopped"):
        state.set("a", 2)
    with pytest.raises(RuntimeError, match="has stopped"):
        state.delete("a")
    with pytest.raises(RuntimeError, match="has stopped"):
        await state.flush()
    with pytest.raises(RuntimeError, match="has stopped"):
        state.increment("a")
    with pytest.raises(RuntimeError, match="has stopped"):
        await _transact(state)
    assert state.get("a") == 1


# Watchers


async def test_subscriber_gets_value_at_its_path(state: State) -> None:
    seen: list[tuple[Any, ...]] = []
    state.subscribe("a", lambda *change: seen.append(change))
    state.set("a.b", 1)
    state.set("b", 1)
    state.set("a", {"b": 1, "c": [2]})
    state.set("a", 5)
    state.set("a", 5)
    state.delete("a")
    assert seen == [
        ("a", {"b": 1}, False),
        ("a", {"b": 1, "c": [2]}, False),
        ("a", 5, False),
        ("a", None, False),
    ]


async def test_watcher_gets_each_value_below_its_prefix(state: State) -> None:
    seen: list[tuple[Any, ...]] = []
    everything: list[str] = []
    state.watch("a", lambda path, value, is_remote: seen.append((path, value)))
    state.watch("", lambda path, value, is_remote: everything.append(path))
    state.set("a", {"b": 1, "c": {"d": 2}})
    state.set("ab", 1)
    state.set("a", {"c": {"d": 3}})
    state.increment("a.c.d")
    assert seen == [("a.b", 1), ("a.c.d", 2), ("a.b", None), ("a.c.d", 3), ("a.c.d", 4)]
    assert everything == ["a.b", "a.c.d", "ab", "a.b", "a.c.d", "a.c.d"]


@pytest.mark.parametrize(
    ("listener", "problem"),
    [
        (5, "not int"),
        ("report", "not str"),
        (lambda value: None, "takes other arguments"),
        (lambda path, value, is_remote, more: None, "takes other arguments"),
    ],
    ids=["int", "str", "too-few", "too-many"],
)
async def test_listener_that_cannot_be_called_is_rejected(
    state: State, listener: Any, problem: str
) -> None:
    for register in (state.subscribe, state.watch):
        with pytest.raises(TypeError, match=rf"listener\(path, value, is_remote\).*{problem}"):
            register("a", listener)
    state.set("a", 1)


async def test_listener_without_a_known_signature_is_accepted(state: State) -> None:
    """`inspect.signature` raises ValueError for some functions that are written in C."""
    listener: Any = type
    with pytest.raises(ValueError, match="signature"):
        inspect.signature(listener)
    state.subscribe("a", listener)


@pytest.mark.parametrize("path", ["a.*", "*", "a.*.b", "a.**"])
async def test_pattern_as_a_path_to_watch_is_rejected(state: State, path: str) -> None:
    """The listener would never be called. A value may have such a path."""
    with pytest.raises(ValueError, match=r"no patterns.*watch\('shop', listener\)"):
        state.subscribe(path, print)
    with pytest.raises(ValueError, match="no patterns"):
        state.watch(path, print)
    state.set(path, 1)
    assert state.get(path) == 1
    state.watch("a*", print)


async def test_watcher_that_changes_the_state_keeps_the_order(state: State) -> None:
    seen: list[Any] = []

    def double(path: str, value: Any, is_remote: bool) -> None:
        if value < 8:
            state.set("a", value * 2)

    state.subscribe("a", double)
    state.subscribe("a", lambda path, value, is_remote: seen.append(value))
    state.set("a", 1)
    assert seen == [1, 2, 4, 8]


async def test_cancelled_watcher_is_called_no_more(state: State) -> None:
    seen: list[Any] = []
    watcher = state.watch("a", lambda path, value, is_remote: seen.append(value))
    state.set("a", 1)
    watcher.cancel()
    watcher.cancel()
    state.set("a", 2)
    assert seen == [1]


async def test_error_of_a_watcher_is_logged(
    state: State, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []

    def fail(path: str, value: Any, is_remote: bool) -> None:
        raise RuntimeError("of the watcher")

    async def fail_later(path: str, value: Any, is_remote: bool) -> None:
        raise RuntimeError("of the async watcher")

    state.watch("a", fail)
    state.watch("a", fail_later)
    state.watch("a", lambda *change: fail_later(*change))
    state.watch("a", lambda path, value, is_remote: seen.append(value))
    state.set("a", 1)
    assert seen == [1]
    await until(lambda: "of the async watcher" in caplog.text)
    assert "RuntimeError: of the watcher" in caplog.text
    assert "must be async itself" in caplog.text
    caplog.clear()


async def test_watcher_that_waits_for_a_cancelled_task_is_called_again(
    state: State, caplog: pytest.LogCaptureFixture
) -> None:
    """The CancelledError of the watcher does not cancel the task that calls it."""
    cancelled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    cancelled.cancel()
    seen: list[Any] = []
    may_go_on = asyncio.Event()

    async def wait(path: str, value: Any, is_remote: bool) -> None:
        seen.append(value)
        await may_go_on.wait()
        await cancelled

    state.subscribe("a", lambda *change: cancelled.result())
    state.subscribe("a", wait)
    state.set("a", 1)
    await until(lambda: seen)
    state.set("a", 2)
    may_go_on.set()
    await until(lambda: len(seen) == 2)
    await until(lambda: caplog.text.count("failed for the state at 'a'") == 4)
    assert seen == [1, 2]
    caplog.clear()


async def test_stop_does_not_wait_for_a_watcher_that_ignores_cancellation(
    site_of: StateOf, caplog: pytest.LogCaptureFixture
) -> None:
    site = await site_of()
    never = asyncio.Event()
    started: list[asyncio.Task[None] | None] = []
    may_end = False

    async def swallow_one(path: str, value: Any, is_remote: bool) -> None:
        started.append(None)
        with suppress(asyncio.CancelledError):
            await never.wait()
        await never.wait()

    async def swallow(path: str, value: Any, is_remote: bool) -> None:
        started.append(asyncio.current_task())
        while not may_end:
            with suppress(asyncio.CancelledError):
                await never.wait()

    site.state.watch("a", swallow_one)
    site.state.watch("a", swallow)
    site.state.set("a", 1)
    await until(lambda: len(started) == 2)
    async with asyncio.timeout(20):
        await site.application.stop()
    assert caplog.text.count("does not end, although it was cancelled") == 1
    assert "swallow at" in caplog.text
    caplog.clear()
    may_end = True
    never.set()
    task = started[1]
    assert task is not None
    await asyncio.wait({task})


async def test_async_watcher_gets_the_newest_value(state: State) -> None:
    seen: list[tuple[str, Any]] = []
    may_go_on = asyncio.Event()

    async def slow(path: str, value: Any, is_remote: bool) -> None:
        seen.append((path, value))
        await may_go_on.wait()

    state.watch("", slow)
    state.set("a", 1)
    await until(lambda: seen)
    for number in range(100):
        state.set("a", number)
        state.set("b", number)
    may_go_on.set()
    await until(lambda: len(seen) == 3)
    assert seen == [("a", 1), ("a", 99), ("b", 99)]


async def test_async_watcher_that_hangs_keeps_a_bounded_number_of_paths(
    state: State, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchers, "_MOST_WAITING", 3)
    seen: list[str] = []
    may_go_on = asyncio.Event()

    async def slow(path: str, value: Any, is_remote: bool) -> None:
        seen.append(path)
        await may_go_on.wait()

    state.watch("", slow)
    state.set("first", 1)
    await until(lambda: seen)
    for number in range(5):
        state.set(f"n{number}", 1)
    may_go_on.set()
    await until(lambda: len(seen) == 4)
    assert seen == ["first", "n2", "n3", "n4"]
    assert caplog.text.count("misses changes of the state") == 1
    caplog.clear()


# Transactions


async def test_transaction_is_carried_out_at_its_end(state: State) -> None:
    state.set("a", 5)
    async with state.transaction() as t:
        t.decrement("a", t.get("a"))
        t.set("b", {"c": 5})
        t.set("b.d", 6)
        t.increment("b.c")
        assert t.get("b") == {"c": 6, "d": 6}
        assert t.get("a") == 0
        assert state.get("b") is None
    assert [state.get("a"), state.get("b")] == [0, {"c": 6, "d": 6}]


# T75
async def test_rolled_back_transaction_changes_nothing(state: State) -> None:
    """No watcher is called either."""
    seen: list[Any] = []
    state.watch("", lambda *change: seen.append(change))

    async def fail(t: Transaction) -> None:
        t.set("a", 1)
        raise RuntimeError("of the block")

    with pytest.raises(RuntimeError, match="of the block"):
        await state.transact(fail)
    async with state.transaction() as t:
        t.set("a", 1)
        t.rollback()
    with pytest.raises(RuntimeError, match="has ended"):
        t.set("a", 2)
    assert [state.get("a"), seen] == [None, []]


@pytest.mark.parametrize("path", ["a", "a.b", "a.b.c"])
async def test_transaction_whose_reads_were_changed_is_a_conflict(state: State, path: str) -> None:
    state.set("a.b.c", 1)

    async def copy() -> None:
        async with state.transaction() as t:
            t.set("copy", t.get(path))
            state.set("a.b.c", 2)

    with pytest.raises(StateConflictException, match="run it again"):
        await copy()
    assert state.get("copy") is None


async def test_transaction_that_catches_the_conflict_of_a_read_is_a_conflict(state: State) -> None:
    state.set("a", 1)

    async def read_twice() -> None:
        async with state.transaction() as t:
            t.get("a")
            state.set("a", 2)
            with suppress(StateConflictException):
                t.get("a")

    with pytest.raises(StateConflictException, match="run it again"):
        await read_twice()


async def test_transaction_without_reads_conflicts_with_nothing(state: State) -> None:
    async with state.transaction() as t:
        t.increment("a")
        t.set("b", 1)
        state.increment("a")
        state.set("b", 2)
    assert [state.get("a"), state.get("b")] == [2, 1]


async def test_transaction_that_reads_values_of_two_moments_is_a_conflict(state: State) -> None:
    state.set("a", 1)
    state.set("b", 1)

    async def read() -> None:
        async with state.transaction() as t:
            t.get("a")
            state.set("c", 1)
            t.get("b")
            state.set("a", 2)
            t.get("b")
            pytest.fail("it has read values of different moments")

    with pytest.raises(StateConflictException):
        await read()


async def test_transact_runs_the_function_again(state: State) -> None:
    runs: list[Any] = []

    async def double(t: Transaction) -> Any:
        runs.append(t.get("a", 0))
        if len(runs) < 3:
            state.increment("a")
        t.set("a", t.get("a") * 2)
        return t.get("a")

    assert await state.transact(double) == 4
    assert [runs, state.get("a")] == [[0, 1, 2], 4]


async def test_transact_with_a_function_that_returns_an_awaitable_runs_it(state: State) -> None:
    async def add(t: Transaction, by: int) -> int:
        t.increment("a", by)
        return by

    assert await state.transact(lambda t: add(t, 2)) == 2
    assert await state.transact(functools.partial(add, by=3)) == 3
    assert state.get("a") == 5


async def test_transact_with_another_value_than_an_async_function_raises(state: State) -> None:
    def plain(t: Transaction) -> None:
        t.set("a", 1)

    async def body(t: Transaction | None) -> None: ...

    transact: Any = state.transact
    with pytest.raises(TypeError, match=r"plain returned NoneType.*async def"):
        await transact(plain)
    assert state.get("a") is None
    coroutine = body(None)
    with pytest.raises(TypeError, match=r"not a coroutine.*without calling it"):
        await transact(coroutine)
    coroutine.close()
    with pytest.raises(TypeError, match="not a str"):
        await transact("pay")


async def test_transact_that_conflicts_at_each_attempt_raises(site_of: StateOf) -> None:
    state = (await site_of(attempts=4)).state

    async def never(t: Transaction) -> None:
        t.set("b", t.get("a"))
        state.increment("a")

    with pytest.raises(StateConflictException):
        await state.transact(never)
    assert [state.get("a"), state.get("b")] == [4, None]


async def test_transaction_that_is_too_large_is_rejected(site_of: StateOf) -> None:
    state = (await site_of(max_value_size=1024)).state

    async def fill(t: Transaction) -> None:
        t.set("a", "x" * 600)
        t.set("b", "x" * 600)

    with pytest.raises(StateFullException, match=r"transaction .* state\.max_value_size is 1024"):
        await state.transact(fill)
    assert state.get("a") is None

    async with state.transaction() as t:
        with pytest.raises(StateFullException, match=r"'a' .* state\.max_value_size is 1024"):
            t.set("a", "x" * 1025)
        t.set("a", "x" * 900)
        with pytest.raises(StateFullException, match="transaction"):
            t.set("b", "x" * 900)
        t.set("b", "x")
    assert state.get("b") == "x"


async def test_transaction_that_adds_to_a_full_state_is_rejected(site_of: StateOf) -> None:
    state = (await site_of(max_keys=2)).state

    async def fill(t: Transaction) -> None:
        for number in range(5):
            t.set(f"c.{number}", number)

    async def clear(t: Transaction) -> None:
        t.delete("a")

    async def replace(t: Transaction) -> None:
        t.delete("b")
        t.set("c", 3)

    state.set("a", 1)
    state.set("b", 2)
    with pytest.raises(StateFullException, match=r"8 paths with a value; state\.max_keys is 2"):
        await state.transact(fill)
    assert [state.get("a"), state.get("b")] == [1, 2]
    await state.transact(replace)
    await state.transact(clear)
    assert [state.get("a"), state.get("b"), state.get("c")] == [None, None, 3]


# The file


async def test_file_keeps_the_state_over_a_restart(site_of: StateOf, tmp_path: Path) -> None:
    file = tmp_path / "var" / "state.json"
    first = await site_of(file=file)
    first.state.set("a", {"b": 1})
    first.state.increment("n", 2)
    await until(file.exists)
    first.state.increment("n", 3)
    await first.application.stop()
    assert json.loads(file.read_text()) == {
        "format": "rxkernel state 1",
        "values": {"a": {"b": 1}, "n": 5},
    }
    assert [entry.name for entry in file.parent.iterdir()] == ["state.json"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert (await site_of(file=file)).state.get("n") == 5


def file_of(values: str) -> str:
    return f'{{"format": "rxkernel state 1", "values": {values}}}'


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "[" * 100_000),
        '{"hello": 1}',
        '{"values": {"a": 1}}',
        '{"format": "rxkernel state 2", "values": {}}',
        '{"format": "rxkernel state 1"}',
        file_of("[]"),
        file_of('{"a.b": 1}'),
        file_of('{"a": 1e999}'),
    ],
    ids=len,
)
async def test_file_without_a_state_ends_the_boot(
    site_of: StateOf, tmp_path: Path, text: str
) -> None:
    """This includes files of another program or version, which the first change would replace."""
    file = tmp_path / "state.json"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=r"state\.json' has no state"):
        await site_of(file=file)
    assert file.read_text() == text


async def test_file_of_a_full_state_is_read_again(site_of: StateOf, tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    first = await site_of(file=file, max_size=1024, max_keys=3)
    first.state.set("a", {"ü": "ж" * 500})
    with pytest.raises(StateFullException, match=r"state\.max_size is 1024"):
        first.state.set("b", "ж" * 12)
    first.state.set("b", "ж" * 8)
    await first.application.stop()
    assert (await site_of(file=file, max_size=1024, max_keys=3)).state.get("b") == "ж" * 8
    with pytest.raises(ConfigurationError, match=r"3 paths; state\.max_keys is 1"):
        await site_of(file=file, max_keys=1)
    file.write_text(file_of(json.dumps({"a": "x" * 1024})))
    with pytest.raises(ConfigurationError, match=r"more than 1024 bytes; state\.max_size"):
        await site_of(file=file, max_size=1024)


def test_file_that_two_processes_write_is_complete(tmp_path: Path) -> None:
    """The old and the new process of a restart may write it at the same time."""
    file = tmp_path / "state.json"
    data = [json.dumps({"a": letter * 100_000}).encode() for letter in "xy"]
    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(lambda number: write(file, data[number % 2]), range(40)):
            assert file.read_bytes() in data
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


def test_file_is_private_despite_files_of_other_modes(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    file.write_text("{}")
    file.chmod(0o644)
    left = tmp_path / "state.json.new"
    left.write_text("")
    left.chmod(0o644)
    write(file, b"{}")
    assert file.stat().st_mode & 0o777 == 0o600


def test_file_that_cannot_be_written_leaves_no_temporary_file(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    file.mkdir()
    with pytest.raises(IsADirectoryError):
        write(file, b"{}")
    assert [*tmp_path.iterdir()] == [file]


@pytest.mark.parametrize("file", ["/proc/state.json", "/proc/new/folder/state.json"])
async def test_file_that_cannot_be_written_ends_the_boot(site_of: StateOf, file: str) -> None:
    """Not even root can write below /proc."""
    with pytest.raises(ConfigurationError, match=rf"state\.file '{file}' cannot be written: "):
        await site_of(file=Path(file))


async def test_boot_with_an_empty_state_writes_no_file(site_of: StateOf, tmp_path: Path) -> None:
    site = await site_of(file=tmp_path / "var" / "state.json")
    assert os.listdir(tmp_path) == []
    await site.application.stop()
    assert os.listdir(tmp_path) == []


async def test_file_that_cannot_be_written_later_is_reported(
    site_of: StateOf, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "folder" / "state.json"
    file.parent.write_text("not a folder")
    with pytest.raises(ConfigurationError, match=r"cannot be written: '.*/folder': Not a dir"):
        await site_of(file=file)
    file.parent.unlink()
    file.mkdir(parents=True)
    with pytest.raises(ConfigurationError, match=r"cannot be read: .*Is a directory"):
        await site_of(file=file)
    file.rmdir()
    file.parent.rmdir()
    site = await site_of(file=file)
    file.parent.write_text("not a folder")
    site.state.set("a", 1)
    await until(lambda: site.log.problem)
    assert "state.file cannot be written" in caplog.text
    caplog.clear()
    await site.application.stop()
    assert "changes of the state are lost: state.file cannot be written" in caplog.text
    caplog.clear()


# Settings


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"store": "redis"}, "the bundle 'redis' is not enabled"),
        ({"store": "redis", "file": Path("x.json")}, "state.file is set"),
    ],
    ids=["bundle", "file"],
)
async def test_settings_that_do_not_fit_end_the_boot(
    settings: dict[str, Any], problem: str
) -> None:
    application = Application(
        bundles=[StateBundle], settings=Settings(bundles={"state": StateSettings(**settings)})
    )
    with pytest.raises(ConfigurationError, match=problem):
        await application.boot()


async def test_state_in_memory_with_workers_is_an_error() -> None:
    application = Application(
        bundles=[StateBundle], settings=Settings(http=HttpSettings(reuse_port=True))
    )
    with pytest.raises(ConfigurationError, match='set it to "redis"'):
        await application.boot()


@pytest.mark.parametrize(
    "settings",
    [{"store": "disk"}, {"file": Path()}, {"max_keys": 0}, {"commit_timeout": 0}],
    ids=lambda settings: next(iter(settings)),
)
def test_invalid_setting_is_rejected(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        StateSettings(**settings)
