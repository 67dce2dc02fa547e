"""304 for who has the answer already (RFC 9110 §13.1.2, §15.4.5)."""

from multidict import CIMultiDict

from rxkernel.messages.entity_tag import is_among
from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.request_head import RequestHead

_OF_THE_BODY = (
    hdrs.CONTENT_TYPE,
    hdrs.CONTENT_LENGTH,
    hdrs.CONTENT_ENCODING,
    hdrs.CONTENT_LANGUAGE,
    hdrs.CONTENT_DISPOSITION,
    hdrs.LAST_MODIFIED,
)
"""What tells of a body; a 304 has none. All else goes along, such as Cache-Control and Vary."""


def is_not_modified(head: RequestHead, status: int, headers: CIMultiDict[str]) -> bool:
    """Whether the client of *head* has what an answer with *headers* would bring it.

    Only a success has something to compare with, and only GET and HEAD ask for it.
    """
    etag = headers.get(hdrs.ETAG)
    if etag is None or head.method not in ("GET", "HEAD") or not 200 <= status < 300:
        return False
    return is_among(etag, head.headers.getall(hdrs.IF_NONE_MATCH, ()))


def without_body(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """*headers* for the 304, which keeps them."""
    for name in _OF_THE_BODY:
        headers.popall(name, None)
    return headers
