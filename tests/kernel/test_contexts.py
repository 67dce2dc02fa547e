"""One context per message, in `KernelClient` as in a server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar, copy_context

import pytest
import pytest_asyncio

from rxkernel import (
    ConnectionEvent,
    KernelClient,
    Request,
    Response,
    ServerEvents,
    StreamResponse,
    http,
    observe,
    websocket,
)
from rxkernel.kernel.contexts import context_of, current_context
from rxkernel.pytest_plugin import ClientOf
from tests.context_probe import FAILED, LINES, PHASES, Probe, application, step, user

Call = Callable[[str, str], Awaitable[Response]]

TRANSPORTS = ["http", "websocket", "procedure"]


@pytest.fixture
def probe() -> Probe:
    return Probe()


@pytest_asyncio.fixture
async def client(probe: Probe) -> AsyncIterator[KernelClient]:
    async with KernelClient(application(probe)) as client:
        yield client


@pytest.fixture(params=TRANSPORTS)
def call(client: KernelClient, request: pytest.FixtureRequest) -> Call:
    """``await call(route, name)`` over one transport."""

    async def over_http(route: str, name: str) -> Response:
        return await client.http(route, params={"name": name})

    async def over_websocket(route: str, name: str) -> Response:
        return await client.websocket(route, params={"name": name})

    async def over_lines(route: str, name: str) -> Response:
        return await client.call(LINES, route, params={"name": name})

    return {"http": over_http, "websocket": over_websocket, "procedure": over_lines}[request.param]


async def test_context_of_a_message_lasts_from_first_listener_to_its_services(
    call: Call, probe: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    """``ContextVar.reset`` in a terminate listener and in ``aclose`` raises for another context,
    also in a copy; exceptions there are logged."""
    response = await call("steps", "ann")

    assert response.content == "ann"
    assert probe.seen["ann"] == [(phase, "ann") for phase in PHASES]
    assert not caplog.records


async def test_context_of_a_failed_message_reaches_the_exception_listeners(
    call: Call, probe: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await call("fails", "ann")).status_code == 409

    assert probe.seen["ann"] == [(phase, "ann") for phase in FAILED]
    assert not caplog.records


async def test_contexts_of_two_messages_are_separate(call: Call, probe: Probe) -> None:
    user.set("test")

    await call("steps", "ann")
    await call("steps", "bob")
    await asyncio.gather(*(call("steps", name) for name in ("cid", "dot")))

    assert probe.before == dict.fromkeys(("ann", "bob", "cid", "dot"), "test")
    assert all(probe.values(name) == {name} for name in probe.before)
    assert (user.get(), step.get()) == ("test", "none")


class Pieces:
    def __init__(self) -> None:
        self.closed = ""

    @http("GET", "/pieces", "pieces")
    async def pieces(self, request: Request) -> StreamResponse:
        user.set("ann")
        return StreamResponse(self._pieces())

    async def _pieces(self) -> AsyncIterator[str]:
        token = step.set("streaming")
        try:
            yield user.get()
            yield step.get()
        finally:
            step.reset(token)
            self.closed = user.get()


async def test_stream_is_read_in_the_context_of_its_message(client_of: ClientOf) -> None:
    response = await client_of(Pieces).http("pieces")

    assert [piece async for piece in response.content] == ["ann", "streaming"]
    assert (user.get(), step.get()) == ("nobody", "none")


async def test_stream_that_is_closed_early_is_closed_in_the_context_of_its_message(
    client_of: ClientOf,
) -> None:
    client = client_of(Pieces)
    response = await client.http("pieces")

    assert await anext(response.content) == "ann"
    await response.content.aclose()

    assert client.application.injector.get(Pieces).closed == "ann"


async def test_connection_listeners_share_a_context_that_events_do_not_see(
    client_of: ClientOf,
) -> None:
    room: ContextVar[str] = ContextVar("room", default="none")
    seen: list[str] = []

    class Door:
        @observe(ServerEvents.CONNECTED)
        async def came(self, event: ConnectionEvent) -> None:
            event.connection.attributes["token"] = room.set("lobby")

        @observe(ServerEvents.DISCONNECTED)
        async def left(self, event: ConnectionEvent) -> None:
            seen.append(room.get())
            room.reset(event.connection.attributes["token"])

    class Rooms:
        @websocket("room")
        async def room(self, request: Request) -> str:
            return room.get()

    client = client_of(Rooms, listeners=[Door])
    async with client.connection() as connection:
        inside = await client.websocket("room", connection=connection)

    assert (inside.content, seen, room.get()) == ("none", ["lobby"], "none")


async def test_cancelled_call_cancels_its_message(client_of: ClientOf) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    class Waits:
        @websocket("waits")
        async def wait(self, request: Request) -> None:
            started.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.set()
                raise

    call = asyncio.ensure_future(client_of(Waits).websocket("waits"))
    await started.wait()
    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call
    assert cancelled.is_set()


async def test_context_of_a_task_is_the_context_that_it_runs_in() -> None:
    """Python 3.11 has no public API for the context of a task; this tests `context_of`."""
    context = copy_context()
    found = []

    async def work() -> None:
        user.set("worker")
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(lambda _: None)  # a task keeps the context of a callback too
        found.append(current_context())
        await asyncio.sleep(0)
        found.append(current_context())

    task = asyncio.create_task(work(), context=context)
    await task

    assert found[0] is found[1] is context_of(task) is context
    assert context[user] == "worker"


async def test_current_context_outside_a_task_is_a_copy() -> None:
    found = asyncio.get_running_loop().create_future()
    user.set("caller")
    asyncio.get_running_loop().call_soon(lambda: found.set_result(current_context()))

    assert (await found)[user] == "caller"
