"""Header policies as signals of aiohttp, for the responses of native routes."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from rxkernel.servers.http.response_writer import HeaderPolicy


def header_signal(
    policy: HeaderPolicy,
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """A listener of aiohttp's ``on_response_prepare`` that applies *policy*."""

    async def apply(native: web.Request, out: web.StreamResponse) -> None:
        policy.add(native, out.headers)

    return apply
