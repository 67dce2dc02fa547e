"""`Kernel.encoded`: the error response for a response that a transport cannot encode."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rxkernel import (
    ExceptionEvent,
    Kernel,
    KernelEvents,
    Request,
    Response,
    ResponseEvent,
    StreamNotSupportedException,
    StreamResponse,
    decode_json,
    encode_json,
    http,
    observe,
)
from rxkernel.pytest_plugin import ClientOf


class Index:
    @http("GET", "/", "index")
    async def index(self) -> str:
        return "index"


class Listener:
    def __init__(self) -> None:
        self.failures: list[Exception] = []

    @observe(KernelEvents.KERNEL_EXCEPTION)
    async def failed(self, event: ExceptionEvent) -> None:
        self.failures.append(event.exception)

    @observe(KernelEvents.KERNEL_RESPONSE)
    async def sign(self, event: ResponseEvent) -> None:
        event.response.headers["X-Signed"] = "yes"


def encode(response: Response) -> bytes:
    if isinstance(response, StreamResponse):
        raise StreamNotSupportedException("no streams here")
    return encode_json(response.content)


async def kernel_of(client_of: ClientOf, listener: Listener) -> Kernel:
    client = client_of(Index, listeners=[listener])
    await client.application.boot()
    return client.application.kernel


async def test_encoded_valid_response_is_unchanged(client_of: ClientOf) -> None:
    listener = Listener()
    kernel = await kernel_of(client_of, listener)
    response = Response({"a": 1})

    assert await kernel.encoded(Request("HTTP"), response, encode) == (response, b'{"a":1}')
    assert listener.failures == []


async def test_content_that_cannot_be_encoded_is_an_error_through_both_phases(
    client_of: ClientOf,
) -> None:
    listener = Listener()
    kernel = await kernel_of(client_of, listener)

    response, encoded = await kernel.encoded(Request("HTTP"), Response(object()), encode)

    assert response.status_code == 500
    assert response.headers["X-Signed"] == "yes"
    assert decode_json(encoded) == {"statusCode": 500, "message": "Internal Server Error"}
    assert [type(failure) for failure in listener.failures] == [TypeError]


async def test_stream_that_cannot_be_encoded_is_closed(client_of: ClientOf) -> None:
    kernel = await kernel_of(client_of, Listener())
    closed: list[str] = []

    async def pieces() -> AsyncIterator[bytes]:
        try:
            yield b"one"
            yield b"two"
        finally:
            closed.append("closed")

    source = pieces()
    await anext(source)
    response, _ = await kernel.encoded(Request("HTTP"), StreamResponse(source), encode)

    assert response.content["message"] == "no streams here"
    assert closed == ["closed"]


async def test_error_that_cannot_be_encoded_is_the_standard_error_and_logged(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    class Shape:
        @observe(KernelEvents.KERNEL_EXCEPTION)
        async def shape(self, event: ExceptionEvent) -> None:
            event.set_response(Response(object(), 500))

    client = client_of(Index, listeners=[Shape])
    await client.application.boot()
    request: Any = Request("HTTP", url="/x")

    with caplog.at_level(logging.ERROR):
        response, encoded = await client.application.kernel.encoded(
            request, Response(object()), encode
        )

    assert response.status_code == 500
    assert decode_json(encoded)["message"] == "Internal Server Error"
    assert "the error response to '/x' cannot be encoded" in caplog.text
