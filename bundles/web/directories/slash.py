"""The slash at the end of the URL of a page: relative links in it begin at the directory."""

from urllib.parse import quote

from rxkernel import Request, Response


def slash_redirect(request: Request) -> Response | None:
    """Return the redirect to the URL of *request* with a slash; None if it has one, or if there is
    no URL: `KernelClient` calls a route by its name.

    The target is relative and begins with ``./``: it holds behind proxies, and it never names
    another host or a scheme.
    """
    path, mark, query = request.url.partition("?")
    if path.endswith("/") or request.native_source is None:
        return None
    target = f"./{_quoted(path.rpartition('/')[2])}/{mark}{_quoted(query)}"
    return Response(None, 302, {"Location": target, "Cache-Control": "no-cache"})


def _quoted(text: str) -> str:
    """Quote what a client may have sent unquoted; lone surrogates stand for single bytes."""
    return quote(text, safe="%!$&'()*+,;=:@/?~", errors="surrogateescape")
