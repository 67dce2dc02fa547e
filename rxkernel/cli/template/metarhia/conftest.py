"""A client of the application, and a local server in the place of the remote service."""

from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path

import pytest
from aiohttp import web

from bundles.autoload import create_application
from rxkernel import Application, KernelClient

HERE = Path(__file__).parent


def find_application() -> Application:
    """Return the application of ``app.py`` if there is one, as the commands of rxkernel do."""
    if (HERE / "app.py").exists():
        application: Application = import_module("app").application
        return application
    return create_application(HERE / "application")


@pytest.fixture
async def client() -> AsyncIterator[KernelClient]:
    """It loads the directory when a test uses it first."""
    application = find_application()
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
