"""``.ws``: the handler accepts ``client.websocket``, and what it returns is not sent."""

from typing import Any

from bundles.web.client import Client
from bundles.web.extensions.extension import Extension, Rendered


def render_ws(client: Client, data: Any) -> Rendered:
    return None


WS = Extension("ws", "text/plain", render_ws)
