"""``/healthz`` and ``/readyz``; a stop first reports "not ready", then closes the port."""

import asyncio
import contextlib
import logging
from typing import Any

import aiohttp
import pytest

from rxkernel import (
    Application,
    Bundle,
    ConfigurationError,
    HttpMetadata,
    HttpSettings,
    KernelClient,
    ReadinessEvent,
    Request,
    ServerEvent,
    ServerEvents,
    Settings,
    http,
    observe,
)
from rxkernel.application import health
from rxkernel.pytest_plugin import ClientOf
from tests.waiting import until


class Home:
    @http("GET", "/", "home")
    async def home(self, request: Request) -> str:
        return "home"


def settings(**options: Any) -> Settings:
    debug = options.pop("debug", False)
    return Settings(**{"http": HttpSettings(port=0), "debug": debug, "health": True, **options})


def body(*names: str) -> dict[str, Any]:
    return {
        "statusCode": 503,
        "message": "Service Unavailable",
        "code": "not_ready",
        "errors": [{"name": name} for name in names],
    }


async def readyz(application: Application) -> tuple[int, Any]:
    url = application.servers["http"].url
    async with aiohttp.ClientSession() as session, session.get(f"{url}/readyz") as response:
        assert response.headers["Cache-Control"] == "no-store"
        return response.status, await response.json()


async def test_health_adds_two_public_routes(client_of: ClientOf) -> None:
    client = client_of(Application(controllers=[Home], settings=settings()))

    response = await client.http("healthz")
    assert (response.status_code, response.content) == (200, {"status": "alive"})
    assert response.headers["Cache-Control"] == "no-store"
    definitions = client.application.kernel.http_definitions
    for name in ("healthz", "readyz"):
        assert definitions[name].path == f"/{name}"
        assert definitions[name].options["public"] is True


async def test_health_off_adds_no_routes(client_of: ClientOf) -> None:
    client = client_of(Home)
    await client.http("home")

    assert "healthz" not in client.application.kernel.http_definitions


async def test_application_before_start_is_alive_and_not_ready(client_of: ClientOf) -> None:
    response = await client_of(Application(settings=settings())).http("readyz")

    assert (response.status_code, response.content) == (503, body("servers"))


async def test_application_is_ready_after_every_server_has_started() -> None:
    application = Application(settings=settings())
    seen = []

    async def ask(event: ServerEvent) -> None:
        seen.append(await readyz(application))

    application.dispatcher.add_listener(ServerEvents.STARTED, ask)
    application.dispatcher.add_listener(ServerEvents.STOPPING, ask)
    await application.start()
    try:
        assert seen == [(503, body("servers"))] * 2
        assert await readyz(application) == (200, {"status": "ready"})
    finally:
        await application.stop()
    assert seen[2:] == [(503, body("servers"))] * 2


class Checks(Bundle):
    name = "checks"
    problem: BaseException | str | None = None
    readyz_in_process = 0

    @observe(ServerEvents.READINESS)
    async def check(self, event: ReadinessEvent) -> None:
        Checks.readyz_in_process += 1
        if isinstance(self.problem, BaseException):
            raise self.problem
        if self.problem == "hang":
            await asyncio.sleep(3600)
        if self.problem == "swallow":
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                return
        if self.problem is not None:
            event.fail("redis", self.problem)


async def readyz_in_process(application: Application) -> tuple[int, Any]:
    """Like `readyz`, without a port, as if the application was served."""
    application.servers.is_serving = True
    response = await KernelClient(application).http("readyz")
    return response.status_code, response.content


async def test_readiness_failure_is_logged_without_reason_in_response(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    application = client_of(Application(bundles=[Checks], settings=settings())).application
    await application.boot()

    assert await readyz_in_process(application) == (200, {"status": "ready"})
    monkeypatch.setattr(Checks, "problem", "10.0.0.7 refused")
    for _ in range(3):
        assert await readyz_in_process(application) == (503, body("redis"))
    monkeypatch.setattr(Checks, "problem", None)
    assert await readyz_in_process(application) == (200, {"status": "ready"})

    assert [r.getMessage() for r in caplog.records if r.name == health.__name__] == [
        "not ready: {'redis': '10.0.0.7 refused'}",
        "ready again",
    ]


async def test_readiness_failure_with_debug_has_reason_in_response(
    client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Checks, "problem", "10.0.0.7 refused")
    given = Application(bundles=[Checks], settings=settings(debug=True))
    application = client_of(given).application
    await application.boot()

    assert (await readyz_in_process(application))[1]["errors"] == [
        {"name": "redis", "message": "10.0.0.7 refused"}
    ]


@pytest.mark.parametrize(
    "problem", [RuntimeError("secret"), SystemExit("secret"), TimeoutError(), "hang", "swallow"]
)
async def test_readiness_listener_that_raises_or_hangs_fails(
    client_of: ClientOf, monkeypatch: pytest.MonkeyPatch, problem: Any
) -> None:
    """The listeners after it are called, too."""
    monkeypatch.setattr(health, "_TIMEOUT", 0.05)
    monkeypatch.setattr(Checks, "problem", problem)

    async def other(event: ReadinessEvent) -> None:
        event.fail("other")

    application = client_of(Application(bundles=[Checks], settings=settings())).application
    await application.boot()
    application.dispatcher.add_listener(ServerEvents.READINESS, other)

    async with asyncio.timeout(20):
        status, content = await readyz_in_process(application)

    names = {error["name"] for error in content["errors"]}
    assert (status, names) == (503, {f"{__name__}.Checks.check", "other"})


async def test_readiness_listeners_run_concurrently(client_of: ClientOf) -> None:
    """Kubernetes waits one second for the response, with any number of listeners."""
    both = asyncio.Barrier(2)

    async def one(event: ReadinessEvent) -> None:
        await both.wait()

    async def other(event: ReadinessEvent) -> None:
        await both.wait()

    application = client_of(Application(settings=settings())).application
    await application.boot()
    application.dispatcher.add_listener(ServerEvents.READINESS, one)
    application.dispatcher.add_listener(ServerEvents.READINESS, other)

    assert await readyz_in_process(application) == (200, {"status": "ready"})


async def test_readiness_listener_that_does_not_end_is_called_once(
    client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_TIMEOUT", 0.05)
    begun, released = [], asyncio.Event()

    async def stubborn(event: ReadinessEvent) -> None:
        begun.append(event)
        while not released.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await released.wait()

    application = client_of(Application(settings=settings())).application
    await application.boot()
    application.dispatcher.add_listener(ServerEvents.READINESS, stubborn)

    async with asyncio.timeout(20):
        for _ in range(3):
            status, content = await readyz_in_process(application)
            assert status == 503
            assert "stubborn" in content["errors"][-1]["name"]
    assert len(begun) == 1
    released.set()


class OwnRoute:
    @http("GET", "/healthz", "mine")
    async def mine(self, request: Request) -> None: ...

    @http("POST", "/other", "readyz")
    async def other(self, request: Request) -> None: ...


async def test_route_with_name_or_path_of_health_raises_error() -> None:
    application = Application(controllers=[OwnRoute], settings=settings())

    with pytest.raises(ConfigurationError) as raised:
        await application.boot()

    first, second = raised.value.problems
    assert first == (
        f"route 'mine' ({__name__}.OwnRoute.mine) conflicts with the built-in route 'healthz' "
        f"(health = true); rename it and change its path, or set health = false"
    )
    assert second.startswith(
        f"route 'readyz' ({__name__}.OwnRoute.other) conflicts with the built"
    )


async def test_route_added_by_hand_with_path_of_health_raises_error() -> None:
    application = Application(controllers=[Home], settings=settings())
    application.http_metadata_storage.add(HttpMetadata(Home, "x", "/readyz/", "GET", "home"))

    with pytest.raises(ConfigurationError, match="set health = false"):
        await application.boot()


async def test_shutdown_delay_keeps_port_open_while_not_ready() -> None:
    """During ``shutdown_delay`` load balancers see the state, and no request is rejected."""
    delay = 2.0
    application = Application(
        controllers=[Home], settings=settings(shutdown_delay=delay, shutdown_timeout=1.0)
    )
    await application.start()
    url = str(application.servers["http"].url)
    loop = asyncio.get_running_loop()

    begun = loop.time()
    stopping = asyncio.create_task(application.stop())
    await until(lambda: not application.servers.is_serving)
    assert await readyz(application) == (503, body("servers"))
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert await response.text() == "home"

    assert await stopping  # drained: shutdown_timeout does not include the delay
    assert loop.time() - begun >= delay
    with pytest.raises(aiohttp.ClientConnectionError):
        async with aiohttp.ClientSession() as session, session.get(url):
            pass


async def test_start_failure_skips_shutdown_delay() -> None:
    application = Application(settings=settings(shutdown_delay=3600.0))

    async def fail(event: ServerEvent) -> None:
        raise RuntimeError("the second cannot")

    application.dispatcher.add_listener(ServerEvents.STARTED, fail)
    async with asyncio.timeout(20):
        with pytest.raises(RuntimeError, match="the second cannot"):
            await application.start()
