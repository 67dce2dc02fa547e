"""Redirects a page to its URL with a slash at the end, so that its relative links work."""

from urllib.parse import quote, urlsplit

from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.servers.http.rewriting import SENT_URL


def slash_redirect(request: Request, path: str = "") -> Response:
    """Redirect to the URL of *request* with a slash at its end; *path* is used if it has no URL.

    The target is relative to the URL that the client has sent, and begins with ``./`` or ``../``.
    So it works behind proxies, and never names another host or a scheme.
    """
    own, _, query = request.url.partition("?")
    sent = request.attributes.get(SENT_URL)
    if sent is None:
        name = (own or quote(path)).rpartition("/")[2]
        target = f"./{_quoted(name)}/"
    else:  # a rule has replaced the whole path
        target = f"{_to_root(sent)}{_quoted(own.removeprefix('/'))}/"
    if query:
        target += f"?{_quoted(query)}"
    return Response(None, 302, {"Location": target, "Cache-Control": "no-cache"})


def _to_root(sent: str) -> str:
    """The relative reference that leads from the target *sent* to ``/`` (RFC 3986 §5.2)."""
    path = sent.partition("?")[0]
    if path[:1] != "/":  # in absolute-form
        path = urlsplit(path).path
    return "../" * (path.count("/") - 1) or "./"


def _quoted(text: str) -> str:
    """Quote characters that clients may have sent unquoted; lone surrogates are single bytes."""
    return quote(text, safe="%!$&'()*+,;=:@/?~", errors="surrogateescape")
