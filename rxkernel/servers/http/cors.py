"""CORS: decides which pages may call the server, over HTTP and Socket.IO (``http.origins``)."""

import re
from collections.abc import Iterable

from multidict import CIMultiDict, istr

from rxkernel.headers import TOKEN
from rxkernel.messages.vary import vary
from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.http.request_head import RequestHead
from rxkernel.settings import HttpSettings, canonical_origin, wildcard_origin

_ALLOW_ORIGIN = istr("Access-Control-Allow-Origin")
_ALLOW_CREDENTIALS = "Access-Control-Allow-Credentials"
_EXPOSE = "Access-Control-Expose-Headers"
_TOKEN = re.compile(TOKEN)


class CorsPolicy:
    """Allows pages of the server's own origin and of ``http.origins``; ``*`` allows all pages,
    ``https://*.example.org`` allows pages of all subdomains.

    A request without ``Origin`` does not come from a page of another site, so it is allowed.
    """

    def __init__(
        self, settings: HttpSettings, forwarded: ForwardedHeaders, id_header: str | None
    ) -> None:
        self._forwarded = forwarded
        self._allows_all = "*" in settings.origins
        self._listed = frozenset(map(canonical_origin, settings.origins)) - {None}
        self._suffixes = tuple(filter(None, map(wildcard_origin, settings.origins)))
        self._has_list = bool(self._listed or self._suffixes)
        self._credentials = {_ALLOW_CREDENTIALS: "true"} if settings.allow_credentials else {}
        exposed = [*([] if id_header is None else [id_header]), *settings.exposed_headers]
        self._exposed = {_EXPOSE: ", ".join(exposed)} if exposed else {}
        self._max_age = str(settings.preflight_max_age)
        self.varies = "Origin" if self._has_list and not self._allows_all else ""

    touches = frozenset(
        name.lower() for name in (_ALLOW_ORIGIN, _EXPOSE, _ALLOW_CREDENTIALS, "Vary")
    )

    def lines(self, head: RequestHead) -> str | None:
        """See `HeaderPolicy.lines`."""
        if self.varies and hdrs.ORIGIN not in head.headers:
            return ""  # most requests: not from a page of another site
        pairs = self.headers(head).items()
        return "".join(f"{name}: {value}\r\n" for name, value in pairs if name != "Vary")

    def allows(self, head: RequestHead) -> bool:
        """Whether *head* may be handled: its ``Origin``, if any, is allowed."""
        origin = head.headers.get("Origin")
        return (
            origin is None
            or self._allows_all
            or self._is_listed(origin)
            or self._is_own(canonical_origin(origin) or "", head)
        )

    def trusts(self, head: RequestHead) -> bool:
        """Whether the credentials of *head* are accepted. From a page of another site they are
        accepted only with ``allow_credentials``.

        Browsers send cookies with the WebSocket handshake of any page.
        """
        origin = head.headers.get("Origin")
        return (
            origin is None
            or bool(self._credentials)
            or self._is_own(canonical_origin(origin) or "", head)
        )

    def trusts_origin(self, origin: str) -> bool:
        """Whether pages of *origin*, another site, may send cookies: ``http.origins`` contains it,
        and ``allow_credentials`` is set."""
        return bool(self._credentials) and self._is_listed(origin)

    def _is_listed(self, origin: str) -> bool:
        """Whether ``http.origins`` contains *origin*, which may not be in canonical form."""
        if origin in self._listed:
            return True
        canonical = canonical_origin(origin)
        return canonical in self._listed or (
            canonical is not None and any(_is_below(canonical, *s) for s in self._suffixes)
        )

    def _is_own(self, origin: str, head: RequestHead) -> bool:
        """Whether *origin* is the origin that *head* was sent to.

        The scheme is compared only if this server terminates TLS, or if a trusted proxy has sent
        the scheme: another proxy may terminate TLS without any header.
        """
        scheme = origin.partition(":")[0]
        if scheme not in ("http", "https"):
            return False
        scheme = self._forwarded.scheme(head) or scheme
        return origin == canonical_origin(f"{scheme}://{self._forwarded.host(head)}")

    def headers(self, head: RequestHead) -> dict[str, str]:
        """Return the headers that allow a page to read the response to *head* and its request id.

        With ``*`` every response has them. With a list every response has ``Vary``, even if the
        request has no ``Origin``: a cache may send the stored response to a page later (Fetch
        Standard, "CORS protocol and HTTP caches"). Empty without ``http.origins``.
        """
        if self._allows_all:
            return {_ALLOW_ORIGIN: "*", **self._exposed}
        if not self._has_list:
            return {}
        origin = head.headers.get("Origin")
        if origin is not None and self._is_listed(origin):
            return {_ALLOW_ORIGIN: origin, **self._credentials, **self._exposed, "Vary": "Origin"}
        return {"Vary": "Origin"}

    def preflight(self, head: RequestHead, methods: Iterable[str]) -> dict[str, str]:
        """Return the headers of the response to the preflight *head*, for a path with *methods*.

        All requested headers are allowed, except invalid names (RFC 9110 §5.6.2). The allowed
        origin is not among them; `headers` returns it.
        """
        lines = head.headers.getall("Access-Control-Request-Headers", ())
        names = (name.strip() for line in lines for name in line.split(","))
        allowed = {
            "Access-Control-Allow-Methods": ", ".join(methods),
            "Access-Control-Allow-Headers": ", ".join(filter(_TOKEN.fullmatch, names)),
            "Access-Control-Max-Age": self._max_age,
        }
        return {name: value for name, value in allowed.items() if value}

    def add(self, head: RequestHead, headers: CIMultiDict[str]) -> None:
        """Add `headers` to a response before it is sent, unless the application has set them."""
        if _ALLOW_ORIGIN in headers:
            return
        if not self._allows_all and hdrs.ORIGIN not in head.headers:
            if self._has_list:
                vary(headers, "Origin")
            return
        for name, value in self.headers(head).items():
            if name == "Vary":
                vary(headers, value)
            elif name == _EXPOSE:  # added to the names that the application has set
                headers.add(name, value)
            else:
                headers.setdefault(name, value)


def _is_below(origin: str, scheme: str, suffix: str) -> bool:
    """Whether the host of *origin* is below *suffix*, such as ``.example.org:8443``."""
    before = origin.removesuffix(suffix)
    return before != origin and before.startswith(scheme) and before != scheme


def is_preflight(head: RequestHead) -> bool:
    """Whether *head* is a "CORS-preflight request" (Fetch Standard)."""
    return (
        head.method == "OPTIONS"
        and "Origin" in head.headers
        and "Access-Control-Request-Method" in head.headers
    )
