"""Clients of two processes that never read: H5 of the table of faults."""

import asyncio
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from benchmarks.listeners import Listeners, connected
from bundles.scale.bus.link import Link
from rxkernel import Application, Broadcaster
from tests.bundles.redis_servers import RedisServer
from tests.bundles.scale.conftest import Process
from tests.waiting import until

logger = logging.getLogger(__name__)

TEXT = "x" * 20_000


@contextmanager
def deaf_clients(ports: list[int], number: int) -> Iterator[list[socket.socket]]:
    """Connect *number* clients to each of *ports*, which then stop reading."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(connected(port, receive_buffer=4096))
            for port in ports
            for _ in range(number)
        ]


async def _broadcast(broadcaster: Broadcaster, listeners: Listeners, times: int) -> float:
    """Broadcast *times* times, and return the 99th percentile in seconds."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        await broadcaster.emit("news", TEXT)
        taken.append(await asyncio.to_thread(listeners.everybody) - begin)
    return sorted(taken)[int(times * 0.99)]


@pytest.mark.soak
async def test_clients_that_never_read_are_closed_and_others_receive_all(
    process: Process, application: Application, shared_redis: RedisServer, prefix: str
) -> None:
    """10 of 100 clients never read. 1,000 events of 20 KB exceed `max_outbound_bytes`."""
    broadcaster = application.injector.get(Broadcaster)
    other, link = Process(shared_redis, prefix), application.injector.get(Link)  # type: ignore[type-abstract]
    await until(lambda: len(link.others) == 2)
    ports = [int(one.url.rpartition(":")[2]) for one in (process, other)]
    listeners = Listeners(ports, 45, "news")
    try:
        alone = await _broadcast(broadcaster, listeners, 1000)
        with deaf_clients(ports, 5):
            assert len(await broadcaster.connections()) == 100
            beside = await _broadcast(broadcaster, listeners, 1000)
            assert len(await broadcaster.connections()) == 90
        logger.warning(
            "99 %% after %.1f ms, beside slow clients %.1f ms", alone * 1e3, beside * 1e3
        )
    finally:
        listeners.close()
        other.close()
