"""Plain text responses of aiohttp, for transports with a protocol of their own."""

from collections.abc import Mapping

from aiohttp import web

_CONTENT_TYPE = "text/plain; charset=UTF-8"


def text_response(
    text: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A response with *text* in UTF-8."""
    return web.Response(
        body=text.encode(),
        status=status,
        headers={"Content-Type": _CONTENT_TYPE, **(headers or {})},
    )
