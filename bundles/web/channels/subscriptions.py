"""What a client subscribes to, and from which event on."""

from collections.abc import Iterable

from bundles.web.channels.channels import GLOBAL, channel_key, user_key
from rxkernel import Request

_HEADER = "Last-Event-ID"
_PARAMETER = "lastEventId"
"""In the query, for clients that cannot send a header: that of a `WebSocket` in a browser."""


def keys_for(request: Request, names: Iterable[str]) -> tuple[str, ...]:
    """The keys of the channels *names*, and of the events for the user of *request* and for all;
    empty without *names*."""
    keys = [channel_key(name) for name in dict.fromkeys(names)]
    if not keys:
        return ()
    token = request.token
    if token is not None and token.identifier is not None:
        keys.append(user_key(token.identifier))
    return (*keys, GLOBAL)


def last_event_id(request: Request) -> str:
    """The id of the last event that the client has received; empty if it sends none."""
    return request.headers.get(_HEADER) or str(request.params.get(_PARAMETER, ""))
