"""``.ws``: the handler accepts ``client.websocket``, and its result is not sent."""

from typing import Any

from bundles.web.client import Client
from bundles.web.extensions.extension import Extension, Rendered
from rxkernel import Response


def render_ws(client: Client, data: Any) -> Rendered:
    """Return the result of a handler ``error`` as the response to a handshake that failed; None
    for other handlers."""
    return None if client.exception is None else Response(data)


WS = Extension("ws", "text/plain", render_ws)
