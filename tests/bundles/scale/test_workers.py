"""One site with two workers and Redis: event streams, Metacom and `application.backend`."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import aiohttp
import pytest

from tests.bundles.metacom.conftest import RawClient
from tests.bundles.redis_servers import running_redis
from tests.bundles.scale.process import SECRET
from tests.bundles.web.channels.conftest import EventReader
from tests.cli.processes import Process
from tests.required_tools import ROOT

FILES = {
    "talks.py": """
        from bundles.autoload import create_application

        application = create_application(bundles=["redis", "scale"])
        """,
    "rxkernel.toml": f"""
        [http]
        trusted_proxies = ["127.0.0.1"]
        [sessions]
        store = "redis"
        [security.tokens]
        store = "redis"
        [scale]
        bus = "redis"
        secret = "{SECRET}"
        [web.channels]
        store = "redis"
        """,
    "application/app/worker.json/get.py": """
        import os

        async def get(client):
            return os.getpid()
        """,
    "application/app/news.sse/get.py": "async def get(client): return 'news'",
    "application/app/news.json/post.py": """
        from bundles.web import Channels

        async def post(client, channels: Channels):
            await channels.send("news", "added", client.fields["title"])
        """,
    "application/app/price.json/get.py": """
        from bundles.autoload import lib

        async def get(client):
            return lib.prices.known
        """,
    "application/app/price.json/post.py": """
        from bundles.autoload import application

        async def post(client):
            return await application.backend.emit("price", client.fields["price"])
        """,
    "application/lib/prices.py": """
        from bundles.autoload import application

        known = []

        async def remember(data):
            known.append(data)

        application.backend.on("price", remember)
        """,
    "application/api/chat.py": """
        from typing import Annotated

        from bundles.autoload import Context
        from rxkernel import Broadcaster, Inject

        access = "public"

        async def subscribe(room: str, context: Context) -> None:
            await context.client.join(room)

        async def send(
            room: str, text: str, broadcaster: Annotated[Broadcaster, Inject()]
        ) -> bool:
            return await broadcaster.emit("chat/message", {"text": text}, room=room)
        """,
    "application/api/auth.py": """
        from bundles.autoload import Context

        access = "public"

        async def sign_in(context: Context) -> str:
            return await context.start_session({"count": 0})

        async def restore(token: str, context: Context) -> bool:
            return await context.restore_session(token)

        async def sign_out(context: Context) -> None:
            await context.end_session()
        """,
    "application/api/counter.py": """
        from bundles.autoload import Context

        async def add(context: Context) -> int:
            context.session["count"] += 1
            return context.session["count"]
        """,
}


class Place:
    """Clients with the same address, which one worker serves."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self._session = session
        self._headers = {"X-Forwarded-For": address}

    async def worker(self) -> int:
        """Return the id of its process."""
        found: int = await self.get("/worker.json")
        return found

    async def get(self, path: str) -> Any:
        async with self._session.get(path, headers=self._headers) as response:
            assert response.status == 200, await response.text()
            return json.loads(await response.read())

    async def post(self, path: str, **body: Any) -> Any:
        async with self._session.post(path, json=body, headers=self._headers) as response:
            assert response.status in (200, 204), await response.text()
            return json.loads(await response.read() or "null")

    def stream(self, last: str = "") -> Any:
        own = {"Last-Event-ID": last} if last else {}
        return self._session.get("/news.sse", headers={**self._headers, **own})

    def socket(self) -> Any:
        return self._session.ws_connect("/api", headers=self._headers)


@pytest.fixture(scope="module")
def workers(redis_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("site")
    for key, content in FILES.items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_text(dedent(content))
    serve = ["-m", "rxkernel", "--app", "talks:application", "serve", "--port", "0"]
    with running_redis(redis_server, tmp_path_factory.mktemp("redis")) as redis:
        variables = [f"RXKERNEL_REDIS_URL={redis.url}", f"PYTHONPATH={ROOT}:{folder}"]
        process = Process(["env", *variables, sys.executable, *serve, "--workers", "2"], folder)
        process.line("^Listening on ")
        yield process
        process.send(signal.SIGTERM)
        process.code()


@pytest.fixture
async def places(workers: Process) -> AsyncIterator[tuple[Place, Place]]:
    """Two places at different workers."""
    connector = aiohttp.TCPConnector(force_close=True)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(
        workers.url(), connector=connector, cookie_jar=jar
    ) as session:
        by_worker: dict[int, Place] = {}
        for number in range(50):  # the address of a client decides which worker serves it
            place = Place(session, f"203.0.113.{number}")
            by_worker.setdefault(await place.worker(), place)
            if len(by_worker) == 2:
                break
        here, there = by_worker.values()
        yield here, there


async def test_clients_of_metacom_share_rooms_and_sessions(places: tuple[Place, Place]) -> None:
    here, there = places
    async with here.socket() as first, there.socket() as second:
        ada, bob = RawClient(first), RawClient(second)
        for client in (ada, bob):
            assert (await client.call("chat/subscribe", {"room": "R"}))["type"] == "callback"
        message = {"type": "event", "name": "chat/message", "data": {"text": "hello"}}
        assert await ada.call("chat/send", {"room": "R", "text": "hello"}) == message
        assert (await ada.receive())["result"] is True
        assert await bob.receive() == message

        token = (await ada.call("auth/sign_in"))["result"]
        assert (await ada.call("counter/add"))["result"] == 1
        assert (await bob.call("auth/restore", {"token": token}))["result"] is True
        assert (await bob.call("counter/add"))["result"] == 2
        assert (await ada.call("auth/sign_out"))["type"] == "callback"
        assert await bob.closed() == 1000
        assert (await ada.call("counter/add"))["error"]["code"] == 401


async def test_backend_event_reaches_both_workers(places: tuple[Place, Place]) -> None:
    here, there = places
    assert await here.post("/price.json", price=5) is True
    assert await there.post("/price.json", price=6) is True

    for place in places:
        async with asyncio.timeout(20):
            while sorted(await place.get("/price.json")) != [5, 6]:
                pass


async def test_event_stream_continues_at_another_worker_and_after_a_crash(
    places: tuple[Place, Place],
) -> None:
    """This is the last test, since it kills a worker."""
    here, there = places
    async with here.stream() as response:
        reader = EventReader(response)
        await reader.opened()
        await there.post("/news.json", title="1")
        last = await reader.event()
        assert last["data"] == '"1"'
    for title in "23":
        await here.post("/news.json", title=title)
    async with there.stream(last["id"]) as response:
        reader = EventReader(response)
        events = [await reader.event() for _ in range(2)]
        await here.post("/news.json", title="4")
        events.append(await reader.event())
        assert [event["data"] for event in events] == ['"2"', '"3"', '"4"']

        os.kill(await there.worker(), signal.SIGKILL)
        with pytest.raises((aiohttp.ClientError, AssertionError)):
            await reader.event()
    await here.post("/news.json", title="5")
    async with there.stream(events[-1]["id"]) as response:
        reader = EventReader(response)
        await there.post("/news.json", title="6")
        assert [(await reader.event())["data"] for _ in range(2)] == ['"5"', '"6"']
