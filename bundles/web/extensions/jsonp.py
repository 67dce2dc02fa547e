"""``.jsonp``: a script that calls a function of the page, which may be on another site."""

import re
from collections.abc import Mapping
from typing import Any

from multidict import MultiDict

from bundles.contracts import params_of
from bundles.web.client import Client
from bundles.web.extensions.extension import Extension
from bundles.web.extensions.json import render_json
from rxkernel import BadRequestException, Request

_CALLBACK = re.compile(r"[A-Za-z_$][\w$.]*", re.ASCII)
_MAX_LENGTH = 128

_ESCAPED = ((b"<", b"\\u003c"), (b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))
"""Characters that JSON has only in strings. ``<`` could end a script in a page (``</script>``,
``<!--``); before ES2019 the other two end a line."""


_PROTOTYPE = re.compile(rb'([{,])"__proto__":')
"""A key that would set the prototype of the object. It is not found inside strings, where a quote
has a backslash."""


_CALLBACK_OF = "web.jsonp_callback"
"""The attribute of a request with the name of its function."""

_DEFAULT = "callback"

_NOT_PARAMETERS = ("callback", "jsonp", "_")
"""Parameters that clients of JSONP add to the query: the function, and a number against caches."""


def take_callback(request: Request) -> None:
    """Keep the name of the function, ``callback`` or ``jsonp`` of the query, else ``callback``.
    Both, and ``_``, are not parameters of the handlers.

    Raises:
        BadRequestException: the name is not valid, see `callback_name` (400).
    """
    query, params = params_of(request), request.params
    others = ((name, value) for name, value in params.items() if name not in _NOT_PARAMETERS)
    request.params = MultiDict(others)
    request.attributes[_CALLBACK_OF] = _DEFAULT  # for the response to an invalid name
    request.attributes[_CALLBACK_OF] = callback_name(query)


def render_jsonp(client: Client, data: Any) -> bytes:
    """Return the call of the function of the request, see `take_callback`, with *data*.

    It begins with a comment, so that a client cannot choose the first bytes of the response, which
    could make it a file of another format.
    """
    callback = client.request.attributes.get(_CALLBACK_OF) or _given_before(client.request)
    return b"/**/%s(%s);" % (callback.encode(), as_script(render_json(client, data)))


def _given_before(request: Request) -> str:
    """Return the name for a request that failed before its action."""
    try:
        return callback_name(params_of(request))
    except BadRequestException:
        return _DEFAULT


def callback_name(query: Mapping[str, Any]) -> str:
    """Return the name of the function for *query*; an empty one counts as missing.

    Raises:
        BadRequestException: it is not a name of JavaScript, is longer than 128 characters, or was
            sent several times (400).
    """
    name = query.get("callback") or query.get("jsonp") or _DEFAULT
    if not isinstance(name, str):
        raise BadRequestException("the callback was sent several times; send one name")
    if len(name) > _MAX_LENGTH or _CALLBACK.fullmatch(name) is None:
        raise BadRequestException(
            f"the callback is {name[:40]!r}; it must be a name of JavaScript of ASCII letters, "
            f"digits, _, $ and dots, with at most {_MAX_LENGTH} characters"
        )
    return name


def as_script(json: bytes) -> bytes:
    """Return *json* as an expression of JavaScript with the same value."""
    for character, escape in _ESCAPED:
        json = json.replace(character, escape)
    return _PROTOTYPE.sub(rb'\1["__proto__"]:', json)


JSONP = Extension(
    "jsonp",
    "text/javascript; charset=utf-8",  # RFC 9239
    render_jsonp,
    {"X-Content-Type-Options": "nosniff"},
)
