"""Live reload of the bundle autoload: from saving a file to the first new response."""

import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import aiohttp

from benchmarks.peers import serve_command
from benchmarks.processes import ServerProcess, client_core
from benchmarks.report import Table

_COMMAND = serve_command("autoload_app:create()")

Change = Callable[[Path, int], None]
"""Writes a file of the application in this folder, with a number."""

_ENDPOINT = """
from bundles.autoload import domain

access = "public"

async def method(a: int = 0, b: int = 0):
    return {{"file": {}, "domain": domain.state.VERSION}}
"""

_POLL = 0.001
"""Seconds between two requests that wait for the new response."""


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _change_endpoint(root: Path, number: int) -> None:
    _write(root / "api/unit0/method0.py", _ENDPOINT.format(number))


def _change_module(root: Path, number: int) -> None:
    _write(root / "domain/state.py", f"VERSION = {number}\n")


_FILES: dict[str, tuple[str, Change]] = {
    "file": ("an endpoint", _change_endpoint),
    "domain": ("a module of domain", _change_module),
}
"""The title of a file, and the function that changes it, by the field of the response."""


def _fill(root: Path, endpoints: int) -> None:
    _change_module(root, 0)
    for number in range(endpoints):
        _write(root / f"api/unit{number // 20}/method{number % 20}.py", _ENDPOINT.format(0))


async def reloads(*, endpoints: tuple[int, ...] = (10, 1000), times: int = 20) -> Table:
    table = Table(
        "Live reload: from saving a file to the first new response, ms",
        {"endpoints": ",", "file": "", "median": ".0f", "least": ".0f", "most": ".0f"},
        f"Each {times} times, written in place, over one connection. The server waits until "
        f"nothing has changed for 50 ms, which is included.",
    )
    for number in endpoints:
        with tempfile.TemporaryDirectory() as folder, client_core():
            root = Path(folder, "application")
            _fill(root, number)
            with ServerProcess(_COMMAND, environment={"AUTOLOAD_ROOT": str(root)}) as server:
                for key, (title, change) in _FILES.items():
                    found = await _measure(root, server.port, key, change, times)
                    ms = [1000 * seconds for seconds in found]
                    table.add(number, title, median(ms), min(ms), max(ms))
    return table


async def _measure(root: Path, port: int, key: str, change: Change, times: int) -> list[float]:
    url = f"http://127.0.0.1:{port}/api/unit0/method0"
    found = []
    async with aiohttp.ClientSession() as session, asyncio.timeout(10 * times):
        for number in range(1, times + 1):
            begin = time.perf_counter()
            change(root, number)
            while await _version(session, url, key) != number:  # noqa: ASYNC110 - a poll
                await asyncio.sleep(_POLL)
            found.append(time.perf_counter() - begin)
    return found


async def _version(session: aiohttp.ClientSession, url: str, key: str) -> int:
    async with session.post(url, json={}) as response:
        version: int = (await response.json())[key]
        return version
