"""Events during each fault of Redis, and the lost ones: H10 to H12 of the table of faults."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager

import pytest

from rxkernel import Application
from tests.bundles.redis_servers import RedisServer
from tests.bundles.scale.conftest import Site, SiteOf
from tests.servers.socketio_clients import raw_socket
from tests.waiting import until

QUICK = {"heartbeat_interval": 0.1, "heartbeat_timeout": 0.5}

Fault = Callable[[RedisServer], AbstractContextManager[None]]


@contextmanager
def killed(redis: RedisServer) -> Iterator[None]:
    redis.kill()
    yield
    redis.start()


@contextmanager
def hung(redis: RedisServer) -> Iterator[None]:
    with redis.paused():
        yield


@contextmanager
def cut_off(redis: RedisServer) -> Iterator[None]:
    """Close the connections that subscribe, but not the connections that publish."""
    redis.command("CLIENT", "KILL", "TYPE", "pubsub")
    yield


@contextmanager
def all_cut_off(redis: RedisServer) -> Iterator[None]:
    redis.command("CLIENT", "KILL", "SKIPME", "yes")
    yield


@contextmanager
def full(redis: RedisServer) -> Iterator[None]:
    redis.command("CONFIG", "SET", "maxmemory", "1")
    yield
    redis.command("CONFIG", "SET", "maxmemory", "0")


@asynccontextmanager
async def listening(application: Application) -> AsyncIterator[list[int]]:
    """A client, and the numbers that it receives."""
    numbers: list[int] = []

    async def read() -> None:
        while (frame := await client.receive()) is not None:
            assert isinstance(frame, str)
            numbers.append(json.loads(frame.removeprefix("42"))[1])

    async with raw_socket(application) as client:
        reading = asyncio.create_task(read())
        yield numbers
        reading.cancel()


@pytest.mark.parametrize("fault", [killed, hung, cut_off, all_cut_off, full])
@pytest.mark.parametrize(
    "number", [150, pytest.param(6_000, marks=pytest.mark.soak)], ids=["quick", "soak"]
)
async def test_lost_events_are_counted_and_the_others_arrive_in_order(
    site_of: SiteOf, redis: RedisServer, fault: Fault, number: int
) -> None:
    """One event is sent each millisecond, a third of them during the fault."""
    sites: list[Site] = [await site_of(redis, scale=QUICK, redis_timeout=0.5) for _ in range(2)]
    here, there = sites
    for site in sites:
        await site.sees(1)

    async with listening(here.application) as own, listening(there.application) as others:
        sent = 0

        async def send(until_number: int) -> None:
            nonlocal sent
            while sent < until_number:
                await here.broadcaster.emit("news", sent)
                sent += 1
                await asyncio.sleep(0.001)

        await send(number // 3)
        with fault(redis):
            await send(2 * number // 3)
        await send(number)
        while not others or others[-1] < number:  # the first one that surely arrives
            await send(sent + 1)
        await until(lambda: len(own) == sent)

        assert own == list(range(sent))
        assert others == sorted(set(others))
        missing = others[-1] + 1 - len(others)
        assert missing <= there.counts.get("bus.lost", 0)
        if fault is full:
            assert missing == 0
    for site in sites:
        await until(lambda: site.link.problem is None)  # noqa: B023
