"""Which pages may call the server: one policy for HTTP and Socket.IO, as headers (CORS)."""

import re
from collections.abc import Iterable

from multidict import CIMultiDict, istr

from rxkernel.headers import TOKEN
from rxkernel.messages.vary import vary
from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.http.request_head import RequestHead
from rxkernel.settings import HttpSettings, canonical_origin

_ALLOW_ORIGIN = istr("Access-Control-Allow-Origin")
_ALLOW_CREDENTIALS = "Access-Control-Allow-Credentials"
_EXPOSE = "Access-Control-Expose-Headers"
_MAX_AGE = "600"
"""Seconds for which a browser need not ask again."""

_TOKEN = re.compile(TOKEN)


class CorsPolicy:
    """The server's own origin, those of ``http.origins``, or all of them with ``*``.

    A request without ``Origin`` comes from no page of another site and is allowed.
    """

    def __init__(
        self, settings: HttpSettings, proxies: ForwardedHeaders, id_header: str | None
    ) -> None:
        self._proxies = proxies
        self._everyone = "*" in settings.origins
        self._listed = frozenset(map(canonical_origin, settings.origins)) - {None}
        self._granted = {_ALLOW_CREDENTIALS: "true"} if settings.allow_credentials else {}
        self._exposed = {_EXPOSE: id_header} if id_header is not None else {}

        self.varies = "Origin" if self._listed and not self._everyone else ""

    touches = frozenset(
        name.lower()
        for name in (_ALLOW_ORIGIN, _EXPOSE, "Access-Control-Allow-Credentials", "Vary")
    )

    def lines(self, head: RequestHead) -> str | None:
        """As `HeaderPolicy.lines`."""
        if self.varies and hdrs.ORIGIN not in head.headers:
            return ""  # as all requests but those of pages of other sites
        pairs = self.headers(head).items()
        return "".join(f"{name}: {value}\r\n" for name, value in pairs if name != "Vary")

    def allows(self, head: RequestHead) -> bool:
        """Whether the page that sent *head*, if one did, may have an answer."""
        origin = head.headers.get("Origin")
        return (
            origin is None
            or self._everyone
            or self._lists(origin)
            or self._is_own(canonical_origin(origin) or "", head)
        )

    def trusts(self, head: RequestHead) -> bool:
        """Whether the cookies of *head* count: not for a page of another site, unless
        ``allow_credentials``. A websocket brings them all the same; CORS does not hold it.
        """
        origin = head.headers.get("Origin")
        return (
            origin is None
            or bool(self._granted)
            or self._is_own(canonical_origin(origin) or "", head)
        )

    def _lists(self, origin: str) -> bool:
        """Browsers send the canonical form, others may not."""
        return origin in self._listed or canonical_origin(origin) in self._listed

    def _is_own(self, origin: str, head: RequestHead) -> bool:
        """Whether *origin* is the host that was asked.

        The scheme counts where a trusted proxy tells it: another may end TLS unseen.
        """
        scheme = origin.partition(":")[0]
        if scheme not in ("http", "https"):
            return False
        told = self._proxies.scheme(head) or scheme
        return origin == canonical_origin(f"{told}://{self._proxies.host(head)}")

    def headers(self, head: RequestHead) -> dict[str, str]:
        """What tells the browser that the page may read the answer to *head*, and its id.

        With ``*`` they are on every answer, with a list ``Vary`` is, whether a page asks or not:
        a cache may hand the answer to one later (Fetch Standard, "CORS protocol and HTTP
        caches"). Without ``http.origins`` there are none.
        """
        if self._everyone:
            return {_ALLOW_ORIGIN: "*", **self._exposed}
        if not self._listed:
            return {}
        origin = head.headers.get("Origin")
        if origin is not None and self._lists(origin):
            return {_ALLOW_ORIGIN: origin, **self._granted, **self._exposed, "Vary": "Origin"}
        return {"Vary": "Origin"}

    def preflight(self, head: RequestHead, methods: Iterable[str]) -> dict[str, str]:
        """What a page may send to a path that answers *methods*; `headers` tell which page.

        Every header it asks for, but for names that are none (RFC 9110 §5.6.2).
        """
        lines = head.headers.getall("Access-Control-Request-Headers", ())
        names = (name.strip() for line in lines for name in line.split(","))
        granted = {
            "Access-Control-Allow-Methods": ", ".join(methods),
            "Access-Control-Allow-Headers": ", ".join(filter(_TOKEN.fullmatch, names)),
            "Access-Control-Max-Age": _MAX_AGE,
        }
        return {name: value for name, value in granted.items() if value}

    def add(self, head: RequestHead, headers: CIMultiDict[str]) -> None:
        """Add `headers` to a response before it is sent, unless the application has set them."""
        if _ALLOW_ORIGIN in headers:
            return
        if not self._everyone and hdrs.ORIGIN not in head.headers:
            if self._listed:
                vary(headers, "Origin")
            return
        for name, value in self.headers(head).items():
            if name == "Vary":
                vary(headers, value)
            elif name == _EXPOSE:  # besides those that the application names
                headers.add(name, value)
            else:
                headers.setdefault(name, value)


def is_preflight(head: RequestHead) -> bool:
    """Whether a browser asks what a page may send (Fetch Standard, "CORS-preflight request")."""
    return (
        head.method == "OPTIONS"
        and "Origin" in head.headers
        and "Access-Control-Request-Method" in head.headers
    )
