"""Clients, namespaces and events do not affect each other."""

import asyncio
import json
from contextvars import ContextVar
from typing import Any

import aiohttp
import pytest
from injector import Binder, ProviderOf, inject

from rxkernel import (
    Connection,
    ConnectionEvent,
    Request,
    ServerEvents,
    connection_scope,
    observe,
    websocket,
)
from tests.servers.conftest import Serve
from tests.servers.hostile import Client
from tests.servers.socketio.clients import (
    connected,
    only_connection,
    only_session,
    opened,
    over_each_transport,
)
from tests.servers.socketio_clients import RawSocket
from tests.waiting import until

user: ContextVar[str | None] = ContextVar("user", default=None)


async def contents(client: Client, count: int) -> dict[str, Any]:
    """The contents of *count* acknowledgements, by their packet head."""
    found: dict[str, Any] = {}
    async with asyncio.timeout(20):
        while len(found) < count:
            for packet in str(await client.receive()).split("\x1e"):
                head, bracket, payload = packet.partition("[")
                assert head.startswith("43"), packet
                found[head] = json.loads(bracket + payload)[0]["content"]
    return found


class Users:
    def __init__(self) -> None:
        self.open = asyncio.Event()

    @websocket("login")
    async def login(self, request: Request) -> str | None:
        before = user.get()
        user.set(request.body)
        await self.open.wait()
        return before

    @websocket("who")
    async def who(self, request: Request) -> str | None:
        return user.get()

    @websocket("who", namespace="/admin")
    async def who_is_admin(self, request: Request) -> str | None:
        return user.get()


class TestContextVariables:
    @over_each_transport
    @pytest.mark.parametrize("concurrency", [1, 2, 32])
    async def test_context_variables_set_by_action_are_not_visible_to_other_events(
        self, serve: Serve, transport: str, concurrency: int
    ) -> None:
        """Also not to a waiting event, whose task starts when another event ends."""
        application = await serve(Users, socketio={"concurrency": concurrency})
        users = application.injector.get(Users)

        async with connected(application, transport) as client:
            await client.send(
                '420["login","root"]', '421["login","eve"]', '422["who"]', '423["who"]'
            )
            queue = only_connection(application).event_queue
            if concurrency < 4:
                await until(lambda: queue.waiting == 4 - concurrency)
            users.open.set()
            assert await contents(client, 4) == dict.fromkeys(("430", "431", "432", "433"))
            await client.send('424["who"]', "40/admin,", '42/admin,5["who"]')
            assert await contents_around_connect(client) == {"434": None, "43/admin,5": None}

    @over_each_transport
    async def test_context_variables_set_in_connected_are_not_visible_to_events(
        self, serve: Serve, transport: str
    ) -> None:
        """Neither in this namespace nor in another; use `Connection.attributes` for that."""

        class Door:
            @observe(ServerEvents.CONNECTED)
            async def came(self, event: ConnectionEvent) -> None:
                user.set(f"{user.get()}, {event.connection.namespace}")
                seen.append(user.get())

        seen: list[str | None] = []
        application = await serve(Users, listeners=[Door])

        for _ in range(2):
            async with connected(application, transport) as client:
                await client.send('420["who"]')
                assert await contents(client, 1) == {"430": None}
                await client.send("40/admin,", '421["who"]', '42/admin,2["who"]')
                answers = await contents_around_connect(client)
                assert answers == {"431": None, "43/admin,2": None}

        assert seen == ["None, /", "None, /admin"] * 2


async def contents_around_connect(client: Client) -> dict[str, Any]:
    """Return the acknowledgements of an event before and one after a CONNECT to ``/admin``."""
    found: dict[str, Any] = {}
    async with asyncio.timeout(20):
        while len(found) < 2:
            for packet in str(await client.receive()).split("\x1e"):
                head, bracket, payload = packet.partition("[")
                if not head.startswith("40/admin,"):
                    found[head] = json.loads(bracket + payload)[0]["content"]
    return found


@over_each_transport
async def test_disconnect_of_other_client_in_connected_keeps_services(
    serve: Serve, transport: str
) -> None:
    """One login at a time: the listeners of DISCONNECTED of the other client run meanwhile."""

    class Account:
        def __init__(self) -> None:
            self.owner = ""
            self.closed_for: list[str] = []

        async def aclose(self) -> None:
            self.closed_for.append(self.owner)

    class OneLogin:
        @inject
        def __init__(self, account: ProviderOf[Account]) -> None:
            self.account = account
            self.live: Connection | None = None
            self.came: list[tuple[str, Account, Account]] = []
            self.left: list[tuple[str, Account]] = []

        @observe(ServerEvents.CONNECTED)
        async def come(self, event: ConnectionEvent) -> None:
            before = self.account.get()
            before.owner = event.connection.id
            if self.live is not None:
                await self.live.disconnect()
            self.live = event.connection
            self.came.append((event.connection.id, before, self.account.get()))

        @observe(ServerEvents.DISCONNECTED)
        async def leave(self, event: ConnectionEvent) -> None:
            self.left.append((event.connection.id, self.account.get()))

    class Owner:
        @inject
        def __init__(self, account: ProviderOf[Account]) -> None:
            self.account = account

        @websocket("owner")
        async def owner(self, request: Request) -> str:
            return self.account.get().owner

    def configure(binder: Binder) -> None:
        binder.bind(Account, scope=connection_scope)

    application = await serve(Owner, listeners=[OneLogin], modules=[configure])
    logins = application.injector.get(OneLogin)

    async with (
        connected(application, transport) as first,
        connected(application, transport) as second,
    ):
        assert await first.receive() == "41"
        await second.send('421["owner"]')
        assert await contents(second, 1) == {"431": logins.came[1][0]}
        await second.send("41")
        await until(lambda: len(logins.left) == 2)

    for (came, before, after), (left, at_last) in zip(logins.came, logins.left, strict=True):
        assert came == left
        assert before is after is at_last
        await until(lambda account=before: account.closed_for)  # type: ignore[misc]
        assert before.closed_for == [came]


@over_each_transport
async def test_request_headers_are_read_only(serve: Serve, transport: str) -> None:
    """All events share the headers of the handshake, so later events would see a change."""

    class Forging:
        @websocket("forge")
        async def forge(self, request: Request) -> str | None:
            with pytest.raises(TypeError):
                request.headers["X-User"] = "root"  # type: ignore[index]
            return request.headers.get("X-User")

    application = await serve(Forging)

    async with connected(application, transport) as client:
        await client.send('420["forge"]', '421["forge"]')
        assert await contents(client, 2) == {"430": None, "431": None}
        assert "X-User" not in only_connection(application).headers


class TestCredentialsOfTheHandshake:
    """Cross-site WebSocket hijacking: a browser sends cookies with a websocket to any site."""

    @pytest.mark.parametrize(
        ("http", "origin", "are_kept"),
        [
            ({}, None, True),
            ({}, "own", True),
            ({"origins": ("*",)}, None, True),
            ({"origins": ("*",)}, "own", True),
            ({"origins": ("*",)}, "https://evil.example", False),
            ({"origins": ("*",)}, "null", False),
            ({"origins": ("https://partner.example",)}, "https://partner.example", False),
            (
                {"origins": ("https://partner.example",), "allow_credentials": True},
                "https://partner.example",
                True,
            ),
        ],
    )
    @over_each_transport
    async def test_credentials_of_foreign_origin_are_removed_unless_allowed(
        self,
        serve: Serve,
        http: dict[str, Any],
        origin: str | None,
        are_kept: bool,
        transport: str,
    ) -> None:
        application = await serve(Users, http=http)
        url = str(application.servers["socketio"].url)
        headers = {"Cookie": "session=1", "Authorization": "Bearer 1", "X-Other": "kept"}
        if origin is not None:
            headers["Origin"] = url if origin == "own" else origin

        async with aiohttp.ClientSession(headers=headers) as session:
            address = f"{url}/socket.io/?EIO=4&transport={transport}"
            if transport == "websocket":
                async with session.ws_connect(address) as socket:
                    raw = RawSocket(socket)
                    await raw.receive()
                    await raw.send("40")
                    assert str(await raw.receive()).startswith("40{")
                    found = only_connection(application).headers
            else:
                async with session.get(address) as response:
                    sid = json.loads((await response.text())[1:])["sid"]
                async with session.post(f"{address}&sid={sid}", data="40") as response:
                    assert response.status == 200
                async with session.get(f"{address}&sid={sid}") as response:
                    assert (await response.text()).startswith("40{")
                found = only_connection(application).headers

        expected = ("session=1", "Bearer 1") if are_kept else (None, None)
        assert (found.get("Cookie"), found.get("Authorization")) == expected
        assert found["X-Other"] == "kept"

    async def test_credentials_of_upgrade_from_foreign_origin_are_removed(
        self, serve: Serve
    ) -> None:
        """Later namespaces get the headers of the WebSocket, with which browsers send cookies."""
        application = await serve(Users, http={"origins": ("*",)})

        async with opened(application, "polling") as polling, aiohttp.ClientSession() as session:
            address = polling.url.replace("polling", "websocket")  # type: ignore[union-attr]
            headers = {"Cookie": "session=1", "Origin": "https://evil.example"}
            async with session.ws_connect(address, headers=headers) as socket:
                raw = RawSocket(socket)
                await raw.send("2probe")
                assert await raw.receive() == "3probe"
                await raw.send("5", "40")
                assert str(await raw.receive()).startswith("40{")
                connection = only_connection(application)
                assert only_session(application).is_websocket
                assert "Cookie" not in connection.headers
