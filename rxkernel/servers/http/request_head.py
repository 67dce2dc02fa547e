"""The head of a request, as every parser provides it."""

import asyncio
from typing import Protocol

from multidict import CIMultiDictProxy
from yarl import URL

from rxkernel.messages.connection import ClientAddress


class RequestHead(Protocol):
    """The request line and headers; `aiohttp.web.Request` implements it."""

    @property
    def method(self) -> str: ...

    @property
    def raw_path(self) -> str:
        """The request target as sent."""

    @property
    def rel_url(self) -> URL: ...

    @property
    def version(self) -> tuple[int, int]: ...

    @property
    def headers(self) -> CIMultiDictProxy[str]: ...

    @property
    def transport(self) -> asyncio.Transport | None:
        """None after the client has disconnected."""


def peer_of(head: RequestHead) -> ClientAddress | None:
    """Return the peer of the connection, which may be a proxy; None if it has no address, as over
    a Unix socket."""
    peer = head.transport.get_extra_info("peername") if head.transport else None
    return ClientAddress(peer[0], peer[1]) if isinstance(peer, tuple) else None
