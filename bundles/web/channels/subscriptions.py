"""The keys that a client subscribes to, and the id of its last event."""

from collections.abc import Iterable

from multidict import MultiDict

from bundles.web.channels.channel_keys import GLOBAL, channel_key, user_key
from rxkernel import Request

_HEADER = "Last-Event-ID"
_PARAMETER = "lastEventId"
"""In the query, for clients that cannot send a header, such as `WebSocket` in a browser."""

_ATTRIBUTE = "web.last_event_id"
"""The attribute of a request with the id of the query."""


def keys_for(request: Request, names: Iterable[str]) -> tuple[str, ...]:
    """The keys of the channels *names*, of the user of *request*, and of all clients; empty
    without *names*."""
    keys = [channel_key(name) for name in dict.fromkeys(names)]
    if not keys:
        return ()
    token = request.token
    if token is not None and token.identifier is not None:
        keys.append(user_key(token.identifier))
    return (*keys, GLOBAL)


def last_event_id(request: Request) -> str:
    """The id of the last event that the client has received; empty if it sends none."""
    return request.headers.get(_HEADER) or str(request.attributes.get(_ATTRIBUTE, ""))


def take_last_event_id(request: Request) -> None:
    """Keep the id of the query for `last_event_id`; it is not a parameter of the handlers."""
    if _PARAMETER in request.params:
        params = MultiDict(request.params)
        request.attributes[_ATTRIBUTE] = params.popall(_PARAMETER)[0]
        request.params = params
