"""The slash at the end of the URL of a page: relative links in it begin at the folder."""

from urllib.parse import quote

from rxkernel.messages.request import Request
from rxkernel.messages.response import Response


def slash_redirect(request: Request, path: str = "") -> Response:
    """Redirect to the URL of *request* with a slash at its end; *path* is used if it has no URL.

    The target is relative, and begins with ``./``: it holds behind proxies, and it never names
    another host or a scheme.
    """
    own, _, query = request.url.partition("?")
    name = (own or quote(path)).rpartition("/")[2]
    target = f"./{_quoted(name)}/"
    if query:
        target += f"?{_quoted(query)}"
    return Response(None, 302, {"Location": target, "Cache-Control": "no-cache"})


def _quoted(text: str) -> str:
    """Quote what a client may have sent unquoted; lone surrogates stand for single bytes."""
    return quote(text, safe="%!$&'()*+,;=:@/?~", errors="surrogateescape")
