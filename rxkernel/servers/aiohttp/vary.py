"""``Vary``: on what of the request an answer depends (RFC 9110 §12.5.5)."""

from aiohttp import hdrs
from multidict import CIMultiDict

_KEPT = (hdrs.CACHE_CONTROL, hdrs.ETAG, hdrs.EXPIRES, hdrs.LAST_MODIFIED)


def may_be_kept(headers: CIMultiDict[str]) -> bool:
    """Whether a cache is told enough to keep the answer: its age, or what it can ask again by."""
    return any(name in headers for name in _KEPT)


def vary(headers: CIMultiDict[str], name: str) -> None:
    """Say that the answer depends on the request's header *name*, unless that is said."""
    given = ", ".join(headers.getall(hdrs.VARY, ()))
    if {name.lower(), "*"}.isdisjoint(part.strip().lower() for part in given.split(",")):
        headers[hdrs.VARY] = f"{given}, {name}" if given else name
