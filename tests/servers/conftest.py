"""Real servers on free ports, with real clients."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from rxkernel import Application, HttpSettings, LoggingSettings, Settings, SocketioSettings
from tests.servers.hostile import Attack, attacks
from tests.servers.hostile_http import Doors, HttpAttack, HttpTarget
from tests.servers.taking import Taker

_SMALL = {"port": 0, "max_connections": 2000}
"""Few enough for the file descriptors of every machine: a reduced limit would be logged."""

_OWN = frozenset(
    (
        *("debug", "request_timeout", "request_id_header", "threads"),
        *("shutdown_delay", "shutdown_timeout", "health"),
    )
)
"""The fields of `Settings` that are not sections."""

Serve = Callable[..., Awaitable[Application]]
Opened = Callable[..., Awaitable[Application]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of HTTP on both paths."""
    of_one_path = any(name in metafunc.module.__name__ for name in ("socketio", "fast_path"))
    if "http_path" in metafunc.fixturenames and not of_one_path:
        given = metafunc.config.getoption("http_path")
        metafunc.parametrize("http_path", ["fast", "aiohttp"] if given == "both" else [given])


@pytest.fixture
def http_path() -> str:
    return "fast"


@pytest_asyncio.fixture
async def serve(http_path: str) -> AsyncIterator[Serve]:
    """Use it as ``await serve(Controller, …, http={…}, socketio={…}, listeners=[…], threads=2)``.

    Fields of `Settings` itself are passed directly. Responses have no request id,
    so a test can compare a whole response.
    """
    applications: list[Application] = []

    async def start(
        *controllers: Any,
        http: dict[str, Any] | None = None,
        socketio: dict[str, Any] | None = None,
        access: bool = False,
        **parts: Any,
    ) -> Application:
        own = {name: parts.pop(name) for name in _OWN & parts.keys()}
        settings = Settings(
            **{"request_id_header": None, **own},
            logging=LoggingSettings(access=access),
            http=HttpSettings(**{**_SMALL, "fast_path": http_path == "fast", **(http or {})}),
            socketio=SocketioSettings(**(socketio or {})),
        )
        applications.append(Application(controllers=controllers, settings=settings, **parts))
        await applications[-1].start()
        return applications[-1]

    yield start
    for application in reversed(applications):
        await application.stop()


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest_asyncio.fixture
async def attack(serve: Serve, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Attack]:
    """``await attack(Controller, …, max_payload=1000, …)``: the settings are Socket.IO's."""
    async with attacks(serve, caplog) as attack:
        yield attack


@pytest.fixture
def http_attack(serve: Serve, caplog: pytest.LogCaptureFixture) -> HttpAttack:
    """``await http_attack(Controller, …, header_timeout=0.1, …)``: the settings are HTTP's."""

    async def start(
        *controllers: type, parts: dict[str, Any] | None = None, **settings: Any
    ) -> HttpTarget:
        application = await serve(Doors, *controllers, http=settings, **(parts or {}))
        target = HttpTarget(application, caplog)
        await target.witness_is_served()
        return target

    return start


@pytest_asyncio.fixture
async def taker(serve: Serve, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Opened]:
    """``await taker(body_limit=…)``: a `Taker` on a server that must not log a traceback."""
    caplog.set_level(logging.DEBUG)

    async def start(**http: Any) -> Application:
        return await serve(Taker, http=http)

    yield start
    assert [record for record in caplog.records if record.exc_info] == []


def http_url(application: Application, path: str = "/") -> str:
    return f"{application.servers['http'].url}{path}"
