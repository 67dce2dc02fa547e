"""Headers that the settings ask for, on the responses of native routes."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from rxkernel.servers.http.response_writer import HeaderPolicy


def signal_of(
    policy: HeaderPolicy,
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """*policy* as a listener of aiohttp's ``on_response_prepare``."""

    async def apply(native: web.Request, out: web.StreamResponse) -> None:
        policy.add(native, out.headers)

    return apply
