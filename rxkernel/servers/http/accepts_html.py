"""Whether a response may be HTML (RFC 9110 §12.5.1)."""

from rxkernel.messages.request import Request
from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.quality_values import weighted

_HTML = "text/html"
_RANGES = ("text/*", "*/*")
"""The ranges that contain HTML, the more specific one first."""


def accepts_html(request: Request, *, by_range: bool = False) -> bool:
    """Whether the header ``Accept`` of *request* names HTML, as browsers do for pages.

    Args:
        by_range: also accept a range with HTML, such as ``*/*``, or a missing header.
    """
    lines = request.headers.getall(hdrs.ACCEPT, ())
    if not lines:
        return by_range
    weights = dict(weighted(lines))
    names = (_HTML, *_RANGES) if by_range else (_HTML,)
    return next((weights[name] > 0 for name in names if name in weights), False)
