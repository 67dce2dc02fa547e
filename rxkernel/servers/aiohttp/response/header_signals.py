"""Headers that the settings ask for, on the responses of native routes."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import web
from multidict import CIMultiDict

from rxkernel.servers.http.request_head import RequestHead


class HeaderPolicy(Protocol):
    """Adds headers to a response before it leaves."""

    def add(self, head: RequestHead, headers: CIMultiDict[str]) -> None: ...


def signal_of(
    policy: HeaderPolicy,
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """*policy* as a listener of aiohttp's ``on_response_prepare``."""

    async def apply(native: web.Request, out: web.StreamResponse) -> None:
        policy.add(native, out.headers)

    return apply
