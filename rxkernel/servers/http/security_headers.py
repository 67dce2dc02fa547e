"""What browsers are told to refuse, on every answer, and nobody of us (``http.security_headers``).

After OWASP's "HTTP Headers" and "REST Security" cheat sheets, less what only an application
can know: a whole content security policy, which pages may be opened by others.
"""

from multidict import CIMultiDict

from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.http.request_head import RequestHead

_ALWAYS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}
"""``no-referrer`` would have the forms of our own pages say ``Origin: null`` (Fetch Standard,
"append a request Origin header"), which is nobody's origin."""

_FRAME_OPTIONS, _POLICY = "X-Frame-Options", "Content-Security-Policy"

WITHOUT_A_REQUEST = {**_ALWAYS, _FRAME_OPTIONS: "DENY", _POLICY: "frame-ancestors 'none'"}
"""For the answers to what could not be read."""

_TRANSPORT, _ONE_YEAR = "Strict-Transport-Security", "max-age=31536000"
"""Without subdomains: they may not be ours."""


class SecurityHeaders:
    """Adds them where the application has not said otherwise, and takes away which versions of
    Python and aiohttp answer.
    """

    def __init__(self, proxies: ForwardedHeaders, server: str) -> None:
        self._proxies = proxies
        self._server = server

    def add(self, head: RequestHead, headers: CIMultiDict[str]) -> None:
        """Add them to an answer before it leaves."""
        if headers.get(hdrs.SERVER) == self._server:
            del headers[hdrs.SERVER]
        for name, value in _ALWAYS.items():
            headers.setdefault(name, value)
        policies = headers.getall(_POLICY, ())
        if _FRAME_OPTIONS not in headers and "frame-ancestors" not in ",".join(policies).lower():
            headers[_FRAME_OPTIONS] = "DENY"
            if not policies:
                headers[_POLICY] = "frame-ancestors 'none'"
        if self._proxies.scheme(head) == "https":  # RFC 6797 section 7.2: over TLS only
            headers.setdefault(_TRANSPORT, _ONE_YEAR)
