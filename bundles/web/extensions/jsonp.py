"""``.jsonp``: a call of a function of the page, which loads it as a script from another site."""

import re
from collections.abc import Mapping
from typing import Any

from bundles.web.client import Client
from bundles.web.extensions.extension import Extension
from bundles.web.extensions.json import render_json
from rxkernel import BadRequestException

_CALLBACK = re.compile(r"[A-Za-z_$][\w$.]*", re.ASCII)
_MAX_LENGTH = 128

_ESCAPED = ((b"<", b"\\u003c"), (b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))
"""Characters that JSON has in texts only. A page may contain the script (``</script>``, ``<!--``);
before ES2019 the other two end a line."""


_PROTOTYPE = re.compile(rb'([{,])"__proto__":')
"""A key that would set the prototype of the object. A quote within a text has a backslash."""


def render_jsonp(client: Client, data: Any) -> bytes:
    """Return the call of the function that ``callback`` or ``jsonp`` in the query names, else of
    ``callback``, with *data*.

    The comment comes first so that the client does not choose the first bytes of the response,
    which could make it a file of another format.
    """
    callback = callback_name(client.query)
    return b"/**/%s(%s);" % (callback.encode(), as_script(render_json(client, data)))


def callback_name(query: Mapping[str, Any]) -> str:
    """Return the name of the function for *query*; an empty one counts as missing.

    Raises:
        BadRequestException: it is not a name of JavaScript, or longer than 128 characters (400).
    """
    name = query.get("callback") or query.get("jsonp") or "callback"
    if len(name) > _MAX_LENGTH or _CALLBACK.fullmatch(name) is None:
        raise BadRequestException(
            f"the callback is {name[:40]!r}; it must be a name of JavaScript of ASCII letters, "
            f"digits, _, $ and dots, up to {_MAX_LENGTH} characters"
        )
    return str(name)


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
