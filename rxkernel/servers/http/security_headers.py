"""Headers by which browsers refuse sniffing, framing and referrers (``http.security_headers``).

After OWASP's "HTTP Headers" and "REST Security" cheat sheets, less what only an application
can know: a whole content security policy, which pages may be opened by others.
"""

from multidict import CIMultiDict, istr

from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.http.request_head import RequestHead

_SNIFFING, _REFERRER = istr("X-Content-Type-Options"), istr("Referrer-Policy")
_FRAMES, _POLICY = istr("X-Frame-Options"), istr("Content-Security-Policy")
_TRANSPORT = istr("Strict-Transport-Security")

_SAME_ORIGIN = "same-origin"
"""``no-referrer`` would have the forms of our own pages send ``Origin: null`` (Fetch Standard,
"append a request Origin header"), which no policy accepts."""

_NO_FRAMES = "frame-ancestors 'none'"
_ONE_YEAR = "max-age=31536000"
"""Without subdomains: they may belong to others."""

WITHOUT_A_REQUEST = {
    _SNIFFING: "nosniff",
    _REFERRER: _SAME_ORIGIN,
    _FRAMES: "DENY",
    _POLICY: _NO_FRAMES,
}
"""For responses to what could not be read."""


_LINES = "".join(f"{name}: {value}\r\n" for name, value in WITHOUT_A_REQUEST.items())
_LINES_OVER_TLS = f"{_LINES}{_TRANSPORT}: {_ONE_YEAR}\r\n"


class SecurityHeaders:
    """Adds each header that the application has not set, and removes the ``Server`` that names
    the versions of Python and aiohttp.
    """

    touches = frozenset(
        name.lower() for name in ("Server", _SNIFFING, _REFERRER, _FRAMES, _POLICY, _TRANSPORT)
    )
    varies = ""

    def __init__(self, proxies: ForwardedHeaders, server: str) -> None:
        self._proxies = proxies
        self._server = server

    def add(self, head: RequestHead, headers: CIMultiDict[str]) -> None:
        """Add them to a response before it is sent."""
        if headers.get(hdrs.SERVER) == self._server:
            del headers[hdrs.SERVER]
        headers.setdefault(_SNIFFING, "nosniff")
        headers.setdefault(_REFERRER, _SAME_ORIGIN)
        if _FRAMES not in headers:
            policies = headers.getall(_POLICY, None)
            if policies is None:
                headers[_FRAMES] = "DENY"
                headers[_POLICY] = _NO_FRAMES
            elif "frame-ancestors" not in ",".join(policies).lower():
                headers[_FRAMES] = "DENY"
        if self._is_secure(head):
            headers.setdefault(_TRANSPORT, _ONE_YEAR)

    def lines(self, head: RequestHead) -> str:
        """As `HeaderPolicy.lines`."""
        return _LINES_OVER_TLS if self._is_secure(head) else _LINES

    def _is_secure(self, head: RequestHead) -> bool:
        """Whether the client uses TLS, without which the header is not sent (RFC 6797 §7.2)."""
        return self._proxies.are_any and self._proxies.scheme(head) == "https"
