"""What browsers are told to refuse, on every answer (``http.security_headers``).

After OWASP's "HTTP Headers" and "REST Security" cheat sheets, less what only an application
can know: a whole content security policy, which pages may be opened by others.
"""

from aiohttp import web
from multidict import CIMultiDict

from rxkernel.servers.aiohttp.head import Head
from rxkernel.servers.aiohttp.proxies import ForwardedBy

_ALWAYS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}
"""``no-referrer`` would have the forms of our own pages say ``Origin: null`` (Fetch Standard,
"append a request Origin header"), which is nobody's origin."""

_FRAME_OPTIONS, _POLICY = "X-Frame-Options", "Content-Security-Policy"

_TRANSPORT, _ONE_YEAR = "Strict-Transport-Security", "max-age=31536000"
"""Without subdomains: they may not be ours."""


class SecurityHeaders:
    """Adds them where the application has not said otherwise."""

    def __init__(self, proxies: ForwardedBy) -> None:
        self._proxies = proxies

    async def mark(self, native: web.Request, out: web.StreamResponse) -> None:
        """`add`, as a listener of ``on_response_prepare``."""
        self.add(native, out.headers)

    def add(self, head: Head, headers: CIMultiDict[str]) -> None:
        """Add them to an answer before it leaves."""
        for name, value in _ALWAYS.items():
            headers.setdefault(name, value)
        policies = headers.getall(_POLICY, ())
        if _FRAME_OPTIONS not in headers and "frame-ancestors" not in ",".join(policies).lower():
            headers[_FRAME_OPTIONS] = "DENY"
            if not policies:
                headers[_POLICY] = "frame-ancestors 'none'"
        if self._proxies.scheme(head) == "https":  # RFC 6797 section 7.2: over TLS only
            headers.setdefault(_TRANSPORT, _ONE_YEAR)
