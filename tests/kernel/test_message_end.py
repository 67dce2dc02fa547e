"""`Request.when_ended`: a plain function that is called at the very end of a message."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from rxkernel import (
    Application,
    HttpSettings,
    KernelEvents,
    Request,
    RxKernelError,
    Settings,
    StreamResponse,
    TerminateEvent,
    both,
    http,
    observe,
)
from rxkernel.messages.scoped_services import services_of
from rxkernel.pytest_plugin import ClientOf
from tests.waiting import until


class Recorder:
    def __init__(self) -> None:
        self.log: list[str] = []
        self.requests: list[Request] = []
        self.gone = asyncio.Event()

    @both("POST", "/full", "full")
    async def full(self, request: Request) -> None:
        request.when_ended(self.fail)
        self.record_end(request)
        request.after_sending(self.after)
        services_of(request).add("service", self)
        if request.params:
            raise ValueError("no")

    @both("POST", "/plain", "plain")
    async def plain(self, request: Request) -> None:
        self.record_end(request)
        if request.params:
            raise ValueError("no")

    @http("GET", "/stream", "stream")
    async def stream(self, request: Request) -> StreamResponse:
        self.record_end(request)
        return StreamResponse(self.pieces())

    @http("GET", "/hang", "hang")
    async def hang(self, request: Request) -> None:
        self.record_end(request)
        request.when_disconnected(self.gone.set)
        await self.gone.wait()

    async def pieces(self) -> AsyncIterator[bytes]:
        yield b"first"
        self.log.append("piece")
        yield b"second"

    def record_end(self, request: Request) -> None:
        self.requests.append(request)
        request.when_ended(lambda: self.log.append("ended"))

    def fail(self) -> None:
        raise ValueError("fails")

    async def after(self) -> None:
        self.log.append("after sending")

    async def aclose(self) -> None:
        self.log.append("service closed")


class Terminate:
    def __init__(self, recorder: Recorder) -> None:
        self.log = recorder.log

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def terminate(self, event: TerminateEvent) -> None:
        self.log.append("terminate")


@pytest.mark.parametrize("params", [{}, {"fail": "yes"}])
@pytest.mark.parametrize("transport", ["http", "websocket"])
async def test_when_ended_is_called_last(
    client_of: ClientOf, transport: str, params: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder()
    client = client_of(recorder, listeners=[Terminate(recorder)])

    await (client.http if transport == "http" else client.websocket)("full", params=params)

    assert recorder.log == ["terminate", "after sending", "service closed", "ended"]
    assert "a function of request.when_ended() failed" in caplog.text


@pytest.mark.parametrize("params", [{}, {"fail": "yes"}])
@pytest.mark.parametrize("transport", ["http", "websocket"])
async def test_when_ended_without_anything_to_await_is_called_once(
    client_of: ClientOf, transport: str, params: dict[str, str]
) -> None:
    recorder = Recorder()
    client = client_of(recorder)

    await (client.http if transport == "http" else client.websocket)("plain", params=params)

    assert recorder.log == ["ended"]
    with pytest.raises(RxKernelError, match="has ended"):
        recorder.record_end(recorder.requests[0])


async def test_when_ended_of_a_called_definition_is_called(client_of: ClientOf) -> None:
    recorder = Recorder()
    client = client_of(recorder)
    await client.http("plain")

    await client.application.kernel.http_definitions["plain"].handler(Request("HTTP"))

    assert recorder.log == ["ended", "ended"]


@pytest.mark.parametrize("fast_path", [True, False])
async def test_when_ended_is_called_over_the_wire(fast_path: bool) -> None:
    """Also for a stream, and for a client that disconnects during the action."""
    recorder = Recorder()
    settings = Settings(http=HttpSettings(port=0, fast_path=fast_path))
    async with Application(controllers=[recorder], settings=settings) as application:
        await application.start()
        url = application.servers["http"].url
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{url}/stream") as response:
                assert await response.read() == b"firstsecond"
            await until(lambda: recorder.log == ["piece", "ended"])
            async with session.post(f"{url}/plain") as response:
                assert response.status == 200
            await until(lambda: recorder.log == ["piece", "ended", "ended"])
            hanging = asyncio.create_task(session.get(f"{url}/hang"))
            await until(lambda: len(recorder.requests) == 3)
            hanging.cancel()
    assert recorder.log == ["piece", "ended", "ended", "ended"]
