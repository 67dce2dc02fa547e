"""A site whose only controller uses the cache as a chain of handlers does, and a moved clock."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from bundles.clock import Clock
from bundles.web.page_cache.page_cache import PageCache
from rxkernel import Application, KernelClient, Request, Response, Settings, http
from rxkernel.kernel.serialization import SERIALIZER

Make = Callable[[Request], Any]


class MovedClock(Clock):
    def __init__(self) -> None:
        self.time = 1000.0

    def monotonic(self) -> float:
        return self.time


class PagesSite:
    """A running application.

    Attributes:
        make: called for the response of each run; a test replaces it.
        lifetime: the argument of ``client.cache``.
        runs: how often the handler has run.
        finds: how often a page was searched.
        is_late: whether the handler waits for the gate also before it calls ``client.cache``.
        gate: the handler waits for it.
    """

    client: KernelClient

    def __init__(self, **limits: int) -> None:
        self.clock = MovedClock()
        self.pages = PageCache(
            SERIALIZER,
            self.clock,
            lambda request: None,
            **{"size": 1_000_000, "entries": 100, **limits},
        )
        self.make: Make = lambda request: Response(f"run {self.runs}")
        self.lifetime: Any = 60
        self.runs = self.finds = 0
        self.is_late = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def handle(self, request: Request) -> Response:
        if request.route_name in self.pages.routes:
            self.finds += 1
            found = await self.pages.find(request)
            if found is not None:
                return found
        self.runs += 1
        if self.is_late:
            await self.gate.wait()
        run = self.pages.begin(request, self.lifetime)
        await self.gate.wait()
        response: Response = self.make(request)
        if run is not None:
            run.finish(response)
        return response

    async def get(self, name: str = "page", **options: Any) -> Response:
        return await self.client.http(name, **options)


@asynccontextmanager
async def pages_site(*bundles: Any, **limits: int) -> AsyncIterator[PagesSite]:
    site = PagesSite(**limits)

    class Pages:
        @http("GET", "/page", "page")
        async def page(self, request: Request) -> Response:
            return await site.handle(request)

        @http("POST", "/page", "post")
        async def post(self, request: Request) -> Response:
            return await site.handle(request)

    application = Application(controllers=[Pages], bundles=bundles, settings=Settings())
    async with KernelClient(application) as site.client:
        yield site
