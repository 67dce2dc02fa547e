"""The chains of directories ``.ws``: they run for a WebSocket."""

from functools import partial

from bundles.web.channels.socket_feed import SocketFeed
from bundles.web.client import Client
from bundles.web.directories.steps import Run
from rxkernel import Response, WebSocket

_NOTHING = 204
"""The status of a chain that has returned no response of its own."""


def upgrading(run: Run) -> Run:
    """Return what upgrades the request, and then calls *run* with ``client.websocket``. It returns
    when the handler has accepted the WebSocket, or *run* has ended."""

    async def upgrade(client: Client) -> Response:
        sockets = client.chain.environment.socket_upgrades
        return await sockets.respond(client.request, partial(_serve, run, client))

    return upgrade


async def _serve(run: Run, client: Client, websocket: WebSocket, feed: SocketFeed) -> None:
    """A response of a handler that does not accept rejects the WebSocket."""
    client.websocket, client.feed = websocket, feed
    try:
        response = await run(client)
    finally:
        client.end_use()
    if not websocket.is_accepted and response.status_code != _NOTHING:
        websocket.reject(response)
