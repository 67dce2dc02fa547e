"""Procedures: definitions that only the transport of a bundle calls."""

from types import ModuleType
from typing import Any

import aiohttp
import attrs
import pytest

from rxkernel import (
    Application,
    Bundle,
    ConfigurationError,
    HttpMetadata,
    HttpSettings,
    KernelClient,
    KernelEvents,
    ProcedureDefinition,
    ProcedureMetadata,
    Request,
    RequestEvent,
    Settings,
    TerminateEvent,
    Transport,
    WebSocketMetadata,
    observe,
    procedure,
    websocket,
)

LINES = Transport("LINES")


class LinesBundle(Bundle):
    name = "lines"
    transports = (LINES,)


class Sums:
    @procedure("sums/add", LINES)
    async def add(self, a: int, b: int) -> int:
        """Adds."""
        return a + b

    @procedure("sums/fail", "LINES")
    async def fail(self, request: Request) -> None:
        raise RuntimeError("secret")


def application(*controllers: Any, **parts: Any) -> Application:
    return Application(bundles=[LinesBundle], controllers=controllers, **parts)


async def test_procedure_call_runs_listeners() -> None:
    seen: list[tuple[str, str | None]] = []

    class Counter:
        @observe(KernelEvents.KERNEL_REQUEST)
        async def count(self, event: RequestEvent) -> None:
            seen.append((event.request.transport, event.request.route_name))

    async with KernelClient(application(Sums, listeners=[Counter])) as client:
        response = await client.call(LINES, "sums/add", params={"a": 1, "b": 2})
        failed = await client.call("LINES", "sums/fail")
        unfit = await client.call("LINES", "sums/add", params={"a": "x"})

        definition = client.application.kernel.definitions[LINES]["sums/add"]

    assert (response.status_code, response.content) == (200, 3)
    assert failed.content == {"statusCode": 500, "message": "Internal Server Error"}
    assert unfit.status_code == 422
    assert seen == [("LINES", "sums/add"), ("LINES", "sums/fail"), ("LINES", "sums/add")]
    assert isinstance(definition, ProcedureDefinition)
    assert (definition.transport, definition.description) == (LINES, "Adds.")


async def test_event_whose_response_is_a_client_error_is_logged_and_terminated(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[int] = []

    class Counter:
        @observe(KernelEvents.KERNEL_TERMINATE)
        async def count(self, event: TerminateEvent) -> None:
            seen.append(event.response.status_code)

    app = application(Sums, listeners=[Counter()])
    async with KernelClient(app):
        definition = app.kernel.definitions[LINES]["sums/add"]
        for params in ({"a": 1, "b": 2}, {"a": 1}):
            await app.kernel.handle_event(definition, Request(LINES, params=params, url="sum"))

    assert seen == [200, 422]
    (line,) = caplog.messages
    assert "Sums.add failed for the event 'sum': 422 " in line


async def test_procedure_is_only_in_definitions_of_its_transport() -> None:
    """Socket.IO clients must not be able to call the procedures of a bundle."""
    async with application(Sums) as app:
        kernel = app.kernel
        assert len(kernel.http_definitions) == len(kernel.websocket_definitions) == 0
        assert not kernel.compiled.events
        assert [d.name for d in kernel.compiled.procedures] == ["sums/add", "sums/fail"]
        assert list(kernel.definitions) == ["HTTP", "SOCKET", "LINES"]


async def test_same_procedure_name_on_two_transports_is_accepted() -> None:
    class Other(Bundle):
        name = "other"
        transports = (Transport("OTHER"),)

    class Both:
        @procedure("ping", "LINES")
        @procedure("ping", "OTHER")
        async def ping(self, request: Request) -> str:
            return request.transport

    app = Application(bundles=[LinesBundle, Other], controllers=[Both])
    async with KernelClient(app) as client:
        answers = [(await client.call(t, "ping")).content for t in ("LINES", "OTHER")]

    assert answers == ["LINES", "OTHER"]


async def problems_of(app: Application) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        await app.boot()
    return caught.value.problems


async def test_procedure_of_unserved_transport_raises() -> None:
    class Controller:
        @procedure("one", "LINSE")
        async def one(self, request: Request) -> None: ...

        @procedure("two", "METACOM")
        async def two(self, request: Request) -> None: ...

    one, two = await problems_of(application(Controller))

    assert "procedure 'one'" in one
    assert "Controller.one) has the transport 'LINSE', which no enabled bundle serves (" in one
    assert one.endswith("did you mean 'LINES'?")
    assert "serves (they serve LINES); enable the bundle of this transport, or write" in two
    assert "transports = (Transport('METACOM'),) in the class of the bundle" in two
    (alone,) = await problems_of(Application(controllers=[type("C", (), {"one": Controller.two})]))
    assert "which no enabled bundle serves; enable the bundle" in alone


@pytest.mark.parametrize(
    ("transport", "message"),
    [
        ("HTTP", "which is not one of a bundle; use @http"),
        (Transport.SOCKET, "which is not one of a bundle; use @websocket"),
        ("lines", "it must be a Transport, or its name in capital letters"),
        (None, "it must be a Transport, or its name in capital letters"),
    ],
)
def test_procedure_invalid_transport_raises(transport: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ProcedureMetadata(Sums, "x", "add", transport)


async def test_procedure_duplicate_name_raises_with_both_places() -> None:
    class Again(Sums): ...

    problems = await problems_of(application(Sums, Again))

    assert any("'LINES:sums/add' is used twice" in p and "Again.add" in p for p in problems)


async def test_procedure_over_socket_io_is_unknown_event() -> None:
    """An event with the name of the procedure is unknown (404)."""

    class Known:
        @websocket("known")
        async def known(self, request: Request) -> None: ...

    app = application(Sums, Known, settings=Settings(http=HttpSettings(port=0)))
    await app.start()
    try:
        url = f"{app.servers['socketio'].url}/socket.io/?EIO=4&transport=websocket"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            await socket.receive_str()
            await socket.send_str("40")
            await socket.receive_str()
            await socket.send_str('420["sums/add",{"params":{"a":1,"b":2}}]')
            answer = await socket.receive_str()
    finally:
        await app.stop()

    assert '"statusCode":404' in answer


@attrs.define
class Unhashable:
    word: str

    async def say(self, request: Request) -> str:
        return self.word

    __hash__ = None  # type: ignore[assignment]


async def plain(id: int) -> int:
    """A function without a class."""
    return id + 1


async def test_metadata_of_an_instance_a_module_or_a_callable_is_served() -> None:
    module = ModuleType("orders")

    async def show(id: int) -> dict[str, int]:
        return {"id": id}

    module.show = show  # type: ignore[attr-defined]
    instance = Unhashable("hello")
    app = application()
    app.http_metadata_storage.add(HttpMetadata(module, "show", "/orders/{id:int}", "GET", "show"))
    app.http_metadata_storage.add(HttpMetadata(module, "plain", "/p/{id:int}", "GET", plain))
    app.websocket_metadata_storage.add(WebSocketMetadata(instance, "say", action="say"))
    app.procedure_metadata_storage.add(
        ProcedureMetadata(instance, "lambda", lambda request: "made", LINES)
    )
    async with KernelClient(app) as client:
        assert (await client.http("show", params={"id": 7})).content == {"id": 7}
        assert (await client.http("plain", params={"id": 7})).content == 8
        assert (await client.websocket("say")).content == "hello"
        assert (await client.call(LINES, "lambda")).content == "made"
        definitions = client.application.kernel.http_definitions
        assert definitions["plain"].description == "A function without a class."
        assert definitions["plain"].metadata.place == f"{__name__}.plain"
        assert definitions["show"].metadata.place == "orders.show"


async def test_instances_and_modules_are_controllers() -> None:
    class Words:
        def __init__(self, word: str) -> None:
            self.word = word

        @procedure("say", LINES)
        async def say(self, request: Request) -> str:
            return self.word

        @observe(KernelEvents.KERNEL_REQUEST)
        async def heard(self, event: RequestEvent) -> None:
            self.word += "!"

    async with KernelClient(application(Words("hi"))) as client:
        assert (await client.call(LINES, "say")).content == "hi!"


async def test_missing_member_of_a_module_is_reported_with_its_place() -> None:
    module = ModuleType("orders")
    app = application()
    app.http_metadata_storage.add(HttpMetadata(module, "show", "/", "GET", "shwo"))

    (problem,) = await problems_of(app)

    assert "orders.shwo) has no such method" in problem
