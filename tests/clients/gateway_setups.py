"""The three variants of the example docs/examples/gateway, on free ports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal, get_args

import attrs
from aiohttp import web
from gateway_app import create_application, mounted, one_port, two_ports

from rxkernel import Application, Settings
from tests.ports import reserved_port
from tests.serving import serving

SetUp = Literal["one_port", "two_ports", "mounted"]
SETUPS: tuple[SetUp, ...] = get_args(SetUp)


@attrs.frozen
class Served:
    """The URLs of the page and of Socket.IO."""

    page: str
    sockets: str
    application: Application


@asynccontextmanager
async def gateway_example(setup: SetUp) -> AsyncIterator[Served]:
    if setup == "mounted":
        async with _mounted() as served:
            yield served
        return
    with reserved_port() as port:
        if setup == "one_port":
            application = one_port.create_application(port)
        else:
            application = two_ports.create_application(port, 0)
        async with serving(application):
            page, sockets = application.servers["http"].url, application.servers["socketio"].url
            yield Served(str(page), str(sockets), application)


@asynccontextmanager
async def _mounted() -> AsyncIterator[Served]:
    application = create_application(Settings())
    runner = web.AppRunner(mounted.create_native(application), shutdown_timeout=20)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield Served(url, url, application)
    finally:
        await runner.cleanup()
