"""A client of the application, and a local server in the place of the remote service."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from bundles.autoload import create_application
from rxkernel import KernelClient


@pytest.fixture
async def client() -> AsyncIterator[KernelClient]:
    """It loads the directory when a test uses it first."""
    application = create_application(Path(__file__).with_name("application"))
    application.load_settings()
    client = KernelClient(application)
    yield client
    await client.close()


@pytest.fixture
async def world_time(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """The paths of the requests that the remote service has received."""
    paths: list[str] = []

    async def respond(request: web.Request) -> web.Response:
        paths.append(request.path)
        if "Atlantis" in request.path:
            raise web.HTTPNotFound
        return web.json_response({"timezone": "Europe/Rome", "datetime": "2027-07-15T12:00:00"})

    server = web.Application()
    server.router.add_get("/{path:.*}", respond)
    runner = web.AppRunner(server)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    monkeypatch.setenv("WORLD_TIME_URL", f"http://{host}:{port}/api")
    yield paths
    await runner.cleanup()
