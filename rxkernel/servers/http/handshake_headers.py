"""The headers of a WebSocket or Socket.IO handshake, without untrusted credentials."""

from multidict import CIMultiDict, CIMultiDictProxy

from rxkernel.servers.http.cors import CorsPolicy
from rxkernel.servers.http.request_head import RequestHead

_CREDENTIALS = frozenset(("cookie", "authorization"))


def handshake_headers(head: RequestHead, cors: CorsPolicy) -> CIMultiDictProxy[str]:
    """Return the headers of *head*, without credentials unless `CorsPolicy.trusts` accepts them.

    Browsers send cookies with the WebSocket handshake of any page; CORS does not apply to it.
    """
    if cors.trusts(head):
        return head.headers
    pairs = ((k, v) for k, v in head.headers.items() if k.lower() not in _CREDENTIALS)
    return CIMultiDictProxy(CIMultiDict(pairs))
