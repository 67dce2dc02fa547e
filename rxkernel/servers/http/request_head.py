"""The head of a request, the same for every parser."""

import asyncio
from typing import Protocol

from multidict import CIMultiDictProxy
from yarl import URL

from rxkernel.messages.connection import ClientAddress


class RequestHead(Protocol):
    """What policies and responses read of a request; `aiohttp.web.Request` has all of it."""

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
        """None once the client has left."""


def client_of(head: RequestHead) -> ClientAddress | None:
    """The peer of the connection, which may be a proxy; None where it has no address."""
    peer = head.transport.get_extra_info("peername") if head.transport else None
    return ClientAddress(peer[0], peer[1]) if isinstance(peer, tuple) else None
