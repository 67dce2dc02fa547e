"""Open requests are counted by address, session and host."""

import asyncio
import logging
from typing import Any

import aiohttp
import pytest

from bundles.web import Firewall
from rxkernel import Application, ServerEvent, ServerEvents
from tests.bundles.web.channels.conftest import Live
from tests.bundles.web.firewall.conftest import FILES, PROXY, Gate, of
from tests.waiting import until

ADDRESS = {"web.firewall.max_requests_per_address": 2, **PROXY}


def open_of(application: Application) -> int:
    """The number of shares with an open request."""
    return len(application.injector.get(Firewall)._open)


async def status(session: aiohttp.ClientSession, path: str, **options: Any) -> int:
    async with session.get(path, **options) as response:
        await response.read()
        return response.status


async def test_request_over_the_limit_of_its_address_is_429(
    live: Live, closed: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    site = await live(FILES, ADDRESS)
    session = site.session
    first = [asyncio.create_task(status(session, "/slow/", headers=of("192.0.2.1"))) for _ in "12"]
    await until(lambda: closed.waiting == 2)

    with caplog.at_level(logging.WARNING, logger="rxkernel.servers.limits"):
        async with session.get("/", headers=of("192.0.2.1")) as third:
            assert third.status == 429
            assert third.headers["Retry-After"] == "1"
            body = await third.json()
    assert body["code"] == "firewall"
    assert "web.firewall.max_requests_per_address" in caplog.text
    assert "192.0.2.1" in caplog.text
    assert await status(session, "/", headers=of("192.0.2.2")) == 200

    closed.open()
    assert await asyncio.gather(*first) == [200, 200]
    await until(lambda: open_of(site.application) == 0)
    assert await status(session, "/", headers=of("192.0.2.1")) == 200


async def test_ipv6_addresses_of_one_network_are_one_client(live: Live, closed: Gate) -> None:
    site = await live(FILES, {**ADDRESS, "web.firewall.max_requests_per_address": 1})
    held = asyncio.create_task(status(site.session, "/slow/", headers=of("2001:db8::1")))
    await until(lambda: closed.waiting == 1)

    assert await status(site.session, "/", headers=of("2001:db8::2")) == 429
    assert await status(site.session, "/", headers=of("2001:db8:0:1::2")) == 200
    closed.open()
    assert await held == 200


async def test_request_over_the_limit_reads_no_body_and_runs_no_handler(
    live: Live, closed: Gate
) -> None:
    site = await live(
        {
            **FILES,
            "app/error.py": """
                from tests.bundles.web.firewall.test_requests import RAN

                async def error(client):
                    RAN.append(client.exception)
                    return "page"
                """,
        },
        ADDRESS,
    )
    RAN.clear()
    held = [asyncio.create_task(status(site.session, "/slow/")) for _ in "12"]
    await until(lambda: closed.waiting == 2)

    async with site.session.post("/slow/", data=b"x" * 100_000) as response:
        assert response.status == 429
    assert not RAN
    assert closed.waiting == 2
    closed.open()
    await asyncio.gather(*held)


RAN: list[object] = []


@pytest.mark.parametrize("path", ["/fails/", "/", "/missing.css", "/session/", "/late/"])
async def test_count_is_freed_when_a_request_has_ended(live: Live, path: str) -> None:
    site = await live(FILES, ADDRESS)

    codes = {await status(site.session, path) for _ in range(5)}

    assert 429 not in codes
    await until(lambda: open_of(site.application) == 0)


async def test_request_of_a_client_that_left_counts_until_its_handler_has_ended(
    live: Live, closed: Gate
) -> None:
    site = await live(FILES, {"web.firewall.max_requests_per_address": 1})
    held = asyncio.create_task(status(site.session, "/slow/"))
    await until(lambda: closed.waiting == 1)

    held.cancel()
    assert await status(site.session, "/") == 429

    closed.open()
    await until(lambda: open_of(site.application) == 0)
    assert await status(site.session, "/") == 200


async def test_count_is_freed_when_the_application_stops(live: Live, closed: Gate) -> None:
    site = await live(FILES, ADDRESS)
    firewall = site.application.injector.get(Firewall)
    held = asyncio.create_task(status(site.session, "/slow/"))
    await until(lambda: closed.waiting == 1)

    async def open_gate(event: ServerEvent) -> None:
        assert len(firewall._open) == 1
        closed.open()

    site.application.dispatcher.add_listener(ServerEvents.STOPPING, open_gate)
    stopping = asyncio.create_task(site.application.stop())

    assert await stopping is True
    assert len(firewall._open) == 0
    assert await held == 200


async def test_request_over_the_limit_of_its_session_is_429(live: Live, closed: Gate) -> None:
    site = await live(FILES, {"web.firewall.max_requests_per_session": 1, **PROXY})
    async with site.session.post("/session/") as response:
        assert response.status == 204, await response.text()
    held = asyncio.create_task(status(site.session, "/slow/"))
    await until(lambda: closed.waiting == 1)

    assert await status(site.session, "/", headers=of("192.0.2.1")) == 429
    async with aiohttp.ClientSession(site.url) as other:
        assert await status(other, "/") == 200
    closed.open()
    assert await held == 200


async def test_request_over_the_limit_of_its_host_is_429(live: Live, closed: Gate) -> None:
    site = await live(FILES, {"web.firewall.max_requests_per_host": 1, **PROXY})
    held = asyncio.create_task(status(site.session, "/slow/", headers={"Host": "a.example"}))
    await until(lambda: closed.waiting == 1)

    assert await status(site.session, "/", headers={"Host": "A.example.:8000"}) == 429
    assert await status(site.session, "/", headers={"Host": "b.example"}) == 200
    closed.open()
    assert await held == 200


@pytest.mark.parametrize("limited", ["address", "host"])
async def test_probes_are_not_counted(limited: str, live: Live, closed: Gate) -> None:
    """A monitor would restart a process that is only busy."""
    limit = {f"web.firewall.max_requests_per_{limited}": 1}
    site = await live(FILES, {**limit, **PROXY, "health": True})
    held = asyncio.create_task(status(site.session, "/slow/"))
    await until(lambda: closed.waiting == 1)

    assert await status(site.session, "/") == 429
    assert await status(site.session, "/healthz") == 200
    assert await status(site.session, "/readyz") == 200
    closed.open()
    assert await held == 200
