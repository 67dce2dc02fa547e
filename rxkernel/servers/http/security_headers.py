"""Headers against MIME sniffing, framing and referrers (``http.security_headers``).

They follow the cheat sheets "HTTP Headers" and "REST Security" of OWASP. Only an application can
set the other headers: a full content security policy, and policies for openers and embedders.
"""

from multidict import CIMultiDict, istr

from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.http.request_head import RequestHead

_SNIFFING, _REFERRER = istr("X-Content-Type-Options"), istr("Referrer-Policy")
_FRAMES, _POLICY = istr("X-Frame-Options"), istr("Content-Security-Policy")
_TRANSPORT = istr("Strict-Transport-Security")

_SAME_ORIGIN = "same-origin"
"""With ``no-referrer`` the forms of the application's own pages would send ``Origin: null`` (Fetch
Standard, "append a request Origin header"), which CORS policies reject."""

_NO_FRAMES = "frame-ancestors 'none'"
_ONE_YEAR = "max-age=31536000"
"""Without ``includeSubDomains``: subdomains may have other owners."""

SECURITY_HEADERS = {
    _SNIFFING: "nosniff",
    _REFERRER: _SAME_ORIGIN,
    _FRAMES: "DENY",
    _POLICY: _NO_FRAMES,
}
"""The headers of a response over plain HTTP, and of one whose request could not be parsed."""

_LINES = "".join(f"{name}: {value}\r\n" for name, value in SECURITY_HEADERS.items())
_LINES_OVER_TLS = f"{_LINES}{_TRANSPORT}: {_ONE_YEAR}\r\n"


class SecurityHeaders:
    """Adds each header that the application has not set, and removes ``Server`` if its value is
    *server*, which contains the versions of Python and aiohttp.
    """

    touches = frozenset(
        name.lower() for name in ("Server", _SNIFFING, _REFERRER, _FRAMES, _POLICY, _TRANSPORT)
    )
    varies = ""

    def __init__(self, forwarded: ForwardedHeaders, server: str) -> None:
        self._forwarded = forwarded
        self._may_be_secure = forwarded.has_proxies or forwarded.own_scheme == "https"
        self._server = server

    def add(self, head: RequestHead, headers: CIMultiDict[str]) -> None:
        """See `HeaderPolicy.add`."""
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
        """See `HeaderPolicy.lines`."""
        return _LINES_OVER_TLS if self._is_secure(head) else _LINES

    def _is_secure(self, head: RequestHead) -> bool:
        """Whether the client uses TLS; the header must not be sent otherwise (RFC 6797 §7.2)."""
        return self._may_be_secure and self._forwarded.scheme(head) == "https"
