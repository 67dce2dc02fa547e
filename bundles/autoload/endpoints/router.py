"""``router.py`` of a unit: a function that handles all requests to the unit's path and below."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Annotated, Any

from multidict import MultiDict, MultiDictProxy

from bundles.autoload.endpoints.actions import described
from bundles.autoload.endpoints.taken import EMPTY, REQUEST, Taken
from rxkernel import Body, Request

VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")
"""The HTTP methods that it handles; HEAD is handled with GET. The server responds to OPTIONS."""

WORDS = ("verb", "path", "query", "headers", "body")
"""The names of its possible parameters."""

_RawBody = Annotated[bytes, Body()]


def check_hook(name: str, taken: Taken) -> Iterator[str]:
    """Yield each error in the parameters of the function *name*."""
    for argument in taken.arguments:
        if argument not in WORDS:
            yield (
                f"{name} takes {argument!r}, which no request has; the parameters of router.py "
                f"are {', '.join(WORDS)}, a Context, a Request, services and markers"
            )
    if taken.rest is not None:
        yield f"{name} takes **{taken.rest}; name the parameters: {', '.join(WORDS)}"


def hook_action(
    function: Callable[..., Awaitable[Any]], taken: Taken, *, has_rest: bool
) -> Callable[..., Awaitable[Any]]:
    """Return the action, which takes the body as it was sent.

    Args:
        has_rest: whether the route has the parameter ``path``, the non-empty rest of the path. In
            the route for the path of the unit itself, a parameter ``path`` belongs to the query.
    """
    words = tuple(name for name in WORDS if name in taken.arguments)
    takes_request = REQUEST in taken.provided
    first = 1 if has_rest else 0

    async def action(request: Request, path: str = "", body: bytes = b"", **provided: Any) -> Any:
        values = {
            "verb": request.method,
            "path": path,
            "query": MultiDictProxy(MultiDict([*request.params.items()][first:])),
            "headers": request.headers,
            "body": body,
        }
        if takes_request:
            provided[REQUEST] = request
        return await function(**{word: values[word] for word in words}, **provided)

    rest = {"path": (str, EMPTY)} if has_rest else {}
    return described(action, function, {**rest, "body": (_RawBody, b"")}, taken)
