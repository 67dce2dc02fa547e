"""Raw Engine.IO clients over both transports, and what the server stores of them."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from rxkernel import Application
from rxkernel.servers.socketio.connection import SocketioConnection
from rxkernel.servers.socketio.server import SocketioServer
from rxkernel.servers.socketio.session import Session
from tests.servers.hostile import Client, OverPolling, OverWebsocket
from tests.servers.socketio_clients import raw_socket

over_each_transport = pytest.mark.parametrize("transport", ["websocket", "polling"])


@asynccontextmanager
async def opened(application: Application, transport: str) -> AsyncIterator[Client]:
    """A client that has opened Engine.IO and is connected to no namespace."""
    if transport == "websocket":
        async with raw_socket(application, connect="") as raw:
            yield OverWebsocket(raw)
        return
    url = f"{application.servers['socketio'].url}/socket.io/?EIO=4&transport=polling"
    async with aiohttp.ClientSession() as http:
        async with http.get(url) as response:
            sid = json.loads((await response.text())[1:])["sid"]
        yield OverPolling(http, f"{url}&sid={sid}")


@asynccontextmanager
async def connected(application: Application, transport: str) -> AsyncIterator[Client]:
    """A client that is connected to ``/``."""
    async with opened(application, transport) as client:
        await client.send("40")
        assert str(await client.receive()).startswith("40{")
        yield client


def engine_of(application: Application) -> Any:
    return application.servers["socketio"].engine


def counts_of(application: Application) -> Mapping[str, int]:
    server = application.servers["socketio"]
    assert isinstance(server, SocketioServer)
    return server.counts


def only_connection(application: Application) -> SocketioConnection:
    (connection,) = engine_of(application).connections.values()
    assert isinstance(connection, SocketioConnection)
    return connection


def only_session(application: Application) -> Session:
    (session,) = engine_of(application).eio.sockets.values()
    assert isinstance(session, Session)
    return session


def is_polled(session: Session) -> bool:
    """Whether a poll of the client waits for packets."""
    return session.polling is not None and session.polling.is_waiting
