"""The WebSockets of directories ``.ws``."""

from collections.abc import Awaitable, Callable

from injector import inject

from bundles.web.channels.identities import Identities
from bundles.web.channels.socket_feed import SocketFeed
from bundles.web.channels.subscribers import Subscribers
from rxkernel import HttpServer, Request, Response, WebSocket

Serve = Callable[[WebSocket, SocketFeed], Awaitable[None]]
"""Accepts the WebSocket or rejects it. When it returns, the WebSocket is closed."""


class SocketUpgrades:
    """Upgrades requests to WebSockets that may subscribe to channels."""

    @inject
    def __init__(
        self, server: HttpServer, subscribers: Subscribers, identities: Identities
    ) -> None:
        self._server = server
        self._subscribers = subscribers
        self._identities = identities

    async def respond(self, request: Request, serve: Serve) -> Response:
        """Return the response to the handshake *request*, as soon as *serve* has accepted it.

        The WebSocket is closed with 1008 when the identity of the client ends.

        Raises:
            HttpException: as `HttpServer.upgrade`.
        """

        async def accept(websocket: WebSocket) -> None:
            feed = SocketFeed(websocket, self._subscribers, self._identities)
            feed.watch_identity()
            try:
                await serve(websocket, feed)
            finally:
                await feed.aclose()

        return await self._server.upgrade(request, accept)
