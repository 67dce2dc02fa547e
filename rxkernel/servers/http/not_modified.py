"""304 and 412 for conditional requests (RFC 9110 §13, §15.4.5)."""

from multidict import CIMultiDict

from rxkernel.exceptions import PreconditionFailedException
from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.conditions import Validators
from rxkernel.servers.http.negotiation import RequestHeaders
from rxkernel.servers.http.request_head import RequestHead

_CONTENT_HEADERS = (
    hdrs.CONTENT_TYPE,
    hdrs.CONTENT_LENGTH,
    hdrs.CONTENT_ENCODING,
    hdrs.CONTENT_LANGUAGE,
    hdrs.CONTENT_DISPOSITION,
    hdrs.LAST_MODIFIED,
)
"""Headers that describe the content. A 304 has only other headers, such as Cache-Control."""


def has_condition(headers: RequestHeaders) -> bool:
    """Whether a request with *headers* has a condition that `is_not_modified` checks."""
    return (
        hdrs.IF_NONE_MATCH in headers
        or hdrs.IF_MODIFIED_SINCE in headers
        or hdrs.IF_MATCH in headers
        or hdrs.IF_UNMODIFIED_SINCE in headers
    )


def is_not_modified(head: RequestHead, status: int, headers: CIMultiDict[str]) -> bool:
    """Whether the client has stored the response with *headers*, by the conditions in *head*.

    They apply to a successful GET or HEAD whose response has a validator. For other methods it
    would have to be known before the action runs.

    Raises:
        PreconditionFailedException: the client requires another version (412).
    """
    if head.method not in ("GET", "HEAD") or not 200 <= status < 300:
        return False
    validators = Validators.in_headers(headers)
    if validators is None:
        return False
    found = validators.check(head.headers)
    if found == 412:
        raise PreconditionFailedException
    return found == 304


def remove_content_headers(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """Remove the headers that a 304 does not have; return *headers*."""
    for name in _CONTENT_HEADERS:
        headers.popall(name, None)
    return headers
