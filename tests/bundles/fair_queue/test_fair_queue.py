"""Slots are given to waiting calls round robin among their keys."""

import asyncio
from concurrent.futures import Future

import pytest

from bundles.fair_queue import FairQueue
from tests.waiting import until


async def call(queue: FairQueue, key: str, order: list[str]) -> str | None:
    """Wait for a slot, and hold it for a moment. Return the reason if no slot was given."""
    if queue.free:
        queue.free -= 1
    else:
        waiter = queue.enter(key)
        if waiter is None:
            return "full"
        reason = await waiter.outcome()
        if reason is not None:
            return reason
    try:
        order.append(key)
        await asyncio.sleep(0)
    finally:
        queue.release()
    return None


async def order_of(queue: FairQueue, keys: str) -> tuple[str, list[str | None]]:
    order: list[str] = []
    results = await asyncio.gather(*(call(queue, key, order) for key in keys))
    return "".join(order), results


@pytest.mark.parametrize(
    ("keys", "expected"),
    [("aaaa", "aaaa"), ("aaaaab", "aabaaa"), ("aaabbc", "aabcab"), ("aabcaa", "aabcaa")],
)
async def test_slots_are_given_to_keys_in_turn(keys: str, expected: str) -> None:
    queue = FairQueue(1, 10)
    assert await order_of(queue, keys) == (expected, [None] * len(keys))
    assert (queue.free, queue.waiting) == (1, 0)


async def test_calls_more_than_may_wait_do_not_wait() -> None:
    queue = FairQueue(2, 3)
    order, results = await order_of(queue, "aabbbbb")
    assert (order, results) == ("aabbb", [None] * 5 + ["full"] * 2)
    assert (queue.free, queue.waiting) == (2, 0)


async def test_one_key_may_hold_its_share_only() -> None:
    queue = FairQueue(1, 4, size_per_key=2)
    order, results = await order_of(queue, "aaaabbbc")
    assert results == [None] * 3 + ["full"] + [None] * 2 + ["full"] * 2
    assert order == "aabab"


async def test_call_that_leaves_gets_its_reason_and_makes_room() -> None:
    queue = FairQueue(0, 1)
    waiter = queue.enter()
    assert waiter is not None
    assert queue.enter() is None
    waiter.leave("timeout")
    waiter.leave("again")
    assert queue.waiting == 0
    assert await waiter.outcome() == "timeout"
    queue.release()
    assert queue.free == 1


@pytest.mark.parametrize("has_slot", [False, True])
async def test_call_that_is_cancelled_passes_its_slot_on(has_slot: bool) -> None:
    queue = FairQueue(0, 2)
    order: list[str] = []
    first, second = (asyncio.create_task(call(queue, key, order)) for key in "ab")
    await asyncio.sleep(0)
    if has_slot:
        queue.release()
    first.cancel()
    await asyncio.wait([first])
    if not has_slot:
        queue.release()
    assert await second is None
    assert (order, queue.free, queue.waiting) == (["b"], 1, 0)


def test_queue_works_in_one_event_loop_after_another() -> None:
    queue = FairQueue(1, 10)
    for _ in range(2):
        assert asyncio.run(order_of(queue, "aabb")) == ("aabb", [None] * 4)


def test_calls_that_wait_in_a_closed_loop_get_no_slot() -> None:
    queue = FairQueue(0, 10)

    async def begin() -> None:
        for _ in range(3):
            assert queue.enter() is not None

    asyncio.run(begin())
    assert queue.waiting == 3
    queue.release()
    assert (queue.free, queue.waiting) == (1, 0)
    assert asyncio.run(order_of(queue, "aabb")) == ("aabb", [None] * 4)


async def test_slot_is_released_after_all_threads_have_ended() -> None:
    queue = FairQueue(0, 1)
    first, second, third = Future[int](), Future[int](), Future[int]()
    queue.release_after((first, second, third))
    first.set_exception(LookupError())
    second.cancel()
    await asyncio.sleep(0)
    assert queue.free == 0

    third.set_result(1)

    await until(lambda: queue.free == 1)
