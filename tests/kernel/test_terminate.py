"""`TerminateEvent` in `KernelClient`: the same size as over the network."""

from collections.abc import AsyncIterator
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from rxkernel import (
    Application,
    FileResponse,
    KernelClient,
    KernelEvents,
    Request,
    Response,
    StreamResponse,
    TerminateEvent,
    http,
    observe,
    procedure,
    websocket,
)
from tests.context_probe import LINES, Lines


class Sizes:
    path: Path

    def __init__(self) -> None:
        self.ended: list[TerminateEvent] = []

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def end(self, event: TerminateEvent) -> None:
        self.ended.append(event)

    @http("GET", "/text", "text")
    @websocket("text")
    @procedure("text", LINES)
    async def text(self, request: Request) -> str:
        return "äb"

    @http("GET", "/nothing", "nothing")
    async def nothing(self, request: Request) -> Response:
        return Response("dropped", 204)

    @http("GET", "/broken", "broken")
    async def broken(self, request: Request) -> Any:
        return object()

    @http("GET", "/file", "file")
    async def file(self, request: Request) -> FileResponse:
        return FileResponse(self.path)

    @http("GET", "/stream", "stream")
    async def stream(self, request: Request) -> StreamResponse:
        return StreamResponse(self._pieces())

    async def _pieces(self) -> AsyncIterator[str]:
        yield "piece"


ERROR = len('{"statusCode":500,"message":"Internal Server Error"}')


@pytest.mark.parametrize(
    ("route", "size"),
    [("text", 3), ("nothing", 0), ("broken", ERROR), ("file", 5), ("stream", None)],
)
async def test_size_over_http_is_the_size_of_the_body(
    tmp_path: Path, route: str, size: int | None
) -> None:
    Sizes.path = tmp_path / "file"
    Sizes.path.write_bytes(b"12345")

    async with KernelClient(Application(controllers=[Sizes], bundles=[Lines])) as client:
        before = perf_counter()
        response = await client.http(route)
        if isinstance(response, StreamResponse):  # the message ends with the stream
            assert [piece async for piece in response.content] == ["piece"]
        (event,) = client.application.injector.get(Sizes).ended

    assert event.size == size
    assert 0 < event.duration <= perf_counter() - before


async def test_size_over_socket_is_the_size_of_the_packet_and_else_none() -> None:
    """The client does not know how the transport of a bundle encodes a response."""
    async with KernelClient(Application(controllers=[Sizes], bundles=[Lines])) as client:
        await client.websocket("text")
        await client.call(LINES, "text")
        ended = client.application.injector.get(Sizes).ended

    packet = '430[{"statusCode":200,"headers":{},"content":"äb"}]'
    assert [event.size for event in ended] == [len(packet.encode()), None]
    assert all(event.duration > 0 for event in ended)


class Fails:
    @http("GET", "/v", "v", headers={"Accept-Version": "2"})
    async def show(self) -> None: ...

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def end(self, event: TerminateEvent) -> None:
        raise RuntimeError("a bug")


async def test_terminate_of_route_with_headers_returns_failure_of_listener() -> None:
    """Context managers that are still open are exited with it, see `DefinitionPipeline`."""
    async with KernelClient(Application(controllers=[Fails], listeners=[Fails])) as client:
        head = make_mocked_request("GET", "/v", headers={"Accept-Version": "2"})
        found = client.application.kernel.compiled.http_router.find("GET", "/v", head)
        assert found is not None
        failure = await found[0].pipeline.terminate(Request("HTTP"), Response(), 0.0, None)

    assert isinstance(failure, RuntimeError)
