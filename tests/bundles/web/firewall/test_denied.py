"""Denied and blocked clients get 403, over HTTP and over sockets."""

from typing import Any

import aiohttp
import pytest

from bundles.autoload import create_application
from bundles.clock import Clock
from bundles.security import access
from bundles.web import Firewall
from rxkernel import ConfigurationError, websocket
from tests.bundles.web.channels.conftest import Live
from tests.bundles.web.conftest import Site
from tests.bundles.web.firewall.conftest import FILES, PROXY, Gate, gate, of
from tests.servers.socketio_clients import client as connected_client
from tests.servers.socketio_clients import raw_socket
from tests.waiting import until

DENIED = {"web.firewall.denied": ["192.0.2.0/24", "2001:db8::/32"], **PROXY}


@pytest.mark.parametrize("address", ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::5"])
async def test_denied_address_is_403(live: Live, address: str) -> None:
    site = await live(FILES, DENIED)

    async with site.session.get("/", headers=of(address)) as response:
        assert response.status == 403
        assert (await response.json())["code"] == "firewall"
    assert await site.rejected("/talk.ws", headers=of(address)) == 403
    for path in ("/style.css", "/missing.css", "/missing"):
        async with site.session.get(path, headers=of(address)) as response:
            assert (path, response.status) == (path, 403)
    async with site.session.post("/", headers=of(address)) as response:
        assert response.status == 405
    async with site.session.get("/", headers=of("198.51.100.1")) as response:
        assert response.status == 200


async def test_probe_of_a_denied_address_is_403(live: Live) -> None:
    site = await live(FILES, {**DENIED, "health": True})

    async with site.session.get("/healthz", headers=of("192.0.2.7")) as response:
        assert response.status == 403
    async with site.session.get("/healthz") as response:
        assert response.status == 200


async def test_blocked_client_is_403_until_its_time_is_over(site: Site) -> None:
    """Impress of 2015 ignores the time of client.block."""

    class Later(Clock):
        time = 0.0

        def monotonic(self) -> float:
            return self.time

    clock = Later()
    site.write(FILES)
    site._application = application = create_application(site.root)
    application.load_settings({"http.port": 0, **PROXY})
    await application.boot(overrides={Clock: clock})
    await application.start()
    firewall = application.injector.get(Firewall)

    async with aiohttp.ClientSession(application.servers["http"].url) as session:

        async def status(address: str) -> int:
            async with session.get("/", headers=of(address)) as response:
                return response.status

        async with session.post("/block/", headers=of("192.0.2.7")) as response:
            assert response.status == 204
        assert await status("192.0.2.7") == 403
        assert await status("192.0.2.8") == 200
        clock.time = 59.9
        assert await status("192.0.2.7") == 403
        clock.time = 60.0
        assert await status("192.0.2.7") == 200

        firewall.block("2001:db8::1", 10)
        assert await status("2001:db8::2") == 403
        assert firewall.unblock("2001:db8::3") is True
        assert firewall.unblock("2001:db8::3") is False
        assert await status("2001:db8::2") == 200


async def test_block_in_a_functional_test_has_no_effect(site: Site) -> None:
    client = await site.start(FILES)

    assert (await client.http("POST /block")).status_code == 204
    assert (await client.http("GET /")).status_code == 200


@pytest.mark.parametrize(
    ("address", "seconds", "message"),
    [
        pytest.param("", 5, "the address to block is empty", id="no address"),
        pytest.param("192.0.2.1", 0, "seconds is 0; write", id="no time"),
        pytest.param("192.0.2.1", -1, "seconds is -1; write", id="negative"),
        pytest.param("192.0.2.1", float("inf"), "seconds is inf; write", id="for ever"),
        pytest.param("192.0.2.1", float("nan"), "seconds is nan; write", id="not a number"),
    ],
)
async def test_block_without_a_client_or_a_time_is_an_error(
    site: Site, address: str, seconds: float, message: str
) -> None:
    await site.start(FILES)
    firewall = site.application.injector.get(Firewall)

    with pytest.raises(ValueError, match=message):
        firewall.block(address, seconds)


@pytest.mark.parametrize(
    ("name", "value"),
    [("denied", ["192.0.2.1/24"]), ("denied", ["nobody"]), ("max_requests_per_address", 0)],
    ids=["host bits", "name", "zero"],
)
def test_invalid_setting_is_an_error_with_the_rule(site: Site, name: str, value: Any) -> None:
    site.write(FILES)
    application = create_application(site.root)

    with pytest.raises(ConfigurationError, match=rf"web\.firewall\.{name}.*must be a "):
        application.load_settings({f"web.firewall.{name}": value})


@access("public")
class Talk:
    @websocket("slow")
    async def slow(self) -> str:
        await gate.wait()
        return "done"

    @websocket("hello")
    async def hello(self) -> str:
        return "hello"


async def test_socket_events_are_counted_and_rejected(site: Site, closed: Gate) -> None:
    async with site.served(
        FILES,
        options={"web.firewall.max_requests_per_address": 1},
        controllers=[Talk],
    ):
        firewall = site.application.injector.get(Firewall)
        async with connected_client(site.application) as client:
            done: list[Any] = []
            await client.emit("slow", {}, callback=done.append)
            await until(lambda: closed.waiting == 1)

            rejected = await client.call("hello", {})
            assert rejected["statusCode"] == 429
            assert rejected["headers"]["Retry-After"] == "1"

            closed.open()
            await until(lambda: done)
            assert (await client.call("hello", {}))["content"] == "hello"

            firewall.block("127.0.0.1", 60)
            assert (await client.call("hello", {}))["statusCode"] == 403
            await until(lambda: len(firewall._open) == 0)


async def test_socket_of_a_blocked_client_is_rejected(site: Site) -> None:
    async with site.served(FILES, controllers=[Talk]):
        site.application.injector.get(Firewall).block("127.0.0.1", 60)
        async with raw_socket(site.application, connect="") as raw:
            await raw.send("40")
            refused = await raw.receive()
    assert isinstance(refused, str)
    assert refused.startswith("44")
    assert '"code":"firewall"' in refused
