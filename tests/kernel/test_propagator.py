"""Trace context of the headers, kept in the context of the message before its first listener."""

from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any

import pytest
from injector import Binder, inject

from rxkernel import (
    Application,
    ConfigurationError,
    ConnectionEvent,
    ExceptionEvent,
    HttpSettings,
    KernelClient,
    KernelEvents,
    Propagator,
    Request,
    RequestEvent,
    ServerEvents,
    Settings,
    TerminateEvent,
    http,
    observe,
    procedure,
    websocket,
)
from tests.context_probe import LINES, Lines

trace: ContextVar[str | None] = ContextVar("trace", default=None)


class Tracing(Propagator):
    def extract(self, carrier: Mapping[str, str]) -> None:
        if "TraceParent" in carrier:
            trace.set(carrier["TRACEPARENT"])

    def inject(self, carrier: MutableMapping[str, str]) -> None:
        if (current := trace.get()) is not None:
            carrier["traceparent"] = current


class Failing(Tracing):
    def extract(self, carrier: Mapping[str, str]) -> None:
        raise ValueError("on purpose")


class Calls:
    """Passes the trace context on; ``seen`` is the context that its listeners saw."""

    @inject
    def __init__(self, propagator: Propagator) -> None:
        self.propagator = propagator
        self.seen: list[tuple[str, str | None]] = []

    @http("GET", "/", "call")
    @http("POST", "/", "call_with_body")
    @websocket("call")
    @procedure("call", LINES)
    async def call(self, request: Request) -> dict[str, str]:
        carrier: dict[str, str] = {}
        self.propagator.inject(carrier)
        return carrier

    @observe(KernelEvents.KERNEL_REQUEST)
    async def begin(self, event: RequestEvent) -> None:
        self.seen.append(("request", trace.get()))

    @observe(KernelEvents.KERNEL_EXCEPTION)
    async def fail(self, event: ExceptionEvent) -> None:
        self.seen.append(("exception", trace.get()))

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def end(self, event: TerminateEvent) -> None:
        self.seen.append(("terminate", trace.get()))

    @observe(ServerEvents.CONNECTED)
    async def connect(self, event: ConnectionEvent) -> None:
        self.seen.append(("connected", trace.get()))


def bind(propagator: Any) -> Any:
    def configure(binder: Binder) -> None:
        binder.bind(Propagator, to=propagator)

    return configure


def application(propagator: Any, **settings: Any) -> Application:
    return Application(
        controllers=[Calls],
        bundles=[Lines],
        modules=[bind(propagator)],
        settings=Settings(http=HttpSettings(port=0, **settings)),
    )


async def test_trace_of_a_message_is_in_its_context_on_each_transport() -> None:
    headers = {"traceparent": "00-1"}
    async with KernelClient(application(Tracing)) as client:
        async with client.connection(headers=headers) as connection:
            answers = [
                await client.http("call", headers=headers),
                await client.websocket("call", connection=connection),
                await client.call(LINES, "call", headers=headers),
            ]
        assert [answer.content for answer in answers] == [{"traceparent": "00-1"}] * 3
        assert (await client.http("call")).content == {}
        seen = client.application.injector.get(Calls).seen

    message = [("request", "00-1"), ("terminate", "00-1")]
    assert seen == [("connected", "00-1"), *message * 3, ("request", None), ("terminate", None)]
    assert trace.get() is None


async def test_trace_of_rejected_message_is_in_exception_listeners() -> None:
    headers = {"traceparent": "00-1", "Content-Type": "application/json"}
    async with KernelClient(application(Tracing)) as client:
        await client.http("call_with_body", headers=headers, body=b"{")
        seen = client.application.injector.get(Calls).seen
        assert seen == [("exception", "00-1"), ("terminate", "00-1")]


async def test_propagator_that_raises_is_logged_and_message_handled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with KernelClient(application(Failing)) as client:
        assert (await client.http("call")).content == {}

    (record,) = caplog.records
    assert record.getMessage().endswith("Failing.extract failed")


async def test_default_propagator_adds_no_call() -> None:
    async with KernelClient(Application(controllers=[Calls], bundles=[Lines])) as client:
        assert (await client.http("call", headers={"traceparent": "00-1"})).content == {}
        assert client.application.kernel.extract is None


class Foreign:
    """Has the methods but does not derive from `Propagator`, like a class of OpenTelemetry."""

    def extract(self, carrier: Mapping[str, str]) -> object:
        return object()

    def inject(self, carrier: MutableMapping[str, str]) -> None: ...


class Asynchronous(Propagator):
    async def extract(self, carrier: Mapping[str, str]) -> None: ...  # type: ignore[override]


@pytest.mark.parametrize(
    ("propagator", "message"),
    [
        (Foreign(), "Propagator is bound to a Foreign, which is not a subclass of it"),
        (Asynchronous(), "Asynchronous.extract is async, and nothing awaits it"),
    ],
)
async def test_propagator_invalid_raises_at_boot(propagator: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        await application(propagator).boot()
