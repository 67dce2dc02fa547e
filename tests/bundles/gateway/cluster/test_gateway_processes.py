"""Two gateways, each ``rxkernel serve`` in its own process, with clients of python-socketio."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from socketio import AsyncClient

from tests.bundles.gateway.cluster.conftest import Server
from tests.bundles.nats_servers import NatsServer
from tests.cli.processes import Process
from tests.waiting import until

ROOT = Path(__file__).parents[4]

APP = """
import os

from bundles.gateway import CurrentContext, GatewayBundle, action
from rxkernel import Application

NAME = os.environ["RXKERNEL_GATEWAY_NODE_ID"]


class Names:
    @action(f"{NAME}.name", visibility="published")
    async def name(self, ctx: CurrentContext) -> str:
        return ctx.node_id

    @action(f"{NAME}.tell", visibility="published")
    async def tell(self, ctx: CurrentContext, text: str) -> None:
        await ctx.call("io.broadcast", {"event": "news", "args": [text]})


BUS = ["redis"] if os.environ["RXKERNEL_GATEWAY_TRANSPORTER"] == "redis" else []
application = Application(bundles=[*BUS, GatewayBundle], controllers=[Names])
"""


@pytest.fixture
def urls(server: Server, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The URLs of the gateways ``left`` and ``right``, which have found each other."""
    (tmp_path / "app.py").write_text(APP)
    kind, setting = (
        ("nats", "GATEWAY_NATS_URL") if isinstance(server, NatsServer) else ("redis", "REDIS_URL")
    )
    variables = {
        "PYTHONPATH": str(ROOT),
        "RXKERNEL_GATEWAY_NAMESPACE": "gateways",
        "RXKERNEL_GATEWAY_TRANSPORTER": kind,
        f"RXKERNEL_{setting}": server.url,
    }
    serve = [sys.executable, "-m", "rxkernel", "serve", "--port", "0"]
    with ExitStack() as stack:
        processes = {}
        for name in ("left", "right"):
            given = [f"{key}={value}" for key, value in variables.items()]
            command = ["env", *given, f"RXKERNEL_GATEWAY_NODE_ID={name}", *serve]
            processes[name] = Process(command, tmp_path)
            stack.callback(processes[name].kill)
        processes["left"].line("right")
        processes["right"].line("left")
        yield {name: process.url() for name, process in processes.items()}


@pytest.fixture
async def clients(urls: dict[str, str]) -> AsyncIterator[dict[str, AsyncClient]]:
    found = {name: AsyncClient(reconnection=False) for name in urls}
    for name, url in urls.items():
        await found[name].connect(url, transports=["websocket"])
    yield found
    for client in found.values():
        await client.disconnect()


async def test_clients_of_two_processes_call_actions_of_both_and_receive_broadcasts(
    clients: dict[str, AsyncClient],
) -> None:
    news: dict[str, list[Any]] = {name: [] for name in clients}
    for name, client in clients.items():
        client.on("news", news[name].append)

    for client in clients.values():
        for name in clients:
            assert await client.call("call", (f"{name}.name", {})) == (None, name)

    await clients["left"].call("call", ("right.tell", {"text": "Tea!"}))
    await clients["right"].call("call", ("right.tell", {"text": "Rum!"}))
    await until(lambda: news == {"left": ["Tea!", "Rum!"], "right": ["Tea!", "Rum!"]})
