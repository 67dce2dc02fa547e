"""Calls of a message: its id and its trace are sent, and errors become responses."""

import logging
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from typing import Literal

import pytest
from aiohttp import web

from bundles.autoload.remote import BusEnvironment, RemoteMethod
from rxkernel import Propagator, both
from rxkernel.kernel.serialization import SERIALIZER
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.autoload.remote.conftest import MethodOf, ServiceOf
from tests.bundles.autoload.remote.stub import Stub, running_stub

trace: ContextVar[str | None] = ContextVar("trace", default=None)


class TraceParent(Propagator):
    def extract(self, carrier: Mapping[str, str]) -> None:
        trace.set(carrier.get("traceparent"))

    def inject(self, carrier: MutableMapping[str, str]) -> None:
        if (current := trace.get()) is not None:
            carrier["traceparent"] = current


class Broken(Propagator):
    def inject(self, carrier: MutableMapping[str, str]) -> None:
        raise RuntimeError("no trace")


@pytest.fixture
def method(method_of: MethodOf, service_of: ServiceOf) -> RemoteMethod:
    environment = BusEnvironment(SERIALIZER, propagator=TraceParent())
    return method_of({"method": {"get": ""}}, service_of(environment))


@pytest.mark.parametrize("transport", ["http", "websocket"])
async def test_call_of_a_message_sends_its_id_and_trace(
    method: RemoteMethod, client_of: ClientOf, stub: Stub, transport: str
) -> None:
    class Site:
        @both("GET", "/", "index")
        async def index(self) -> object:
            return await method()

    client = client_of(Site, modules=[lambda binder: binder.bind(Propagator, to=TraceParent())])
    headers = {"traceparent": "00-ab-cd-01", "X-Request-ID": "given-1"}
    if transport == "http":
        await client.http("index", headers=headers)
    else:
        async with client.connection(headers=headers) as connection:
            await client.websocket("index", connection=connection)
    assert stub.last.headers["traceparent"] == "00-ab-cd-01"
    assert stub.last.headers["x-request-id"].startswith("given-1")


# T58
@pytest.mark.parametrize("transport", ["http", "websocket"])
async def test_message_with_a_failed_call_responds_without_details(
    method_of: MethodOf,
    service_of: ServiceOf,
    client_of: ClientOf,
    stub: Stub,
    transport: Literal["http", "websocket"],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log has the details, in one line."""
    method = method_of({"method": {"get": ""}}, service_of(circuit_breaker={"failures": 1}))

    class Site:
        @both("GET", "/", "index")
        async def index(self) -> object:
            return await method()

    stub.reply(500)
    client = client_of(Site)
    failed = await getattr(client, transport)("index")
    refused = await getattr(client, transport)("index")
    assert failed.content == {"statusCode": 502, "message": "Bad Gateway", "code": "remote_status"}
    assert refused.content == {
        "statusCode": 503,
        "message": "Service Unavailable",
        "code": "remote_unavailable",
    }
    (line,) = (text for text in caplog.messages if "status 500" in text)
    assert line.endswith("failed: 'bus.stub.call: the remote service responded with status 500'")
    assert refused.headers["Retry-After"] == "10"


async def test_call_outside_of_a_message_sends_no_id(method: RemoteMethod, stub: Stub) -> None:
    await method()
    assert "x-request-id" not in stub.last.headers


async def test_trace_with_a_line_break_is_not_sent(method: RemoteMethod, stub: Stub) -> None:
    token = trace.set("a\r\nX-Evil: 1")
    await method()
    trace.reset(token)
    assert not {"traceparent", "x-evil"} & stub.last.headers.keys()


async def test_trace_that_cannot_be_injected_is_logged(
    method_of: MethodOf, service_of: ServiceOf, stub: Stub, caplog: pytest.LogCaptureFixture
) -> None:
    environment = BusEnvironment(SERIALIZER, propagator=Broken())
    await method_of({"method": {"get": ""}}, service_of(environment))()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_redirect_to_another_origin_sends_no_trace(
    method_of: MethodOf, service_of: ServiceOf, stub: Stub
) -> None:
    environment = BusEnvironment(SERIALIZER, propagator=TraceParent())
    async with running_stub() as other:
        stub.reply(web.Response(status=302, headers={"Location": other.url}))
        service = service_of(environment, redirect_origins=[other.url])
        token = trace.set("00-ab-cd-01")
        await method_of({"method": {"get": ""}}, service)()
        trace.reset(token)
        assert stub.last.headers["traceparent"] == "00-ab-cd-01"
        assert "traceparent" not in other.last.headers
