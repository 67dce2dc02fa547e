"""Fixtures of the Node tests: a real server, and a script that connects to it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from rxkernel import Application, HttpSettings, Settings, SocketioSettings

PATIENCE = 30
"""Seconds after which a script that has not ended hangs."""

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
    await application.start()
    try:
        yield str(application.servers["socketio"].url)
    finally:
        await application.stop()


@pytest.fixture
def served() -> Served:
    """``async with served(Controller, …, listeners=[…]) as url``: both servers on one port."""
    return _served


@pytest.fixture(params=["websocket", "polling"])
def transport(request: pytest.FixtureRequest) -> str:
    """The transport of the client; a test with it runs once for each."""
    return str(request.param)


@pytest.fixture
def run_node(node: Path) -> RunNode:
    """``await run_node("script.mjs", url, …)`` returns the report of that script."""

    async def run(script: str, *arguments: str) -> Any:
        process = await asyncio.create_subprocess_exec(
            node,
            Path(__file__).with_name(script),
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(PATIENCE):
                out, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, f"{script}: {errors.decode()}{out.decode()}"
        return json.loads(out)

    return run
