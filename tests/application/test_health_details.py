"""The details of ``/readyz`` (``health_details``), and the clients that get them."""

import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from rxkernel import Application, HttpSettings, Request, Settings
from rxkernel.application.health_details import DetailsAccess, health_details
from rxkernel.messages.connection import ClientAddress
from rxkernel.servers.events import ReadinessEvent, ServerEvents


def settings(networks: tuple[str, ...], **http: Any) -> Settings:
    return Settings(http=HttpSettings(port=0, **http), health=True, health_details=networks)


async def details_of(application: Application, **headers: str) -> Any:
    """The details that a real server sends; None without."""
    await application.start()
    try:
        url = f"{application.servers['http'].url}/readyz"
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as found:
            assert found.headers["Cache-Control"] == "no-store"
            return (await found.json()).get("details")
    finally:
        await application.stop()


async def test_details_of_allowed_client_have_documented_figures() -> None:
    details = await details_of(Application(settings=settings(("127.0.0.0/8",))))

    process, system = details["process"], details["system"]
    assert process["pid"] > 0
    assert process["python"] == sys.version.split()[0]
    assert process["threads"] >= 1
    assert min(process["uptime"], process["cpu_time"], process["event_loop_delay"]) >= 0
    assert len(process["gc_collections"]) == 3
    assert system["cpus"] >= 1
    assert len(system["load"]) == 3
    assert 0 < system["disk_free"] <= system["disk_total"]
    assert details["limits"] == {"http": {}, "socketio": {}}
    assert details["servers"] == {
        "http": {"connections": 1, "requests": 1},
        "socketio": {"clients": 0},
    }


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
async def test_details_on_linux_have_memory_and_files() -> None:
    details = await details_of(Application(settings=settings(("127.0.0.1",))))

    assert details["process"]["rss"] > 1_000_000
    assert details["process"]["open_files"] > 3
    assert 0 < details["system"]["memory_available"] <= details["system"]["memory_total"]


async def test_details_without_proc_are_null(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys.modules[health_details.__module__], "_PROC", tmp_path)
    details = await details_of(Application(settings=settings(("127.0.0.1",))))

    assert (details["process"]["rss"], details["process"]["open_files"]) == (None, None)
    assert details["system"]["memory_total"] is None


@pytest.mark.parametrize(
    ("networks", "headers"),
    [
        pytest.param((), {}, id="none"),
        pytest.param(("10.0.0.0/8",), {}, id="other"),
        pytest.param(("127.0.0.1",), {"X-Forwarded-For": "127.0.0.1"}, id="proxy"),
    ],
)
async def test_other_client_gets_no_details(
    networks: tuple[str, ...], headers: dict[str, str]
) -> None:
    assert await details_of(Application(settings=settings(networks)), **headers) is None


@pytest.mark.parametrize(
    ("host", "hosts", "allowed"),
    [
        pytest.param("evil.example:8000", (), False, id="other"),
        pytest.param("evil.example", ("*",), False, id="every"),
        pytest.param("shop.example", ("shop.example",), True, id="allowed"),
        pytest.param("localhost:8000", (), True, id="localhost"),
        pytest.param("[::1]:8000", (), True, id="address"),
        pytest.param("a b", (), False, id="invalid"),
    ],
)
async def test_host_of_a_page_of_another_site_gets_no_details(
    host: str, hosts: tuple[str, ...], allowed: bool
) -> None:
    """DNS rebinding: a page whose own host name resolves to this machine can read the response."""
    application = Application(settings=settings(("127.0.0.1",), allowed_hosts=hosts))

    assert (await details_of(application, Host=host) is not None) is allowed


async def test_details_host_reported_by_a_proxy_is_checked() -> None:
    proxies = {"trusted_proxies": ("127.0.0.1",)}
    application = Application(settings=settings(("127.0.0.1",), **proxies))
    headers = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "evil.example"}

    assert await details_of(application, **headers) is None


async def test_details_behind_trusted_proxy_depend_on_the_reported_address() -> None:
    def application() -> Application:
        return Application(settings=settings(("192.0.2.0/24",), trusted_proxies=("127.0.0.1",)))

    inside = {"X-Forwarded-For": "192.0.2.7"}
    assert (await details_of(application(), **inside))["process"]["pid"] > 0
    outside = {"X-Forwarded-For": "198.51.100.7"}
    assert await details_of(application(), **outside) is None


async def test_details_are_sent_with_status_503_too() -> None:
    application = Application(settings=settings(("127.0.0.1",)))

    async def fail(event: ReadinessEvent) -> None:
        event.fail("database", "down")

    application.dispatcher.add_listener(ServerEvents.READINESS, fail)
    assert (await details_of(application))["process"]["pid"] > 0


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        pytest.param("::ffff:10.1.2.3", True, id="mapped"),
        pytest.param("10.1.2.3", True, id="v4"),
        pytest.param("fe80::1%eth0", True, id="zone"),
        pytest.param("::1", False, id="v6"),
        pytest.param("a name", False, id="name"),
        pytest.param(None, False, id="unknown"),
    ],
)
def test_details_are_sent_to_addresses_of_allowed_networks(
    host: str | None, allowed: bool
) -> None:
    client = None if host is None else ClientAddress(host, 1)
    access = DetailsAccess(settings(("10.0.0.0/8", "fe80::/10")))

    assert access.allows(Request("HTTP", client=client)) is allowed


def test_invalid_network_is_rejected() -> None:
    with pytest.raises(ValueError, match="health_details must be a list of IP addresses"):
        settings(("10.0.0.0/33",))
