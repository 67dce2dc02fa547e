"""Hints for attributes that clients of Impress have, and for misspelled ones."""

from collections.abc import Mapping
from types import MappingProxyType

from rxkernel.nearest import nearest

_HINTS: Mapping[str, str] = MappingProxyType(
    {
        "callback": "return the result of the handler",
        "connection": "write client.websocket",
        "cookies": "write client.request.cookies",
        "data": "write client.fields for the body, client.context.data for data of all handlers",
        "group": "write client.groups",
        "host": "write client.request.headers['Host']",
        "ip": "write client.request.client.host",
        "logged": "write client.user is not None",
        "logined": "write client.user is not None",
        "method": "write client.request.method",
        "registerUser": "write to your own table of users, behind a UserProvider",
        "remoteAddress": "write client.request.client.host",
        "req": "write client.request",
        "res": "return the response: data, (data, status, headers), or a Response",
        "send": "return the data",
        "signIn": "write await client.sign_in(user), with user = await security.user_with(…)",
        "signOut": "write await client.sign_out()",
        "sse": "return the name of the channel, or write client.subscribe(channel)",
        "startSession": "write client.session['key'] = value, without a start",
        "destroySession": "write await client.session.destroy()",
        "statusCode": "write client.status",
        "url": "write client.request.url",
    }
)


def hint_for(name: str, known: list[str]) -> str | None:
    """Return the hint for the attribute *name*; *known* are the attributes of clients."""
    if name in _HINTS:
        return _HINTS[name]
    near = nearest(name, known)
    return None if near is None else f"did you mean client.{near}?"
