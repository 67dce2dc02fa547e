"""The headers of a handshake that may be believed."""

from multidict import CIMultiDict, CIMultiDictProxy

from rxkernel.servers.http.cors import CorsPolicy
from rxkernel.servers.http.request_head import RequestHead

_CREDENTIALS = frozenset(("cookie", "authorization"))


def handshake_headers(head: RequestHead, cors: CorsPolicy) -> CIMultiDictProxy[str]:
    """The headers of *head*, without credentials where a page may not send them: browsers send
    the cookies of a WebSocket whatever CORS says."""
    if cors.trusts(head):
        return head.headers
    kept = ((k, v) for k, v in head.headers.items() if k.lower() not in _CREDENTIALS)
    return CIMultiDictProxy(CIMultiDict(kept))
