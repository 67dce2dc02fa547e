"""304 for clients that have stored the response (RFC 9110 §13.1.2, §15.4.5)."""

from multidict import CIMultiDict

from rxkernel.messages.entity_tag import is_among
from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.request_head import RequestHead

_CONTENT_HEADERS = (
    hdrs.CONTENT_TYPE,
    hdrs.CONTENT_LENGTH,
    hdrs.CONTENT_ENCODING,
    hdrs.CONTENT_LANGUAGE,
    hdrs.CONTENT_DISPOSITION,
    hdrs.LAST_MODIFIED,
)
"""Headers that describe the content. A 304 has the others only, such as Cache-Control and Vary."""


def is_not_modified(head: RequestHead, status: int, headers: CIMultiDict[str]) -> bool:
    """Whether the client of *head* has stored the response with *headers*, by ``If-None-Match``.

    The condition applies to a successful GET or HEAD only.
    """
    etag = headers.get(hdrs.ETAG)
    if etag is None or head.method not in ("GET", "HEAD") or not 200 <= status < 300:
        return False
    return is_among(etag, head.headers.getall(hdrs.IF_NONE_MATCH, ()))


def remove_content_headers(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """Remove the headers that a 304 does not have; return *headers*."""
    for name in _CONTENT_HEADERS:
        headers.popall(name, None)
    return headers
