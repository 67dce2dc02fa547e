"""The header fields of the response of another server."""

from aiohttp import ClientResponse
from multidict import CIMultiDict

from bundles.web.proxy.hop_by_hop import end_to_end
from rxkernel import Response

_OF_SERVER = ("content-length", "content-type", "date", "server")
"""Fields that this server sets itself, or that a handshake does not have."""


def add_headers(upstream: ClientResponse, response: Response, pseudonym: str) -> None:
    """Replace the fields of *response* by the end-to-end fields of *upstream*.

    Raises:
        ValueError: a field is not valid.
    """
    headers = response.headers
    headers.clear()
    via = []
    for lower, name, value in end_to_end(upstream.headers):
        if lower == "via":
            via.append(value)
        else:
            headers.add(name, _text(value))
    headers["Via"] = _text(", ".join((*via, f"1.1 {pseudonym}")))


def handshake_fields(upstream: ClientResponse | None) -> CIMultiDict[str]:
    """Return the end-to-end fields of *upstream*, the response to a handshake, without the fields
    of its own WebSocket."""
    fields: CIMultiDict[str] = CIMultiDict()
    if upstream is not None:
        for lower, name, value in end_to_end(upstream.headers):
            if not lower.startswith("sec-websocket-") and lower not in _OF_SERVER:
                fields.add(name, _text(value))
    return fields


def _text(value: str) -> str:
    """Return *value*; if it has bytes that are not UTF-8, it is decoded as Latin-1."""
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogateescape").decode("latin-1")
    return value
