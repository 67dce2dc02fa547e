"""Clients of Metacom at two processes: events, rooms and sessions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import aiohttp
import pytest

from bundles.autoload import AutoloadBundle
from bundles.contracts import ContractsBundle
from bundles.metacom import MetacomBundle
from bundles.sessions import SessionsSettings
from rxkernel import NotImplementedException
from tests.bundles.autoload.sign_in import BUNDLES, FILES, SECURITY
from tests.bundles.metacom.conftest import RawClient
from tests.bundles.redis_servers import RedisServer
from tests.bundles.scale.conftest import Site, SiteOf
from tests.waiting import until

CHAT = """
    from typing import Annotated

    from bundles.autoload import Context
    from rxkernel import Broadcaster, Inject

    access = "public"

    async def subscribe(room: str, context: Context) -> str:
        await context.client.join(room)
        return context.client.id

    async def send(
        room: str, message: str, broadcaster: Annotated[Broadcaster, Inject()]
    ) -> bool:
        data = {"room": room, "message": message}
        return await broadcaster.emit("chat/message", data, room=room)
    """


class Process:
    """An application, and its clients."""

    def __init__(self, site: Site, http: aiohttp.ClientSession) -> None:
        self.broadcaster = site.broadcaster
        self.link = site.link
        self.url = site.application.servers["http"].url
        self._http = http

    @asynccontextmanager
    async def client(self) -> AsyncIterator[RawClient]:
        async with self._http.ws_connect(f"{self.url}/api") as websocket:
            yield RawClient(websocket)

    async def post(self, method: str, args: Any, cookies: dict[str, str] | None = None) -> Any:
        """Call a method over HTTP; return the packet and the cookies of the response."""
        packet = {"type": "call", "id": 1, "method": method, "args": args}
        jar = aiohttp.DummyCookieJar()
        async with (
            aiohttp.ClientSession(cookie_jar=jar) as session,
            session.post(f"{self.url}/api", json=packet, cookies=cookies) as response,
        ):
            found = {name: morsel.value for name, morsel in response.cookies.items()}
            return await response.json(), found


@pytest.fixture
async def two(
    site_of: SiteOf, shared_redis: RedisServer, tmp_path: Path
) -> AsyncIterator[list[Process]]:
    for key, content in {**FILES, "api/chat.py": CHAT}.items():
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(content))
    async with aiohttp.ClientSession() as http:
        found = []
        for _ in range(2):
            site = await site_of(
                shared_redis,
                bundles=(AutoloadBundle(tmp_path), ContractsBundle, MetacomBundle, *BUNDLES),
                sections={"security": SECURITY, "sessions": SessionsSettings(store="redis")},
            )
            found.append(Process(site, http))
        for process in found:
            await until(lambda process=process: process.link.others and not process.link.problem)  # type: ignore[misc]
        yield found


async def result(client: RawClient, method: str, **args: Any) -> Any:
    """Return the result, or the code of the error."""
    packet = await client.call(method, args)
    return packet["result"] if "error" not in packet else packet["error"]["code"]


async def test_event_reaches_the_room_of_both_processes_once(two: list[Process]) -> None:
    here, there = two
    async with here.client() as ada, there.client() as bob, there.client() as eve:
        for client in (ada, bob):
            await result(client, "chat/subscribe", room="R")
        await result(eve, "chat/subscribe", room="Q")

        await ada.send({"type": "call", "id": 2, "method": "chat/send", "args": MESSAGE})
        assert await ada.receive() == EVENT
        assert await ada.receive() == {"type": "callback", "id": 2, "result": True}
        assert await bob.receive() == EVENT
        assert (await there.post("chat/send", MESSAGE))[0]["result"] is True
        assert [await client.receive() for client in (ada, bob)] == [EVENT] * 2
        await there.broadcaster.emit("chat/all", 1)
        others = [await client.receive() for client in (ada, bob, eve)]

    assert others == [{"type": "event", "name": "chat/all", "data": 1}] * 3


MESSAGE = {"room": "R", "message": "M"}
EVENT = {"type": "event", "name": "chat/message", "data": MESSAGE}


async def test_broadcaster_moves_and_disconnects_clients_of_another_process(
    two: list[Process],
) -> None:
    here, there = two
    async with there.client() as bob, there.client() as eve:
        id, other = [await result(one, "chat/subscribe", room="R") for one in (bob, eve)]
        assert {one.id for one in await here.broadcaster.connections("R")} == {id, other}
        assert await here.broadcaster.join(id, "S")
        assert await here.broadcaster.emit("chat/message", MESSAGE, room="S", skip=other)
        assert await here.broadcaster.emit("chat/message", MESSAGE, room=id)
        assert [await bob.receive() for _ in range(2)] == [EVENT] * 2
        with pytest.raises(NotImplementedException, match="Metacom do not acknowledge"):
            await here.broadcaster.call(id, "chat/ask")
        disconnecting = asyncio.create_task(here.broadcaster.disconnect(id))
        assert (await bob.closed(), await disconnecting) == (1000, True)
        assert [one.id for one in await here.broadcaster.connections()] == [other]


async def test_session_continues_at_another_process(two: list[Process]) -> None:
    """Over HTTP, the session is found by its cookie."""
    here, there = two
    async with here.client() as ada, there.client() as again:
        token = await result(ada, "auth/sign_in", name="ada")
        assert await result(ada, "counter/add") == 1
        assert await result(again, "counter/add") == 401
        assert await result(again, "auth/restore", token=token) is True
        assert await result(again, "counter/add") == 2
        assert await result(ada, "counter/add") == 3

    packet, cookies = await here.post("auth/sign_in", {"name": "eve"})
    assert "error" not in packet
    for number, process in enumerate((there, here, there), 1):
        packet, _ = await process.post("counter/add", {}, cookies)
        assert packet["result"] == number


async def test_sign_out_ends_the_session_at_the_other_process(two: list[Process]) -> None:
    """In Metacom, a connection that has restored the session keeps working."""
    here, there = two
    async with here.client() as ada, there.client() as again, there.client() as eve:
        token = await result(ada, "auth/sign_in", name="ada")
        assert await result(again, "auth/restore", token=token) is True
        assert len(await result(eve, "auth/sign_in", name="eve")) == 43

        assert await result(ada, "auth/sign_out") is None
        assert await again.closed() == 1000
        assert await result(ada, "counter/add") == 401
        assert await result(eve, "counter/add") == 1
        assert await result(eve, "auth/restore", token=token) is False
    packet, _ = await there.post("counter/add", {}, {"sid": token})
    assert packet["error"]["code"] == 401
