"""The headers of a WebSocket or Socket.IO handshake, without untrusted credentials."""

from multidict import CIMultiDict, CIMultiDictProxy

from rxkernel.servers.http.cors import CorsPolicy
from rxkernel.servers.http.request_head import RequestHead

_CREDENTIALS = frozenset(("cookie", "authorization"))


def handshake_headers(head: RequestHead, cors: CorsPolicy) -> CIMultiDictProxy[str]:
    """Return the headers of *head*, without credentials if a page of another site sent it and
    `CorsPolicy.trusts` does not accept them. Browsers send cookies with a WebSocket handshake even
    if CORS does not allow it."""
    if cors.trusts(head):
        return head.headers
    kept = ((k, v) for k, v in head.headers.items() if k.lower() not in _CREDENTIALS)
    return CIMultiDictProxy(CIMultiDict(kept))
