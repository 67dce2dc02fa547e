"""The header fields of the response of another server."""

from aiohttp import ClientResponse

from bundles.web.proxy.hop_by_hop import end_to_end
from rxkernel import Response


def add_headers(upstream: ClientResponse, response: Response, pseudonym: str) -> None:
    """Set the end-to-end fields of *upstream* in *response*, and none besides.

    Raises:
        ValueError: one is not valid.
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


def _text(value: str) -> str:
    """Return *value* without bytes that are not UTF-8: they are read as Latin-1."""
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogateescape").decode("latin-1")
    return value
