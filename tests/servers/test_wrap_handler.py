"""Wrappers of handlers over HTTP and Socket.IO."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from rxkernel import (
    DefinitionEvent,
    KernelEvents,
    Request,
    Response,
    StreamResponse,
    http,
    observe,
    websocket,
)
from rxkernel.routing.definitions import Handler
from tests.servers.conftest import Serve, http_url
from tests.servers.socketio_clients import client


class Pages:
    @http("GET", "/page", "page")
    @websocket("page")
    async def page(self, request: Request) -> str:
        return "page"

    @http("GET", "/page", "new_page", headers={"Accept-Version": "2"})
    async def new_page(self, request: Request) -> str:
        return "new page"

    @http("GET", "/fails", "fails")
    @websocket("fails")
    async def fails(self, request: Request) -> None:
        raise RuntimeError("on purpose")

    @http("GET", "/stream", "stream")
    async def stream(self, request: Request) -> StreamResponse:
        return StreamResponse(self._pieces())

    async def _pieces(self) -> AsyncIterator[str]:
        yield "piece"


class MorePages:
    @http("GET", "/more", "more")
    async def more(self, request: Request) -> str:
        return "more"


class Wrap:
    def __init__(self) -> None:
        self.got: list[Any] = []

    @observe(KernelEvents.KERNEL_DEFINITION)
    async def wrap(self, event: DefinitionEvent) -> None:
        event.wrap_handler(self.around)

    def around(self, handler: Handler) -> Handler:
        async def wrapped(request: Request) -> Response:
            try:
                response = await handler(request)
            except Exception as exc:
                self.got.append((request.route_name, str(exc)))
                raise
            self.got.append((request.route_name, response.status_code))
            response.headers["X-Wrapped"] = "yes"
            return response

        return wrapped


async def test_wrapper_runs_for_each_request_also_after_a_reload(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """The second request for a stream may take another path."""
    wrap = Wrap()
    application = await serve(Pages, listeners=[wrap])

    async def get(path: str) -> tuple[int, str | None]:
        async with session.get(http_url(application, path)) as response:
            await response.read()
            return response.status, response.headers.get("X-Wrapped")

    assert await get("/page") == (200, "yes")
    assert await get("/fails") == (500, None)
    assert [await get("/stream") for _ in range(2)] == [(200, "yes")] * 2
    assert await get("/missing") == (404, None)
    await application.reload(controllers=[MorePages])
    assert await get("/more") == (200, "yes")
    assert await get("/page") == (200, "yes")

    assert wrap.got == [
        ("page", 200),
        ("fails", "on purpose"),
        ("stream", 200),
        ("stream", 200),
        ("more", 200),
        ("page", 200),
    ]


async def test_wrapper_runs_for_a_route_with_constraints(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """The router finds another definition for it, which adds ``Vary``."""
    wrap = Wrap()
    application = await serve(Pages, listeners=[wrap])

    headers = {"Accept-Version": "2"}
    async with session.get(http_url(application, "/page"), headers=headers) as response:
        assert await response.text() == "new page"
        assert response.headers["X-Wrapped"] == "yes"
        assert response.headers["Vary"] == "Accept-Version"

    assert wrap.got == [("new_page", 200)]


async def test_wrapper_runs_for_each_event(serve: Serve) -> None:
    wrap = Wrap()
    application = await serve(Pages, listeners=[wrap])

    async with client(application) as socket:
        page = await socket.call("page")
        failed = await socket.call("fails")

    assert page["headers"]["X-Wrapped"] == "yes"
    assert failed["statusCode"] == 500
    assert wrap.got == [("page", 200), ("fails", "on purpose")]
