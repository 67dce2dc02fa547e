"""`Request.before_sending`: the last step of a message that has succeeded; `after_sending`: a step
after its response was sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rxkernel import (
    ConflictException,
    DefinitionEvent,
    ExceptionEvent,
    KernelEvents,
    Request,
    Response,
    ResponseEvent,
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


class Recorder:
    def __init__(self) -> None:
        self.log: list[str] = []

    @asynccontextmanager
    async def manager(self) -> AsyncIterator[None]:
        try:
            yield
        except Exception as exc:
            self.log.append(f"manager failed: {exc}")
            raise
        self.log.append("manager")

    async def call(self, response: Response) -> None:
        self.log.append("call")
        response.headers["Stored"] = "yes"

    async def failing(self, response: Response) -> None:
        raise ConflictException("not stored")

    @observe(KernelEvents.KERNEL_RESPONSE)
    async def respond(self, event: ResponseEvent) -> None:
        self.log.append(f"listener {event.response.status_code}")

    @both("POST", "/ok", "ok")
    async def ok(self, request: Request) -> str:
        await request.enter(self.manager())
        request.before_sending(self.call)
        return "done"

    @both("POST", "/raise", "raise")
    async def raises(self, request: Request) -> str:
        request.before_sending(self.call)
        raise ConflictException("no")

    @both("POST", "/fail", "fail")
    async def fail(self, request: Request) -> str:
        await request.enter(self.manager())
        request.before_sending(self.failing)
        return "done"

    @both("POST", "/after", "after")
    async def after(self, request: Request) -> str:
        request.after_sending(self.later)
        request.after_sending(self.last)
        await request.enter(self.manager())
        if request.params.get("raise"):
            raise ConflictException("no")
        return "done"

    async def later(self) -> None:
        self.log.append("later")
        raise ValueError("broken")

    async def last(self) -> None:
        self.log.append("last")

    @observe(KernelEvents.KERNEL_TERMINATE, only=lambda definition: definition.name == "after")
    async def terminate(self, event: TerminateEvent) -> None:
        self.log.append("terminate")

    @http("GET", "/stream", "stream")
    async def stream(self, request: Request) -> StreamResponse:
        request.before_sending(self.call)
        return StreamResponse(self.pieces())

    async def pieces(self) -> AsyncIterator[bytes]:
        self.log.append("stream")
        yield b"piece"


SETTINGS = [Settings(), Settings(request_timeout=30.0)]


async def send(client: Any, name: str, transport: str) -> Response:
    response: Response = await (client.http if transport == "HTTP" else client.websocket)(name)
    return response


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("transport", ["HTTP", "SOCKET"])
async def test_before_sending_runs_between_listeners_and_managers(
    client_of: ClientOf, transport: str, settings: Settings
) -> None:
    recorder = Recorder()
    client = client_of(recorder, settings=settings)

    response = await send(client, "ok", transport)

    assert recorder.log == ["listener 200", "call", "manager"]
    assert response.headers["Stored"] == "yes"


@pytest.mark.parametrize("transport", ["HTTP", "SOCKET"])
async def test_before_sending_message_fails_is_not_called(
    client_of: ClientOf, transport: str
) -> None:
    recorder = Recorder()
    client = client_of(recorder)

    assert (await send(client, "raise", transport)).status_code == 409
    assert recorder.log == ["listener 409"]


@pytest.mark.parametrize("transport", ["HTTP", "SOCKET"])
async def test_before_sending_raises_message_fails(client_of: ClientOf, transport: str) -> None:
    """The managers are exited with its exception, so a transaction is rolled back."""
    recorder = Recorder()
    client = client_of(recorder)

    assert (await send(client, "fail", transport)).status_code == 409
    assert recorder.log == ["listener 200", "manager failed: not stored", "listener 409"]


async def test_before_sending_stream_is_called_before_first_piece(client_of: ClientOf) -> None:
    recorder = Recorder()
    client = client_of(recorder)

    response = await client.http("stream")

    assert [piece async for piece in response.content] == [b"piece"]
    assert recorder.log == ["listener 200", "call", "stream"]


async def test_before_sending_wrapped_handler_is_called_once(client_of: ClientOf) -> None:
    recorder = Recorder()

    async def wrap(event: DefinitionEvent) -> None:
        inner = event.handler

        async def around(request: Request) -> Response:
            response = await inner(request)
            recorder.log.append("wrapper")
            return response

        event.wrap_handler(lambda _: around)

    client = client_of(recorder)
    client.dispatcher.add_listener(KernelEvents.KERNEL_DEFINITION, wrap)

    await client.http("ok")

    assert recorder.log == ["listener 200", "wrapper", "call", "manager"]


@pytest.mark.parametrize("when", ["stream", "exception"])
async def test_before_sending_too_late_is_logged(
    client_of: ClientOf, when: str, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder()

    class Late:
        @http("GET", "/late", "late")
        async def late(self, request: Request) -> StreamResponse:
            if when == "exception":
                raise ConflictException("no")

            async def pieces() -> AsyncIterator[bytes]:
                request.before_sending(recorder.call)
                yield b"piece"

            return StreamResponse(pieces())

        @observe(KernelEvents.KERNEL_EXCEPTION)
        async def respond(self, event: ExceptionEvent) -> None:
            event.request.before_sending(recorder.call)

    client = client_of(Late)
    response = await client.http("late")
    if when == "stream":
        assert [piece async for piece in response.content] == [b"piece"]

    assert recorder.log == []
    assert "request.before_sending() was called after the response was sent" in caplog.text


def test_before_sending_without_route_raises() -> None:
    with pytest.raises(RxKernelError, match="needs a message with a route"):
        Request("HTTP").before_sending(Recorder().call)


@pytest.mark.parametrize("params", [{}, {"raise": "yes"}])
@pytest.mark.parametrize("transport", ["HTTP", "SOCKET"])
async def test_after_sending_runs_after_terminate_listeners(
    client_of: ClientOf,
    transport: str,
    params: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = Recorder()
    client = client_of(recorder)

    await (client.http if transport == "HTTP" else client.websocket)("after", params=params)

    assert recorder.log[-3:] == ["terminate", "later", "last"]
    assert "a function of request.after_sending() failed" in caplog.text


async def test_after_sending_without_terminate_listeners_is_called(client_of: ClientOf) -> None:
    recorder = Recorder()
    client = client_of(recorder)
    client.dispatcher.remove_listeners(KernelEvents.KERNEL_TERMINATE)

    await client.http("after")

    assert recorder.log[-2:] == ["later", "last"]


async def test_after_sending_that_is_cancelled_does_not_keep_services_open(
    client_of: ClientOf,
) -> None:
    recorder = Recorder()

    class Cancelled:
        @http("GET", "/cancelled", "cancelled")
        async def cancelled(self, request: Request) -> str:
            request.after_sending(self.cancel)
            services_of(request).add("service", self)
            return "done"

        async def cancel(self) -> None:
            raise asyncio.CancelledError

        async def aclose(self) -> None:
            recorder.log.append("closed")

    assert (await client_of(Cancelled).http("cancelled")).content == "done"
    assert recorder.log == ["closed"]


async def test_after_sending_ended_message_raises(client_of: ClientOf) -> None:
    requests: list[Request] = []

    class Keeper:
        @http("GET", "/keep", "keep")
        async def keep(self, request: Request) -> None:
            requests.append(request)

    await client_of(Keeper).http("keep")

    with pytest.raises(RxKernelError, match="has ended"):
        requests[0].after_sending(Recorder().last)


async def test_managers_that_an_after_sending_call_enters_get_its_exception(
    client_of: ClientOf,
) -> None:
    log: list[str] = []

    @asynccontextmanager
    async def manager(name: str) -> AsyncIterator[None]:
        try:
            yield
        except ValueError as exc:
            log.append(f"{name} got {exc}")
            raise
        else:
            log.append(f"{name} exited")

    class Late:
        @http("GET", "/late", "late")
        async def late(self, request: Request) -> str:
            await request.enter(manager("first"))

            async def failing() -> None:
                await request.enter(manager("second"))
                raise ValueError("broken")

            async def succeeding() -> None:
                await request.enter(manager("third"))

            request.after_sending(failing)
            request.after_sending(succeeding)
            return "done"

    assert (await client_of(Late).http("late")).content == "done"
    assert log == ["first exited", "second got broken", "third exited"]
