"""Scopes: one instance per message, or per connection."""

import asyncio
import itertools
import threading
from typing import Annotated

import pytest
from injector import Binder, ProviderOf, inject, singleton

from rxkernel import (
    Application,
    ConfigurationError,
    ConnectionEvent,
    Inject,
    Request,
    ServerEvents,
    Settings,
    connection_scope,
    http,
    observe,
    request_scope,
    websocket,
)
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.scopes import current_request
from rxkernel.pytest_plugin import ClientOf
from tests.waiting import until

NUMBERS = itertools.count(1)
CLOSED: list[str] = []


class UnitOfWork:
    def __init__(self) -> None:
        self.number = next(NUMBERS)

    async def aclose(self) -> None:
        CLOSED.append(f"work {self.number}")


class Seat:
    def __init__(self) -> None:
        self.number = next(NUMBERS)

    def close(self) -> None:
        CLOSED.append(f"seat {self.number}")


class Controller:
    @inject
    def __init__(self, work: ProviderOf[UnitOfWork], seat: ProviderOf[Seat]) -> None:
        self.work = work
        self.seat = seat

    @http("GET", "/", "both")
    async def both(self, request: Request) -> bool:
        return self.work.get() is self.work.get()

    @http("GET", "/number", "number")
    def number(self, request: Request) -> int:
        return self.work.get().number

    @websocket("seat")
    async def sit(self, request: Request) -> int:
        return self.seat.get().number


def configure(binder: Binder) -> None:
    binder.bind(UnitOfWork, scope=request_scope)
    binder.bind(Seat, scope=connection_scope)


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    CLOSED.clear()


async def test_request_service_is_built_once_per_message_and_closed(client_of: ClientOf) -> None:
    """Also in a plain def, which runs in a thread with the context of the message."""
    client = client_of(Controller, modules=[configure])

    assert (await client.http("both")).content is True
    assert len(CLOSED) == 1
    first = (await client.http("number")).content
    second = (await client.http("number")).content

    assert first != second
    assert CLOSED[1:] == [f"work {first}", f"work {second}"]


async def test_handler_called_directly_closes_request_scope(client_of: ClientOf) -> None:
    client = client_of(Controller, modules=[configure])
    await client.application.boot()

    await client.application.kernel.http_definitions["both"].handler(Request("HTTP"))

    assert len(CLOSED) == 1


async def test_handler_with_timeout_closes_request_scope(client_of: ClientOf) -> None:
    settings = Settings(request_timeout=20)
    client = client_of(
        Application(controllers=[Controller], modules=[configure], settings=settings)
    )
    await client.application.boot()

    await client.application.kernel.http_definitions["both"].handler(Request("HTTP"))

    assert len(CLOSED) == 1


async def test_current_request_is_the_request_of_the_innermost_handler(
    client_of: ClientOf,
) -> None:
    """A transport may have set the current request already."""
    outer, inner = Request("HTTP"), Request("HTTP")
    seen: list[Request | None] = []

    class Nested:
        @http("GET", "/outer", "outer")
        async def outer(self, request: Request) -> None:
            seen.append(current_request.get())
            await kernel.http_definitions["inner"].handler(inner)
            seen.append(current_request.get())

        @http("GET", "/inner", "inner")
        async def inner(self, request: Request) -> None:
            seen.append(current_request.get())

    client = client_of(Nested)
    await client.application.boot()
    kernel = client.application.kernel
    handler = kernel.http_definitions["outer"].handler

    await handler(outer)
    assert seen == [outer, inner, outer]
    assert current_request.get() is None

    current_request.set(outer)
    await handler(outer)
    assert seen == [outer, inner, outer] * 2
    assert current_request.get() is outer


async def test_connection_service_is_built_once_per_connection_and_closed(
    client_of: ClientOf,
) -> None:
    seats = []

    class Listener:
        @inject
        def __init__(self, seat: ProviderOf[Seat]) -> None:
            self.seat = seat

        @observe(ServerEvents.CONNECTED)
        @observe(ServerEvents.DISCONNECTED)
        async def note(self, event: ConnectionEvent) -> None:
            seats.append(self.seat.get().number)

    client = client_of(Controller, modules=[configure], listeners=[Listener])
    async with client.connection() as one, client.connection() as other:
        mine = (await client.websocket("seat", connection=one)).content
        assert (await client.websocket("seat", connection=one)).content == mine
        assert (await client.websocket("seat", connection=other)).content != mine
        assert CLOSED == []

    assert seats[0] == seats[-1] == mine
    assert CLOSED[-1] == f"seat {mine}"
    assert len(CLOSED) == 2


async def test_service_that_raises_on_close_is_logged(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(UnitOfWork):
        async def aclose(self) -> None:
            raise RuntimeError("cannot close")

    def bind(binder: Binder) -> None:
        configure(binder)
        binder.bind(UnitOfWork, to=Broken, scope=request_scope)

    response = await client_of(Controller, modules=[bind]).http("both")

    assert response.status_code == 200
    assert "cannot close" in caplog.text


async def test_singleton_with_scoped_service_raises_with_hint(
    client_of: ClientOf,
) -> None:
    class Eager:
        @inject
        def __init__(self, work: UnitOfWork) -> None: ...

    def bind(binder: Binder) -> None:
        configure(binder)
        binder.bind(Eager, scope=singleton)

    with pytest.raises(
        ConfigurationError, match=r"UnitOfWork exists only during a message.*Provid"
    ):
        await client_of(Controller, modules=[bind]).application.boot()


class Threaded:
    def __init__(self) -> None:
        self.began = threading.Event()
        self.released = threading.Event()
        self.found_closed: list[bool] = []

    @http("GET", "/thread", "thread")
    def thread(self, work: Annotated[UnitOfWork, Inject()]) -> None:
        self.began.set()
        self.released.wait(20)
        self.found_closed.append(bool(CLOSED))
        raise LookupError("raised by the thread")


async def _cancel_request(kernel: Kernel, controller: Threaded) -> None:
    request = Request("HTTP")
    answering = asyncio.create_task(kernel.answer(kernel.http_definitions["thread"], request))
    await until(controller.began.is_set)
    answering.cancel()
    await asyncio.wait({answering})
    kernel.terminate(request, None)


async def test_services_of_thread_are_closed_after_it(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    """An exception of the thread after its request has ended is logged."""
    client = client_of(Threaded, modules=[configure])
    injector = await client.application.boot()
    controller, kernel = injector.get(Threaded), client.application.kernel

    await _cancel_request(kernel, controller)
    settling = asyncio.create_task(kernel.drain())
    await asyncio.sleep(0)
    assert CLOSED == []
    controller.released.set()
    await settling

    assert controller.found_closed == [False]
    assert len(CLOSED) == 1
    assert "raised by the thread" in caplog.text


async def test_shutdown_waits_for_thread_up_to_timeout(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(shutdown_timeout=0.01)
    client = client_of(Threaded, modules=[configure], settings=settings)
    controller = (await client.application.boot()).get(Threaded)

    await _cancel_request(client.application.kernel, controller)
    await client.close()

    assert controller.found_closed == []
    assert len(CLOSED) == 1
    assert "took too long" in caplog.text
    controller.released.set()
    await until(lambda: controller.found_closed)


async def test_thread_past_timeout_keeps_services(client_of: ClientOf) -> None:
    settings = Settings(request_timeout=0.3)
    client = client_of(Threaded, modules=[configure], settings=settings)
    controller = (await client.application.boot()).get(Threaded)
    loop = asyncio.get_running_loop()
    loop.call_later(0.6, controller.released.set)

    assert (await client.http("thread")).status_code == 503
    assert controller.found_closed == [False]
    assert len(CLOSED) == 1
