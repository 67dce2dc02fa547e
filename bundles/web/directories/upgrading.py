"""The chains of directories ``.ws``, which handle a WebSocket."""

from functools import partial

from bundles.web.channels.socket_feed import SocketFeed
from bundles.web.client import Client
from bundles.web.directories.chain_compiler import Step
from bundles.web.directories.chain_end import ENDED, result_of
from bundles.web.directories.responding import respond_ending
from rxkernel import Response, WebSocket

_NOTHING = 204
"""The status of the response if the handlers have returned nothing."""


def upgrading(produce: Step) -> Step:
    """Return a function that upgrades the request, and then calls *produce* with
    ``client.websocket``. It returns a response when a handler has accepted the WebSocket, or
    *produce* has ended."""

    async def upgrade(client: Client) -> Response:
        sockets = client.chain.environment.socket_upgrades
        return await sockets.respond(client.request, partial(_serve, produce, client))

    return upgrade


async def _serve(produce: Step, client: Client, websocket: WebSocket, feed: SocketFeed) -> None:
    """Call *produce*. If no handler accepts the WebSocket, a result with a status, or a response,
    rejects it."""
    client.websocket, client.feed = websocket, feed
    try:
        result = await produce(client)
    except ENDED as ended:
        result = result_of(ended)
    if websocket.is_accepted:
        return
    response = await respond_ending(client, result)
    if response.status_code != _NOTHING:
        websocket.reject(response)
