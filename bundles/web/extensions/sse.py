"""``.sse``: an event stream of the channels that the handler has subscribed the client to."""

from typing import Any

from bundles.web.channels.event_streams import channel_names
from bundles.web.client import Client
from bundles.web.extensions.extension import Extension, Rendered
from rxkernel import Response


def render_sse(client: Client, data: Any) -> Rendered:
    """Return the events of the channels of ``client.subscribe``, and of the channels that the
    handler has returned: a name or a list of names. The result of a handler ``error`` is sent as
    the body."""
    if client.exception is not None:
        return Response(data)
    names = (*client.subscriptions, *channel_names(data))
    return client.chain.environment.event_streams.response(client.request, names)


SSE = Extension("sse", "text/event-stream", render_sse)
