"""Trace context over real connections."""

import aiohttp

from tests.context_probe import Lines
from tests.kernel.test_propagator import Calls, Tracing, bind
from tests.servers.conftest import Serve, http_url
from tests.servers.raw_http import post, raw_http
from tests.servers.socketio_clients import client
from tests.waiting import until


async def test_trace_of_a_request_is_in_its_context(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Calls, modules=[bind(Tracing)], bundles=[Lines])
    calls = application.injector.get(Calls)

    async with session.get(http_url(application), headers={"traceparent": "00-1"}) as response:
        assert await response.json() == {"traceparent": "00-1"}
    async with session.get(http_url(application)) as response:
        assert await response.json() == {}
    await until(lambda: len(calls.seen) == 4)

    assert calls.seen == [
        ("request", "00-1"),
        ("terminate", "00-1"),
        ("request", None),
        ("terminate", None),
    ]


async def test_trace_of_a_rejected_request_reaches_its_exception_listeners(serve: Serve) -> None:
    """For an unknown path, and an invalid JSON body that is sent with its head or after it."""
    application = await serve(Calls, modules=[bind(Tracing)], bundles=[Lines])
    headers = ("traceparent: 00-1", "Content-Type: application/json")

    async with raw_http(application) as connection:
        await connection.send(post("/missing", *headers, body=b"1"))
        assert (await connection.answer()).status == 404
        await connection.send(post("/", *headers, body=b"{"))
        assert (await connection.answer()).status == 400
        await connection.send(post("/", *headers, "Content-Length: 1"), b"{")
        assert (await connection.answer()).status == 400

    calls = application.injector.get(Calls)
    await until(lambda: len(calls.seen) == 5)
    assert [call for call in calls.seen if call[0] == "exception"] == [("exception", "00-1")] * 3
    assert [call for call in calls.seen if call[0] == "terminate"] == [("terminate", "00-1")] * 2


async def test_trace_of_a_socket_is_the_trace_of_its_handshake(serve: Serve) -> None:
    application = await serve(Calls, modules=[bind(Tracing)], bundles=[Lines])
    calls = application.injector.get(Calls)

    async with client(application, headers={"traceparent": "00-1"}) as socket:
        assert (await socket.call("call"))["content"] == {"traceparent": "00-1"}
    await until(lambda: len(calls.seen) == 3)

    assert calls.seen == [("connected", "00-1"), ("request", "00-1"), ("terminate", "00-1")]
