"""Event streams and WebSockets have limits of their own."""

import asyncio

import aiohttp
import pytest

from bundles.web import Firewall
from tests.bundles.web.channels.conftest import Live, LiveSite
from tests.bundles.web.firewall.conftest import FILES, PROXY, Gate, of
from tests.waiting import until

ADDRESS = {"web.firewall.max_streams_per_address": 1, **PROXY}
EVENTS = {"Accept": "text/event-stream"}


def is_all_freed(site: LiveSite) -> bool:
    return len(site.application.injector.get(Firewall)._open) == 0


@pytest.mark.parametrize("accept", [EVENTS, {}], ids=["announced", "not announced"])
async def test_event_stream_over_the_limit_is_429(live: Live, accept: dict[str, str]) -> None:
    site = await live(FILES, ADDRESS)

    async with site.events("/news.sse", headers=accept):
        async with site.session.get("/news.sse", headers=accept) as second:
            assert second.status == 429
            assert second.headers["Retry-After"] == "1"
        async with site.session.get("/") as request:
            assert request.status == 200
        async with site.session.get("/news.sse", headers={**accept, **of("192.0.2.9")}) as other:
            assert other.status == 200

    await until(lambda: is_all_freed(site))
    async with site.events("/news.sse", headers=accept):
        pass


async def test_websocket_over_the_limit_is_429_before_it_is_accepted(live: Live) -> None:
    site = await live(FILES, ADDRESS)

    async with site.websocket("/talk.ws"):
        assert await site.rejected("/talk.ws") == 429
    await until(lambda: is_all_freed(site))
    async with site.websocket("/talk.ws"):
        pass


async def test_websocket_of_a_disconnected_client_is_not_counted(live: Live) -> None:
    site = await live(FILES, ADDRESS)
    session = aiohttp.ClientSession(site.url)
    websocket = await session.ws_connect("/talk.ws")
    response = websocket._response
    assert response.connection is not None

    transport = response.connection.transport
    assert transport is not None
    transport.abort()  # without a close frame

    await until(lambda: is_all_freed(site))
    await websocket.close()
    await session.close()


async def test_open_streams_do_not_count_as_requests(live: Live) -> None:
    site = await live(FILES, {"web.firewall.max_requests_per_address": 1, **ADDRESS})

    async with site.events("/news.sse"), site.session.get("/") as response:
        assert response.status == 200


async def test_streams_of_a_session_and_of_a_host_have_limits(live: Live) -> None:
    site = await live(
        FILES,
        {"web.firewall.max_streams_per_session": 1, "web.firewall.max_streams_per_host": 2},
    )
    async with site.session.post("/session/"):
        pass

    async with site.events("/news.sse"), aiohttp.ClientSession(site.url) as guest:
        async with site.session.get("/news.sse") as second:
            assert second.status == 429
        async with guest.get("/news.sse") as third, guest.get("/news.sse") as fourth:
            assert (third.status, fourth.status) == (200, 429)


async def test_streams_end_with_the_application_and_free_their_counts(live: Live) -> None:
    site = await live(FILES, ADDRESS)
    firewall = site.application.injector.get(Firewall)
    async with site.events("/news.sse"), site.websocket("/talk.ws", headers=of("192.0.2.1")):
        await asyncio.wait_for(site.application.stop(), 20)
    assert len(firewall._open) == 0


async def test_request_for_a_stream_is_also_counted_as_a_request(live: Live, closed: Gate) -> None:
    """Otherwise a header would lift the limit of requests."""
    site = await live(FILES, {"web.firewall.max_requests_per_address": 1, **ADDRESS})

    async def slow() -> int:
        async with site.session.get("/slow/", headers=EVENTS) as response:
            return response.status

    held = asyncio.create_task(slow())
    await until(lambda: closed.waiting == 1)
    assert await slow() == 429
    closed.open()
    assert await held == 200
    await until(lambda: is_all_freed(site))


async def test_stream_that_is_rejected_leaves_no_count(live: Live) -> None:
    site = await live(FILES, {"web.firewall.max_requests_per_address": 5, **ADDRESS})

    async with site.events("/news.sse"):
        for _ in range(10):
            async with site.session.get("/news.sse") as response:
                assert response.status == 429
        async with site.session.get("/") as response:
            assert response.status == 200
    await until(lambda: is_all_freed(site))


async def test_flood_of_one_address_disturbs_no_other(live: Live, closed: Gate) -> None:
    site = await live(FILES, {"web.firewall.max_requests_per_address": 3, **PROXY})

    async def status(path: str, address: str) -> int:
        async with site.session.get(path, headers=of(address)) as response:
            return response.status

    flood = [asyncio.create_task(status("/slow/", "192.0.2.1")) for _ in range(60)]
    await until(lambda: closed.waiting == 3 and sum(task.done() for task in flood) == 57)
    others = await asyncio.gather(*(status("/", f"198.51.100.{n}") for n in range(60)))

    assert set(others) == {200}
    assert len(site.application.injector.get(Firewall)._open) == 1
    closed.open()
    codes = await asyncio.gather(*flood)
    assert sorted(codes) == [200] * 3 + [429] * 57
    await until(lambda: is_all_freed(site))
