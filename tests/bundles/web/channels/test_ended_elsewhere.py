"""Streams and WebSockets of a process end with a login that another process ends."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from tests.bundles.redis_servers import running_redis
from tests.bundles.web.channels.conftest import SECRET, Accounts, LiveSite
from tests.bundles.web.channels.test_event_streams import FILES
from tests.bundles.web.conftest import Site
from tests.bundles.web.connected import connected
from tests.waiting import until

SOCKET = """
    async def get(client):
        await client.websocket.accept()
        client.subscribe("chat")
        await client.websocket.receive()
    """

SETTINGS = {
    **dict.fromkeys(("sessions.store", "security.tokens.store", "web.channels.store"), "redis"),
    "security.tokens.secret": SECRET,
}


@pytest.fixture
async def two(
    site: Site, redis_server: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[list[LiveSite]]:
    """Two processes, and one browser for both."""
    site.write({**FILES, "app/chat.ws/get.py": SOCKET})
    jar = aiohttp.CookieJar(unsafe=True)
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(running_redis(redis_server, tmp_path_factory.mktemp("redis")))
        applications = connected(site.root, redis, SETTINGS, users=Accounts)
        found = []
        for application in await stack.enter_async_context(applications):
            session = aiohttp.ClientSession(application.servers["http"].url, cookie_jar=jar)
            found.append(LiveSite(application, await stack.enter_async_context(session)))
        yield found


@pytest.mark.parametrize("credential", ["session", "bearer"])
async def test_logout_at_another_process_ends_streams_and_websockets(
    two: list[LiveSite], credential: str
) -> None:
    here, there = two
    params = {"name": "ada", **({"bearer": "1"} if credential == "bearer" else {})}
    async with here.session.post("/login/", params=params) as response:
        token = await response.text()
        assert response.status == 200
    headers = {"Authorization": f"Bearer {token}"} if credential == "bearer" else {}

    async with (
        there.events("/chat.sse", headers=headers) as reader,
        there.websocket("/chat.ws", headers=headers) as socket,
    ):
        await reader.opened()
        await until(lambda: there.channels.count() == 2)
        await here.channels.send_to_user("ada", "own", 1)
        assert (await reader.event())["data"] == "1"
        assert (await socket.receive_json(timeout=20))["data"] == 1
        async with here.session.post("/logout/", params={"name": "ada"}) as response:
            assert response.status == 200
        assert await reader.next() is None
        assert (await socket.receive(timeout=20)).data == 1008
    assert there.channels.count() == 0
