"""``Vary``: the request headers that a response depends on (RFC 9110 §12.5.5)."""

from multidict import CIMultiDict, istr

_VARY = istr("Vary")
_STORABLE_WITH = ("Cache-Control", "ETag", "Expires", "Last-Modified")


def is_storable(headers: CIMultiDict[str]) -> bool:
    """Whether a cache may store the response: it has a lifetime or a validator."""
    return any(name in headers for name in _STORABLE_WITH)


def vary(headers: CIMultiDict[str], *names: str) -> None:
    """Add *names*, the request headers that the response depends on, if they are missing."""
    for name in names:
        lines = headers.getall(_VARY, None)
        if lines is None:
            headers[_VARY] = name
            continue
        present = ", ".join(lines)
        if {name.lower(), "*"}.isdisjoint(part.strip().lower() for part in present.split(",")):
            headers[_VARY] = f"{present}, {name}" if present else name
