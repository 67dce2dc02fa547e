"""Jobs start in order, and a full queue blocks the caller of `put`."""

import asyncio
from collections.abc import Awaitable
from functools import partial

import pytest

from rxkernel.servers.socketio.backpressure import Backpressure
from rxkernel.servers.socketio.event_queue import EventQueue
from tests.waiting import until


class Jobs:
    """Jobs that run until `release` is set."""

    def __init__(self) -> None:
        self.started: list[int] = []
        self.cancelled: list[int] = []
        self.release = asyncio.Event()

    async def run(self, number: int) -> None:
        self.started.append(number)
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise

    def put(self, queue: EventQueue, *numbers: int) -> list[Awaitable[None] | None]:
        return [queue.put(partial(self.run, number)) for number in numbers]


async def test_put_below_concurrency_starts_jobs_and_queues_the_others() -> None:
    jobs, queue = Jobs(), EventQueue(2, 10, Backpressure())

    assert jobs.put(queue, 0, 1, 2, 3) == [None] * 4

    await until(lambda: jobs.started == [0, 1])
    assert (queue.running, queue.waiting) == (2, 2)
    jobs.release.set()
    await queue.join()
    assert jobs.started == [0, 1, 2, 3]


async def test_put_full_queue_waits_until_there_is_room() -> None:
    jobs, queue = Jobs(), EventQueue(1, 1, Backpressure())
    *_, pending = jobs.put(queue, 0, 1, 2)
    assert pending is not None
    waiting = asyncio.ensure_future(pending)
    await until(lambda: jobs.started == [0])
    assert not waiting.done()

    jobs.release.set()
    await waiting
    await queue.join()

    assert jobs.started == [0, 1, 2]


async def test_put_full_queue_accepts_more_while_acknowledgement_is_expected() -> None:
    """Only the reader can receive the acknowledgement, so it must not be blocked."""
    backpressure = Backpressure()
    jobs, queue = Jobs(), EventQueue(1, 1, backpressure)
    *_, pending = jobs.put(queue, 0, 1, 2)
    assert pending is not None
    waiting = asyncio.ensure_future(pending)
    await until(lambda: jobs.started == [0])

    with backpressure.expecting():
        await waiting

    assert queue.waiting == 2
    await queue.cancel()


@pytest.mark.parametrize("number", [1, 3])
async def test_cancel_ends_running_jobs_and_drops_waiting_ones(number: int) -> None:
    jobs, queue = Jobs(), EventQueue(number, 10, Backpressure())
    jobs.put(queue, *range(number + 2))
    await until(lambda: len(jobs.started) == number)

    await queue.cancel()

    assert sorted(jobs.cancelled) == jobs.started == list(range(number))
    assert jobs.put(queue, 9) == [None]
    assert (queue.running, queue.waiting) == (0, 0)
