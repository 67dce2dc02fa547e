"""Registers the connections that bring a session, so that its end can close them."""

from injector import inject

from bundles.sessions.credentials import Credentials
from bundles.sessions.sockets import SocketSession
from rxkernel import ConnectionEvent, ServerEvents, observe


class SessionListeners:
    @inject
    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    @observe(ServerEvents.CONNECTED, priority=1000)
    async def connect(self, event: ConnectionEvent) -> None:
        if self._credentials.of_connection(event.connection).id is not None:
            await event.request.get(SocketSession)
