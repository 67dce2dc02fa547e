"""Transactions that conflict take turns."""

import asyncio
from typing import Any

import pytest

from bundles.state import (
    State,
    StateConflictException,
    StateUnavailableException,
    Transaction,
)
from bundles.state.claims import Claims
from bundles.state.entries import Entry, Unit, unpack_entry
from bundles.state.replica import Replica
from bundles.state.turns import Turns
from tests.bundles.redis_servers import RedisServer
from tests.bundles.state.conftest import StateOf
from tests.waiting import until


async def add(t: Transaction) -> None:
    """Others can run between its read and its change."""
    count = t.get("count", 0)
    await asyncio.sleep(0)
    t.set("count", count + 1)


async def add_in_block(state: State) -> None:
    async with state.transaction() as t:
        await add(t)


async def test_concurrent_transactions_need_at_most_two_attempts(site_of: StateOf) -> None:
    state = (await site_of(attempts=2)).state
    await asyncio.gather(*(state.transact(add) for _ in range(50)))
    assert state.get("count") == 50


async def test_transactions_of_two_processes_take_turns(
    site_of: StateOf, shared_redis: RedisServer, prefix: str
) -> None:
    sites = [await site_of(shared_redis, prefix=prefix, attempts=6) for _ in range(2)]
    done: list[int] = []

    async def run(number: int) -> None:
        await sites[number].state.transact(add)
        done.append(number)

    await asyncio.gather(*(run(number) for number in (0, 1) for _ in range(15)))
    await until(lambda: sites[0].state.get("count") == sites[1].state.get("count") == 30)
    assert {*done[:15]} == {0, 1}
    assert not any(site.state._turns.is_crowded for site in sites)


class Held:
    """A function for `State.transact` whose attempts wait for the test.

    Args:
        disturbed: the number of attempts that end with a conflict, since their reads have changed.
    """

    def __init__(self, state: State, disturbed: int) -> None:
        self.tries = 0
        self.may_end = asyncio.Event()
        self._state = state
        self._disturbed = disturbed

    async def __call__(self, t: Transaction) -> None:
        self.tries += 1
        t.set("copy", t.get("a", 0))
        if self.tries > self._disturbed:
            await self.may_end.wait()
        else:
            self._state.increment("a")


async def in_turn(state: State, disturbed: int = 1) -> tuple[Held, asyncio.Task[Any]]:
    """A function that has begun its turn."""
    held = Held(state, disturbed)
    task = asyncio.create_task(state.transact(held))
    await until(lambda: held.tries > disturbed)
    return held, task


async def test_cancelled_transaction_leaves_its_turn_to_the_next(site_of: StateOf) -> None:
    state = (await site_of()).state
    _, first = await in_turn(state)
    second = Held(state, 1)
    third = Held(state, 1)
    tasks = [asyncio.create_task(state.transact(held)) for held in (second, third)]
    await until(lambda: second.tries == third.tries == 1)
    tasks[0].cancel()
    first.cancel()
    await until(lambda: third.tries == 2)
    third.may_end.set()
    await tasks[1]
    await asyncio.wait([first, tasks[0]])
    assert first.cancelled()
    assert tasks[0].cancelled()
    assert second.tries == 1


async def test_transaction_that_takes_long_loses_its_turn(site_of: StateOf) -> None:
    state = (await site_of()).state
    state._turns.longest = 0.05
    held, task = await in_turn(state, disturbed=2)
    await asyncio.gather(*(state.transact(add) for _ in range(3)))
    held.may_end.set()
    await task
    assert [state.get("count"), state.get("copy")] == [3, 2]
    assert not state._turns.is_crowded


async def test_new_transaction_waits_for_one_that_conflicts_often(site_of: StateOf) -> None:
    state = (await site_of()).state
    held, task = await in_turn(state, disturbed=2)
    later = asyncio.create_task(state.transact(add))
    for _ in range(10):
        await asyncio.sleep(0)
    assert state.get("count") is None
    held.may_end.set()
    await task
    assert state.get("count") is None
    await later
    assert state.get("count") == 1


async def test_new_block_waits_for_one_that_conflicts_often(site_of: StateOf) -> None:
    state = (await site_of()).state
    held, task = await in_turn(state, disturbed=2)

    later = asyncio.create_task(add_in_block(state))
    for _ in range(10):
        await asyncio.sleep(0)
    assert state.get("count") is None
    held.may_end.set()
    await task
    await later
    assert state.get("count") == 1


async def test_block_that_takes_long_loses_its_turn(site_of: StateOf) -> None:
    state = (await site_of()).state
    held, task = await in_turn(state, disturbed=2)
    may_end, has_begun = asyncio.Event(), asyncio.Event()

    async def block() -> None:
        async with state.transaction() as t:
            has_begun.set()
            await may_end.wait()
            t.set("slow", True)

    later = asyncio.create_task(block())
    await asyncio.sleep(0)
    assert not has_begun.is_set()
    state._turns.longest = 0.05
    held.may_end.set()
    await has_begun.wait()
    assert state._turns.places.locked()
    await task
    await until(lambda: not state._turns.places.locked())
    may_end.set()
    await later
    assert state.get("slow") is True


async def test_blocks_beside_a_transaction_that_hangs_are_carried_out(site_of: StateOf) -> None:
    """They wait for their turns at the same time, and not one after the other."""
    state = (await site_of(commit_timeout=0.5)).state
    held, task = await in_turn(state, disturbed=3)
    waiting, may_end = 0, asyncio.Event()

    async def block() -> None:
        nonlocal waiting
        async with state.transaction() as t:
            waiting += 1
            await may_end.wait()
            t.increment("count")

    blocks = [asyncio.create_task(block()) for _ in range(24)]
    await until(lambda: waiting == 24)
    may_end.set()
    await asyncio.gather(*blocks)
    assert state.get("count") == 24
    held.may_end.set()
    await task


async def test_turn_that_does_not_come_within_the_timeout_is_unavailable(
    site_of: StateOf,
) -> None:
    state = (await site_of(commit_timeout=0.05)).state
    state._turns.longest = 60
    held, task = await in_turn(state, disturbed=2)

    with pytest.raises(StateUnavailableException, match=r"within 0\.05 seconds: others") as caught:
        await state.transact(add)

    assert not caught.value.is_unknown
    held.may_end.set()
    await task
    assert state.get("count") is None
    await state.transact(add)
    assert state.get("count") == 1


async def test_transaction_within_another_one_ends(site_of: StateOf) -> None:
    """The inner transaction waits for the turn of the outer one, which waits for the inner one."""
    state = (await site_of(attempts=4)).state
    state._turns.longest = 0.05

    async def outer(t: Transaction) -> None:
        t.set("copy", t.get("count", 0))
        await state.transact(add)

    with pytest.raises(StateConflictException):
        await state.transact(outer)
    assert [state.get("count"), state.get("copy")] == [4, None]


@pytest.mark.parametrize("fail", [RuntimeError, asyncio.CancelledError])
async def test_transaction_that_fails_ends_its_claim(
    site_of: StateOf, fail: type[BaseException]
) -> None:
    state = (await site_of()).state
    tries = 0

    async def body(t: Transaction) -> None:
        nonlocal tries
        tries += 1
        t.set("copy", t.get("a"))
        state.increment("a")
        if tries == 3:
            assert state._turns.is_crowded
            raise fail

    with pytest.raises(fail):
        await state.transact(body)
    assert not state._turns.is_crowded


def turns_of(replica: Replica, longest: float) -> tuple[Turns, list[Unit]]:
    units: list[Unit] = []
    return Turns(replica, units.append, longest), units


async def test_process_waits_for_the_claims_before_its_own() -> None:
    replica = Replica("here")
    turns, units = turns_of(replica, 60)
    for process in ("first", "second"):
        replica.claims.note(process, True)
    with turns.turn() as turn:
        begin = asyncio.create_task(turn.begin())
        await until(lambda: units)
        replica.claims.note("here", True)
        replica.claims.note("third", True)
        replica.claims.note("second", False)
        await asyncio.sleep(0)
        assert not begin.done()
        replica.claims.note("first", False)
        await begin
    assert [unit.claim for unit in units] == [True, False]


async def test_claim_of_a_killed_process_ends_after_a_short_time() -> None:
    replica = Replica("here")
    turns, _ = turns_of(replica, 0.01)
    for process in ("first", "second"):
        replica.claims.note(process, True)
    with turns.turn() as turn:
        await turn.begin()
    assert replica.claims.first is None


async def test_turn_keeps_its_claim_when_another_one_of_the_process_ends() -> None:
    """The first turn took too long and was lost. It ends after the claim of the second one."""
    replica = Replica("here")

    def submit(unit: Unit) -> None:
        replica.claims.note("here", bool(unit.claim))

    turns = Turns(replica, submit, 0.01)
    with turns.turn() as second:
        with turns.turn() as first:
            await first.begin()
            first.claim()
            await second.begin()  # the first turn has taken too long
            second.claim()
        replica.claims.note("other", True)
        assert replica.claims.first == "here"


def test_claims_are_served_in_their_order() -> None:
    claims = Claims()
    changes: list[str | None] = []
    claims.changed = lambda: changes.append(claims.first)
    for process, is_claimed in [("a", True), ("b", True), ("a", True), ("c", False)]:
        claims.note(process, is_claimed)
    for process in ("a", "b"):
        claims.note(process, False)
    assert changes == ["a", "b", None]


@pytest.mark.parametrize("claim", [None, True, False])
def test_entry_that_is_packed_keeps_the_claim(claim: bool | None) -> None:
    entry = Entry("here", 1, [Unit([], {"a": None}, claim=claim)])
    [unit] = unpack_entry(entry.packed()).units
    assert unit.claim is claim
    assert unit.reads == {"a": None}
