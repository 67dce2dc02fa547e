"""The time at which context managers of a message are exited, with real clients."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import aiohttp
import pytest
from injector import Binder, ProviderOf, inject

from rxkernel import (
    ConflictException,
    ConnectionEvent,
    EventStreamResponse,
    Inject,
    Request,
    RxKernelError,
    ServerEvents,
    ServerSentEvent,
    StreamResponse,
    connection_scope,
    http,
    request_scope,
    websocket,
)
from tests.servers.conftest import Serve, http_url
from tests.servers.socketio_clients import client
from tests.waiting import until


class Session:
    def __init__(self) -> None:
        self.is_open = False


class Journal:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.may_commit = asyncio.Event()
        self.may_commit.set()
        self.commit_fails = False

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        session = Session()
        session.is_open = True
        self.lines.append("begin")
        try:
            yield session
        except BaseException as exc:
            self.lines.append(f"rollback for {type(exc).__name__}")
            raise
        else:
            await self.may_commit.wait()
            if self.commit_fails:
                raise ConflictException("changed meanwhile")
            self.lines.append("commit")
        finally:
            session.is_open = False

    def configure(self, binder: Binder) -> None:
        binder.bind(Session, to=self.session, scope=request_scope)  # type: ignore[arg-type]


class Orders:
    @http("POST", "/orders", "order_add", status_code=201)
    @websocket("order_add", status_code=201)
    async def add(self, session: Annotated[Session, Inject()], fails: bool = False) -> str:
        if fails:
            raise LookupError
        return "added"

    @http("GET", "/rows", "rows")
    async def rows(
        self, session: Annotated[Session, Inject()], request: Request, end: str = "well"
    ) -> StreamResponse:
        async def pieces() -> AsyncIterator[bytes]:
            for number in range(3):
                assert session.is_open
                yield f"{number}\n".encode()
            if end == "badly":
                raise LookupError
            if end == "never":
                await asyncio.Event().wait()

        return StreamResponse(pieces())

    @http("GET", "/news", "news")
    async def news(self, session: Annotated[Session, Inject()]) -> EventStreamResponse:
        async def events() -> AsyncIterator[ServerSentEvent]:
            while True:
                assert session.is_open
                yield ServerSentEvent(data="news")
                await asyncio.Event().wait()

        return EventStreamResponse(events())


async def test_response_is_sent_after_commit(
    serve: Serve, session: aiohttp.ClientSession, http_path: str
) -> None:
    journal = Journal()
    journal.may_commit.clear()
    application = await serve(Orders, modules=[journal.configure])

    asking = asyncio.create_task(session.post(http_url(application, "/orders")))
    await until(lambda: journal.lines == ["begin"])
    done, _ = await asyncio.wait({asking}, timeout=0)
    assert not done
    journal.may_commit.set()

    assert (await asking).status == 201
    assert journal.lines == ["begin", "commit"]


async def test_commit_that_fails_is_the_response(
    serve: Serve, session: aiohttp.ClientSession, http_path: str
) -> None:
    journal = Journal()
    journal.commit_fails = True
    application = await serve(Orders, modules=[journal.configure])

    async with session.post(http_url(application, "/orders")) as response:
        assert response.status == 409
        assert await response.json() == {"statusCode": 409, "message": "changed meanwhile"}


async def test_action_that_raises_is_rolled_back_before_its_response(
    serve: Serve, session: aiohttp.ClientSession, http_path: str
) -> None:
    journal = Journal()
    application = await serve(Orders, modules=[journal.configure])

    async with session.post(http_url(application, "/orders?fails=1")) as response:
        assert response.status == 500
        assert journal.lines == ["begin", "rollback for LookupError"]


async def test_commit_that_fails_is_the_acknowledgement(serve: Serve) -> None:
    journal = Journal()
    application = await serve(Orders, modules=[journal.configure])

    async with client(application) as connected:
        assert (await connected.call("order_add", {}))["statusCode"] == 201
        journal.commit_fails = True
        assert (await connected.call("order_add", {}))["statusCode"] == 409
        failed = await connected.call("order_add", {"params": {"fails": True}})
    assert failed["statusCode"] == 500
    assert journal.lines == ["begin", "commit", "begin", "begin", "rollback for LookupError"]


async def test_stream_keeps_its_managers_until_it_has_ended(
    serve: Serve, session: aiohttp.ClientSession, http_path: str
) -> None:
    journal = Journal()
    application = await serve(Orders, modules=[journal.configure])
    for _ in range(
        2
    ):  # the fast path hands the first stream over and leaves the second to aiohttp
        journal.lines.clear()
        async with session.get(http_url(application, "/rows")) as response:
            assert await response.text() == "0\n1\n2\n"
        await until(lambda: journal.lines == ["begin", "commit"])


async def test_head_request_of_stream_exits_managers(
    serve: Serve, session: aiohttp.ClientSession, http_path: str
) -> None:
    journal = Journal()
    application = await serve(Orders, modules=[journal.configure])

    async with session.head(http_url(application, "/rows")) as response:
        assert response.status == 200
    await until(lambda: journal.lines == ["begin", "commit"])


async def test_stream_whose_source_fails_is_rolled_back(
    serve: Serve, session: aiohttp.ClientSession, http_path: str
) -> None:
    journal = Journal()
    application = await serve(Orders, modules=[journal.configure])

    with pytest.raises(aiohttp.ClientError):
        async with session.get(http_url(application, "/rows?end=badly")) as response:
            await response.read()
    await until(lambda: journal.lines == ["begin", "rollback for LookupError"])


@pytest.mark.parametrize("path", ["/rows?end=never", "/news"])
async def test_stream_whose_client_disconnects_is_rolled_back(
    serve: Serve, session: aiohttp.ClientSession, http_path: str, path: str
) -> None:
    """The client has not received the whole response, so the transaction is rolled back."""
    journal = Journal()
    application = await serve(Orders, modules=[journal.configure])

    async with session.get(http_url(application, path)) as response:
        await response.content.readany()
        response.close()
    await until(lambda: journal.lines == ["begin", "rollback for CancelledError"])


async def test_client_disconnected_before_response_is_rolled_back(
    serve: Serve, session: aiohttp.ClientSession, http_path: str
) -> None:
    class Waiting:
        @http("GET", "/", "waiting")
        async def waiting(self, session: Annotated[Session, Inject()]) -> None:
            await asyncio.Event().wait()

    journal = Journal()
    application = await serve(Waiting, modules=[journal.configure], shutdown_timeout=0.1)
    asking = asyncio.create_task(session.get(http_url(application)))
    await until(lambda: journal.lines == ["begin"])

    await application.stop()

    assert journal.lines == ["begin", "rollback for CancelledError"]
    with pytest.raises(aiohttp.ClientError):
        await asking


class Seats:
    @websocket("sit")
    async def sit(self, session: Annotated[Session, Inject()]) -> bool:
        return session.is_open


async def test_manager_of_a_connection_is_exited_when_the_client_has_disconnected(
    serve: Serve,
) -> None:
    journal = Journal()

    def configure(binder: Binder) -> None:
        binder.bind(Session, to=journal.session, scope=connection_scope)  # type: ignore[arg-type]

    application = await serve(Seats, modules=[configure])

    async with client(application) as connected:
        for _ in range(2):
            assert (await connected.call("sit", {}))["content"] is True
        assert journal.lines == ["begin"]
    await until(lambda: journal.lines == ["begin", "commit"])


class Basket:
    def __init__(self) -> None:
        Late.made += 1


class Late:
    """Its actions start tasks that ask for a service once ``ended`` is set."""

    made = 0

    @inject
    def __init__(self, basket: ProviderOf[Basket]) -> None:
        self.basket = basket
        self.ended = asyncio.Event()
        self.tasks: list[asyncio.Task[Basket]] = []

    @http("GET", "/late", "late")
    @websocket("late")
    async def late(self) -> str:
        self.tasks.append(asyncio.create_task(self.later()))
        return "soon"

    async def later(self) -> Basket:
        await self.ended.wait()
        return self.basket.get()


@pytest.mark.parametrize("scope", [request_scope, connection_scope])
async def test_task_that_outlives_its_message_or_connection_cannot_open_a_service(
    serve: Serve, session: aiohttp.ClientSession, http_path: str, scope: Any
) -> None:
    """Nothing would close the service."""
    application = await serve(Late, modules=[lambda binder: binder.bind(Basket, scope=scope)])
    late = application.injector.get(Late)
    gone: list[str] = []

    async def left(event: ConnectionEvent) -> None:
        gone.append(event.connection.id)

    application.dispatcher.add_listener(ServerEvents.DISCONNECTED, left)
    async with client(application) as connected:
        assert (await connected.call("late"))["content"] == "soon"
    async with session.get(http_url(application, "/late")) as response:
        assert await response.text() == "soon"
    await until(lambda: gone)
    await application.stop()
    late.ended.set()

    for task in late.tasks:
        with pytest.raises(RxKernelError, match=r"has ended|there is no current connection"):
            await task
    assert (len(late.tasks), Late.made) == (2, 0)
