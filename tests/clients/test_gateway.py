"""The three variants of docs/examples/gateway, with the `socket.io-client` of npm."""

import hashlib
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.cli.processes import Process
from tests.clients.conftest import RunNode
from tests.clients.gateway_setups import SETUPS, Served, gateway_example
from tests.ports import reserved_port
from tests.required_tools import ROOT

FOLDER = ROOT / "docs" / "examples" / "gateway"


@pytest_asyncio.fixture(params=SETUPS)
async def served(request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    async with gateway_example(request.param) as served:
        yield served


@pytest.mark.node
async def test_client_of_npm_uses_every_feature_of_the_gateway(
    served: Served, run_node: RunNode, transport: str
) -> None:
    report = await run_node("gateway.mjs", served.sockets, transport)

    assert report == {
        "added": [None, 3],
        "alias": [None, 3],
        "divided": [
            {
                "name": "MoleculerClientError",
                "message": "Division by zero",
                "code": 422,
                "type": "DIV_ZERO",
                "data": {"a": 1},
            }
        ],
        "invalid": ["ValidationError", ["b"]],
        "hidden": [
            [404, f"Service '{name}' is not found."]
            for name in ("files.save", "io.broadcast", "$node.list", "nope")
        ],
        "nobody": 401,
        "wrong": "ERR_WRONG_PASSWORD",
        "login": [None, {"name": "ada"}],
        "me": [[None, {"name": "ada"}], [None, None]],
        "joined": [None, ["ada"]],
        "both": [None, ["ada", "grace"]],
        "seen": {"room": "tea", "members": ["ada", "grace"]},
        "message": {"room": "tea", "name": "ada", "text": "<b>Hello</b>"},
        "outside": "ERR_NOT_IN_ROOM",
        "uploaded": [None, "a.bin", "ada", 3, hashlib.sha256(b"\x00\x01\xff").hexdigest()],
        "noFile": "ERR_FILE_SIZE",
        "files": 1,
        "afterLeave": {"room": "tea", "members": ["ada"]},
        "overheard": [],
        "afterClose": {"room": "tea", "members": ["ada"]},
        "logout": [None, None],
        "after": [[None, None], 401],
    }


async def test_page_and_its_files_are_served(served: Served, node: Path) -> None:
    async with aiohttp.ClientSession() as session:
        kinds = {}
        for path in ("/", "/gateway.js", "/gateway.css", "/icon.svg", "/socket.io-client.js"):
            async with session.get(f"{served.page}{path}") as response:
                kind = response.content_type.removeprefix("application/")  # of JavaScript
                kinds[path] = (response.status, kind.removeprefix("text/"))
        async with session.get(f"{served.page}/sockets.json") as response:
            found: dict[str, Any] = await response.json()
    assert kinds == {
        "/": (200, "html"),
        "/gateway.js": (200, "javascript"),
        "/gateway.css": (200, "css"),
        "/icon.svg": (200, "image/svg+xml"),
        "/socket.io-client.js": (200, "javascript"),
    }
    assert found == {"url": None if served.page == served.sockets else served.sockets}


async def test_page_of_another_origin_opens_no_socket(served: Served) -> None:
    url = f"{served.sockets}/socket.io/?EIO=4&transport=polling"
    headers = {"Origin": "http://evil.example"}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        assert response.status == 403


@pytest.mark.parametrize(
    "command",
    ["rxkernel serve gateway_app.one_port", "rxkernel serve gateway_app.two_ports"],
)
def test_variant_started_as_in_its_readme_is_served(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if command.endswith("two_ports"):
        monkeypatch.setenv("RXKERNEL_SOCKETIO_PORT", "0")
    with reserved_port() as port:
        _check_process(f"{command} --port {port}", port, monkeypatch)


def test_mounted_variant_started_as_in_its_readme_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with reserved_port() as port:
        monkeypatch.setenv("GATEWAY_PORT", str(port))
        _check_process("gateway_app.mounted", port, monkeypatch)


def _check_process(command: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    process = Process([sys.executable, "-m", *command.split()], FOLDER)
    try:
        process.line(f"http://127.0.0.1:{port}")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/sockets.json") as response:
            assert response.status == 200
        process.send(signal.SIGTERM)
        assert process.code() == 0
    finally:
        process.kill()
