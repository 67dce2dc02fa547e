"""The head of a request, whoever has read it: aiohttp for itself, or the fast lane."""

import asyncio
from typing import Protocol

from aiohttp import HttpVersion
from multidict import CIMultiDictProxy
from yarl import URL


class Head(Protocol):
    """What policies and answers ask of a request; `aiohttp.web.Request` has all of it."""

    @property
    def method(self) -> str: ...

    @property
    def raw_path(self) -> str:
        """The request target as sent."""

    @property
    def rel_url(self) -> URL: ...

    @property
    def version(self) -> HttpVersion: ...

    @property
    def headers(self) -> CIMultiDictProxy[str]: ...

    @property
    def transport(self) -> asyncio.Transport | None:
        """None once the client has left."""
