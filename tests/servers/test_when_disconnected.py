"""`Request.when_disconnected`: over both paths of HTTP, over Socket.IO and in process."""

import asyncio

import pytest

from rxkernel import Application, HttpSettings, KernelClient, Request, Settings, both
from tests.servers.conftest import Serve
from tests.servers.raw_http import post, raw_http
from tests.servers.sides import SIDES, side_of
from tests.waiting import until


class Slow:
    """Its action ends when its client has disconnected, or when ``released`` is set."""

    def __init__(self) -> None:
        self.released = asyncio.Event()
        self.log: list[str] = []

    @both("POST", "/slow", "slow")
    async def slow(self, request: Request) -> str:
        gone = asyncio.Event()
        revoke = request.when_disconnected(gone.set)
        request.when_disconnected(lambda: self.log.append("revoked"))()
        self.log.append("began")
        waiting = [asyncio.ensure_future(event.wait()) for event in (gone, self.released)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for waiter in waiting:
            waiter.cancel()
        revoke()
        if gone.is_set():
            request.when_disconnected(lambda: self.log.append("called at once"))
        self.log.append("disconnected" if gone.is_set() else "released")
        return "ok"


async def ended(slow: Slow) -> list[str]:
    await until(lambda: slow.log[-1:] in (["disconnected"], ["released"]))
    return slow.log


async def test_when_disconnected_http_client_closes_is_called(serve: Serve) -> None:
    slow = Slow()
    application = await serve(slow)

    async with raw_http(application) as client:
        await client.send(post("/slow", body=b"1"))
        await until(lambda: slow.log)

    assert await ended(slow) == ["began", "called at once", "disconnected"]


async def test_when_disconnected_http_client_stays_is_not_called(serve: Serve) -> None:
    """Also not by a later request of the connection: the first one has revoked its function."""
    slow = Slow()
    slow.released.set()
    application = await serve(slow)

    async with raw_http(application) as client:
        for _ in range(2):
            await client.send(post("/slow", body=b"1"))
            assert (await client.answer()).status == 200

    assert slow.log == ["began", "released"] * 2


@pytest.mark.parametrize("kind", SIDES)
async def test_when_disconnected_socket_client_leaves_is_called(kind: str) -> None:
    slow = Slow()
    application = Application(controllers=[slow], settings=Settings(http=HttpSettings(port=0)))

    async with side_of(kind, application) as side:
        client = await side.connect()
        sending = asyncio.create_task(client.send("slow"))
        await until(lambda: slow.log)
        await client.leave()
        assert await ended(slow) == ["began", "called at once", "disconnected"]
        await sending


async def test_when_disconnected_request_of_a_test_is_not_called() -> None:
    slow = Slow()
    slow.released.set()

    async with KernelClient(Application(controllers=[slow])) as client:
        assert (await client.http("slow")).status_code == 200

    assert slow.log == ["began", "released"]
