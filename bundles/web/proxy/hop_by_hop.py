"""The header fields of one connection, which a proxy does not forward (RFC 9110 §7.6.1)."""

from collections.abc import Iterator

from multidict import CIMultiDict, CIMultiDictProxy

_FIELDS = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)


def end_to_end(
    headers: CIMultiDict[str] | CIMultiDictProxy[str],
) -> Iterator[tuple[str, str, str]]:
    """Yield the fields of *headers* that are not for this connection only; ``Connection`` may name
    further ones. Each is its name in lower case, its name, and its value."""
    dropped = _FIELDS
    if lines := headers.getall("Connection", ()):
        named = (name.strip().lower() for line in lines for name in line.split(","))
        dropped = dropped.union(named)
    for name, value in headers.items():
        lower = name.lower()
        if lower not in dropped:
            yield lower, name, value
