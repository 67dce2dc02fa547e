"""What the other modules ask of aiohttp's request."""

from aiohttp import web


def is_gone(native: web.Request) -> bool:
    """Whether the client of *native* has left."""
    return native.transport is None or native.transport.is_closing()
