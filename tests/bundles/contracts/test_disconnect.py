"""Calls of a client that disconnects, over both paths of HTTP and over sockets."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from bundles.contracts import Contracts, ContractsBundle, Queue, contract
from rxkernel import Application, HttpSettings, Request, Settings, both
from tests.servers.raw_http import post, raw_http
from tests.servers.sides import side_of
from tests.waiting import until

WAYS = ("http fast", "http aiohttp", "over sockets", "in process")

pytestmark = pytest.mark.parametrize("way", WAYS)

QUEUE = Queue(concurrency=1, size=5, timeout=60)


class Jobs:
    def __init__(self) -> None:
        self.log: list[str] = []
        self.released = asyncio.Event()

    @both("POST", "/cancelled", "cancelled")
    @contract(cancel_on_disconnect=True, queue=QUEUE)
    async def cancelled(self) -> None:
        self.log.append("began")
        try:
            await asyncio.Event().wait()
        finally:
            self.log.append("ended")

    @both("POST", "/kept", "kept")
    @contract(queue=QUEUE)
    async def kept(self, request: Request) -> None:
        self.log.append("began")
        await self.released.wait()
        self.log.append("ended")


class Clients:
    """Sends calls of clients that disconnect before the response."""

    def __init__(self, way: str, *controllers: Any) -> None:
        self._way = way
        self._stack = AsyncExitStack()
        http = HttpSettings(port=0, fast_path=way == "http fast")
        self._application = Application(
            bundles=[ContractsBundle], controllers=controllers, settings=Settings(http=http)
        )

    async def __aenter__(self) -> "Clients":
        kind = self._way if self._way == "in process" else "over sockets"
        self._side = await self._stack.enter_async_context(side_of(kind, self._application))
        self.contracts = self._application.injector.get(Contracts)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def send(self, name: str) -> Any:
        """Send a call, and return an async function that disconnects."""
        if not self._way.startswith("http"):
            client = await self._side.connect()
            sending = asyncio.create_task(client.send(name))

            async def leave() -> None:
                await client.leave()
                await sending

            return leave
        stack = AsyncExitStack()
        raw = await stack.enter_async_context(raw_http(self._application))
        await raw.send(post(f"/{name}", body=b"1"))
        return stack.aclose


async def test_cancel_on_disconnect_cancels_action_and_frees_slot(way: str) -> None:
    jobs = Jobs()
    async with Clients(way, jobs) as clients:
        slots = clients.contracts.slots_of(QUEUE)
        leave = await clients.send("cancelled")
        await until(lambda: jobs.log)

        await leave()

        await until(lambda: slots.free == 1)
        assert jobs.log == ["began", "ended"]
        assert clients.contracts.counts == {"disconnected": 1}


async def test_disconnect_without_cancel_on_disconnect_runs_action_to_its_end(way: str) -> None:
    jobs = Jobs()
    async with Clients(way, jobs) as clients:
        leave = await clients.send("kept")
        await until(lambda: jobs.log)

        leaving = asyncio.create_task(leave())
        jobs.released.set()

        await until(lambda: jobs.log == ["began", "ended"])
        await leaving
        assert clients.contracts.counts == {}


async def test_disconnected_client_frees_its_place_in_the_queue(way: str) -> None:
    jobs = Jobs()
    async with Clients(way, jobs) as clients:
        slots = clients.contracts.slots_of(QUEUE)
        first = await clients.send("kept")
        await until(lambda: jobs.log)
        second = await clients.send("kept")
        await until(lambda: slots.waiting == 1)

        await second()

        await until(lambda: slots.waiting == 0)
        jobs.released.set()
        await until(lambda: slots.free == 1)
        assert jobs.log == ["began", "ended"]
        await first()
