"""Whether the client of an aiohttp request is still connected."""

from aiohttp import web


def is_disconnected(native: web.Request) -> bool:
    """Whether the connection of *native* is closed, or is being closed."""
    return native.transport is None or native.transport.is_closing()
