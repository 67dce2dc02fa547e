"""Fixtures of the Node tests: a real server, and a script that connects to it."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from rxkernel import Application, HttpSettings, Settings, SocketioSettings
from tests.node_scripts import report_of
from tests.serving import serving

PATIENCE = 30
"""The time limit of a script, in seconds."""

Served = Callable[..., AbstractAsyncContextManager[str]]
RunNode = Callable[..., Coroutine[Any, Any, Any]]


@asynccontextmanager
async def _served(
    *controllers: type, port: int = 0, concurrency: int = 32, **parts: Any
) -> AsyncIterator[str]:
    settings = Settings(
        http=HttpSettings(port=port),
        request_id_header=None,
        socketio=SocketioSettings(concurrency=concurrency),
    )
    application = Application(controllers=controllers, settings=settings, **parts)
    async with serving(application):
        yield str(application.servers["socketio"].url)


@pytest.fixture
def served() -> Served:
    """``async with served(Controller, …, listeners=[…]) as url``: both servers on one port."""
    return _served


@pytest.fixture(params=["websocket", "polling"])
def transport(request: pytest.FixtureRequest) -> str:
    """The transport of the client. A test that uses it runs once for each transport."""
    return str(request.param)


@pytest.fixture
def run_node(node: Path) -> RunNode:
    """``await run_node("script.mjs", url, …)`` returns the report of that script."""

    async def run(script: str, *arguments: str) -> Any:
        file = Path(__file__).with_name(script)
        return await report_of(node, file, *arguments, patience=PATIENCE)

    return run
