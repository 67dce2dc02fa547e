"""Applications that serve a port of another process, here in one process."""

import asyncio
import socket

import aiohttp
import pytest

from rxkernel import Application, HttpSettings, Settings, SharedPort, http
from rxkernel.servers.workers.listening_sockets import ListeningSockets
from tests.ports import reserved_port

PORT_0 = Settings(http=HttpSettings(port=0))


class First:
    @http("GET", "/name", "name")
    async def name(self) -> str:
        return "first"


class Second:
    @http("GET", "/name", "name")
    async def name(self) -> str:
        return "second"


def application_of(controller: type, listening: socket.socket) -> Application:
    application = Application(controllers=[controller], settings=PORT_0)
    # as after fork and exec: another descriptor of the same socket
    application.serve_sockets(ListeningSockets([listening.dup()]))
    return application


async def name_at(port: int) -> str:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/name") as response,
    ):
        return await response.text()


async def test_successor_serves_connections_from_the_backlog() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        first, second = application_of(First, listening), application_of(Second, listening)
        await first.start()
        assert first.servers["http"].port == port
        assert await name_at(port) == "first"

        await first.stop()
        waiting = asyncio.create_task(name_at(port))  # the connection waits in the backlog
        await second.start()
        assert await waiting == "second"
        await second.stop()


async def test_port_is_opened_again_after_it_was_shut_down() -> None:
    """A supervisor shuts it down while no worker runs."""
    with reserved_port() as port, socket.create_server(("127.0.0.1", port)) as listening:
        listening.shutdown(socket.SHUT_RDWR)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))

        application = application_of(First, listening)
        await application.start()
        assert await name_at(port) == "first"
        await application.stop()


async def test_shared_port_serves_several_sockets() -> None:
    every = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    port = SharedPort(PORT_0)
    port.sockets = ListeningSockets(every)
    Application(controllers=[First], settings=PORT_0).share(port, "first")
    numbers = [one.getsockname()[1] for one in every]

    async with port:
        assert port.port == numbers[0]
        assert [await name_at(number) for number in numbers] == ["first", "first"]
