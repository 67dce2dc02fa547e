"""Context managers in `connection_scope` run in the context of their connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Annotated

import pytest
from injector import Binder, inject

from rxkernel import Connection, Inject, connection_scope, websocket
from rxkernel.pytest_plugin import ClientOf
from tests.servers.conftest import Serve
from tests.servers.socketio_clients import client
from tests.waiting import until

seat: ContextVar[str] = ContextVar("seat", default="none")
tab: ContextVar[str] = ContextVar("tab", default="none")


class Seat:
    """The service that the first manager yields."""


class Tab:
    """The service that the second manager yields; it depends on `Seat`."""


class Cafe:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.opening = asyncio.Event()
        self.opening.set()

    @inject
    @asynccontextmanager
    async def seat(self, connection: Connection) -> AsyncIterator[Seat]:
        token = seat.set(connection.namespace)
        await self.opening.wait()
        yield Seat()
        seat.reset(token)
        self.lines.append("seat left")

    @inject
    @asynccontextmanager
    async def tab(self, seat_of_it: Seat, connection: Connection) -> AsyncIterator[Tab]:
        token = tab.set(seat.get())
        yield Tab()
        self.lines.append(f"tab of {tab.get()} left")
        tab.reset(token)

    def configure(self, binder: Binder) -> None:
        binder.bind(Seat, to=self.seat, scope=connection_scope)  # type: ignore[arg-type]
        binder.bind(Tab, to=self.tab, scope=connection_scope)  # type: ignore[arg-type]


class Guests:
    @websocket("order")
    async def order(self, its: Annotated[Tab, Inject()]) -> str:
        return seat.get()

    @websocket("sit")
    async def sit(self, its: Annotated[Seat, Inject()]) -> str:
        return seat.get()


LEFT = ["tab of / left", "seat left"]


async def test_manager_of_connection_in_process_can_reset_its_context_variable(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    """The variable that it sets is visible to the connection, not to its events."""
    cafe = Cafe()
    tested = client_of(Guests, modules=[cafe.configure])

    async with tested.connection() as connection:
        answers = [await tested.websocket("order", connection=connection) for _ in range(2)]

    assert [answer.content for answer in answers] == ["none", "none"]
    assert cafe.lines == LEFT
    assert not caplog.records


async def test_manager_of_connection_over_socket_can_reset_its_context_variable(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    cafe = Cafe()
    application = await serve(Guests, modules=[cafe.configure])

    async with client(application) as connected:
        assert (await connected.call("order", {}))["content"] == "none"
    await until(lambda: cafe.lines == LEFT)
    assert not caplog.records


async def test_concurrent_events_of_a_connection_share_its_managers(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    cafe = Cafe()
    cafe.opening.clear()
    tested = client_of(Guests, modules=[cafe.configure])

    async with tested.connection() as connection:
        names = ("order", "sit", "order", "sit")
        asked = [
            asyncio.create_task(tested.websocket(name, connection=connection)) for name in names
        ]
        await asyncio.wait(asked, timeout=0)
        cafe.opening.set()
        assert [answer.status_code for answer in await asyncio.gather(*asked)] == [200] * 4

    assert cafe.lines == LEFT
    assert not caplog.records


@pytest.mark.parametrize("kind", [RuntimeError, asyncio.CancelledError, SystemExit])
@pytest.mark.parametrize("is_in_process", [True, False], ids=["in process", "over sockets"])
async def test_manager_that_fails_when_a_connection_ends_is_logged_and_others_are_exited(
    client_of: ClientOf,
    serve: Serve,
    caplog: pytest.LogCaptureFixture,
    kind: type[BaseException],
    is_in_process: bool,
) -> None:
    """Its CancelledError does not cancel the task that closes the connection."""
    cafe = Cafe()

    @inject
    @asynccontextmanager
    async def failing(its: Seat) -> AsyncIterator[Tab]:
        yield Tab()
        raise kind("stuck")

    def configure(binder: Binder) -> None:
        binder.bind(Seat, to=cafe.seat, scope=connection_scope)  # type: ignore[arg-type]
        binder.bind(Tab, to=failing, scope=connection_scope)  # type: ignore[arg-type]

    if is_in_process:
        tested = client_of(Guests, modules=[configure])
        async with tested.connection() as connection:
            await tested.websocket("order", connection=connection)
    else:
        async with client(await serve(Guests, modules=[configure])) as connected:
            await connected.call("order", {})

    await until(lambda: "a context manager failed when it was exited" in caplog.text)
    assert "stuck" in caplog.text
    assert not cafe.lines  # exited with the failure
