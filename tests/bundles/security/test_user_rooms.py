"""The room of a user: all sockets that have its identity, and no other sockets."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
from injector import inject

from bundles.security import (
    ANONYMOUS,
    Security,
    SecurityBundle,
    SecurityEvents,
    SecuritySettings,
    SocketAuthenticationEvent,
    Token,
    access,
    user_room,
)
from bundles.sessions import SessionsBundle
from rxkernel import (
    Broadcaster,
    Connection,
    ConnectionEvent,
    ForbiddenException,
    HttpSettings,
    Inject,
    KernelClient,
    RecordingConnection,
    Request,
    ServerEvents,
    UnauthorizedException,
    observe,
    websocket,
)
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.security.shop import (
    ROLES,
    Account,
    Accounts,
    application_of,
    token_of,
)
from tests.waiting import until

ADA: dict[str, Any] = {"auth": {"token": token_of("ada")}}


class Chat:
    @access("public")
    @websocket("whoami")
    async def whoami(self, request: Request) -> str | None:
        return None if request.user is None else str(request.user.username)

    @access("public")
    @websocket("end")
    async def end(self, user: str, security: Annotated[Security, Inject()]) -> None:
        await security.logout(user)

    @access("public")
    @websocket("paint", namespace="/room/{id:int}")
    async def paint(self) -> str:
        return "painted"


def chat(*listeners: Any, disconnects: bool = False, **bundle: Any) -> Any:
    settings = SecuritySettings(roles=ROLES, disconnect_expired=disconnects)
    application = application_of(
        Chat, bundle=SecurityBundle(Accounts, **bundle), settings=settings
    )
    application.listeners = listeners
    return application


async def ask(client: KernelClient, connection: Connection, event: str, **params: Any) -> int:
    response = await client.websocket(event, params=params, connection=connection)
    return response.status_code


async def push(client: KernelClient, identifier: str, namespace: str = "/") -> None:
    broadcaster = client.application.injector.get(Broadcaster)
    await broadcaster.emit("note", room=user_room(identifier), namespace=namespace)


def notes(socket: RecordingConnection) -> int:
    return sum(event == "note" for event, _ in socket.emitted)


async def test_push_to_user_reaches_all_its_sockets_of_a_namespace(client_of: ClientOf) -> None:
    client = client_of(chat())
    async with (
        client.connection(**ADA) as one,
        client.connection(**ADA) as two,
        client.as_user(Account("ada")).connection() as three,
        client.connection("/room/7", **ADA) as elsewhere,
        client.connection(auth={"token": token_of("eve")}) as other,
        client.connection() as stranger,
    ):
        await push(client, "ada")
        await push(client, "ada", "/room/7")
        sockets = (one, two, three, elsewhere, other, stranger)
        assert [notes(socket) for socket in sockets] == [1, 1, 1, 1, 0, 0]


async def test_socket_follows_the_events_of_its_client(client_of: ClientOf) -> None:
    client = client_of(chat())
    async with client.connection() as socket:
        for user in ("ada", "eve"):
            login = {"bearer": token_of(user)}
            assert await ask(client, socket, "security_authenticate", **login) == 204
            assert await ask(client, socket, "security_authenticate", **login) == 204
            assert socket.rooms == {user_room(user)}
            assert await ask(client, socket, "security_unauthenticate") == 204
            assert socket.rooms == set()


async def test_socket_of_a_login_in_its_session_is_in_the_room(client_of: ClientOf) -> None:
    class Doors:
        @access("public")
        @websocket("enter")
        async def enter(
            self, name: str, request: Request, security: Annotated[Security, Inject()]
        ) -> None:
            await security.login_session(Account(name), request)

    client = client_of(application_of(Chat, Doors, bundles=[SessionsBundle]))
    async with client.connection() as socket:
        assert await ask(client, socket, "enter", name="ada") == 200
        assert socket.rooms == {user_room("ada")}


async def test_socket_of_a_token_that_the_application_sets_is_in_the_room(
    client_of: ClientOf,
) -> None:
    class Own:
        @observe(ServerEvents.CONNECTED, priority=200)
        async def connected(self, event: ConnectionEvent) -> None:
            user = Account("ada")
            event.connection.token = Token(user=user, identifier="ada", is_authenticated=True)

    client = client_of(chat(Own))
    async with client.connection() as socket:
        assert socket.rooms == {user_room("ada")}


async def test_refused_socket_is_not_reached(client_of: ClientOf) -> None:
    client = client_of(chat(connect={"/": access(roles="admin")}))
    socket = client.connection(**ADA)
    with pytest.raises(Exception, match="403"):
        await socket.connect()
    await push(client, "ada")
    assert notes(socket) == 0


@pytest.mark.node
@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_socket_io_clients_receive_events_for_their_user(node: Path, transport: str) -> None:
    class Push:
        @inject
        def __init__(self, broadcaster: Broadcaster) -> None:
            self._broadcaster = broadcaster

        @access("public")
        @websocket("push")
        async def push(self, to: str) -> None:
            await self._broadcaster.emit("note", to, room=user_room(to))

    application = application_of(Chat, Push, http=HttpSettings(port=0))
    await application.start()
    try:
        script = Path(__file__).with_name("user_rooms.mjs")
        url = str(application.servers["http"].url)
        process = await asyncio.create_subprocess_exec(
            node, script, url, transport, token_of("ada"), stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(40):
            out, _ = await process.communicate()
    finally:
        await application.stop()
    assert json.loads(out) == {"connected": 2, "authenticated": 2, "anonymous": 1}


# --- the end of an identity


async def expires(client: KernelClient, socket: RecordingConnection) -> None:
    await until(lambda: not socket.token.is_authenticated)


async def is_disabled(client: KernelClient, socket: RecordingConnection) -> None:
    del client.application.injector.get(Accounts).by_name["ada"]
    assert await ask(client, socket, "whoami") == 200  # public, and anonymous now


async def logs_out(client: KernelClient, socket: RecordingConnection) -> None:
    await client.application.injector.get(Security).logout("ada")


async def logs_itself_out(client: KernelClient, socket: RecordingConnection) -> None:
    assert await ask(client, socket, "end", user="ada") == 200


@pytest.mark.parametrize(
    "end", [expires, is_disabled, logs_out, logs_itself_out], ids=lambda end: str(end.__name__)
)
async def test_socket_whose_identity_ends_leaves_the_room(
    client_of: ClientOf, end: Callable[..., Any]
) -> None:
    """The socket stays connected, with an anonymous identity."""
    client = client_of(chat())
    seconds = 1 if end is expires else 3600
    async with client.connection(auth={"token": token_of("ada", seconds)}) as socket:
        assert socket.rooms == {user_room("ada")}
        await end(client, socket)
        assert socket.rooms == set()
        assert socket.is_connected
        await push(client, "ada")
        assert notes(socket) == 0


async def test_socket_is_not_in_the_room_when_its_client_is_informed(client_of: ClientOf) -> None:
    """Nothing is sent to it between the end of its identity and its disconnect."""
    rooms: list[frozenset[str]] = []

    class Informed:
        @observe(SecurityEvents.SOCKET_EXPIRED)
        async def note(self, event: SocketAuthenticationEvent) -> None:
            rooms.append(event.connection.rooms)

    client = client_of(chat(Informed, disconnects=True))
    async with client.connection(**ADA) as socket:
        await client.application.injector.get(Security).logout("ada")
        await until(lambda: not socket.is_connected)
    assert rooms == [frozenset()]


# --- races


@pytest.mark.parametrize("is_renewal", [False, True])
@pytest.mark.parametrize("cause", ["revoked", "raises"])
async def test_authentication_that_fails_leaves_no_anonymous_socket_in_the_room(
    client_of: ClientOf, cause: str, is_renewal: bool
) -> None:
    """The user is logged out while a listener of the success runs."""
    began, may_go_on = asyncio.Event(), asyncio.Event()

    class Slow:
        @observe(SecurityEvents.SOCKET_AUTHENTICATION_SUCCESS, priority=1)
        async def wait(self, event: SocketAuthenticationEvent) -> None:
            began.set()
            await may_go_on.wait()

        @observe(SecurityEvents.SOCKET_AUTHENTICATION_SUCCESS)
        async def refuse(self, event: SocketAuthenticationEvent) -> None:
            if cause == "raises":
                raise UnauthorizedException

    client = client_of(chat(Slow))
    async with client.connection(**(ADA if is_renewal else {})) as socket:
        login = ask(client, socket, "security_authenticate", bearer=token_of("ada"))
        authenticating = asyncio.create_task(login)
        await began.wait()
        await client.application.injector.get(Security).logout("ada")
        assert socket.rooms == set()
        may_go_on.set()
        assert await authenticating == 401
        assert socket.token is ANONYMOUS
        assert socket.rooms == set()


async def test_renewal_that_fails_leaves_socket_in_the_room(client_of: ClientOf) -> None:
    class Refuse:
        @observe(SecurityEvents.SOCKET_AUTHENTICATION_SUCCESS)
        async def refuse(self, event: SocketAuthenticationEvent) -> None:
            raise UnauthorizedException

    client = client_of(chat(Refuse))
    async with client.connection(**ADA) as socket:
        login = {"bearer": token_of("ada")}
        assert await ask(client, socket, "security_authenticate", **login) == 401
        assert socket.rooms == {user_room("ada")}


async def test_logout_while_socket_connects_leaves_it_in_no_room(client_of: ClientOf) -> None:
    """The logout comes after the identity was set, while a later listener runs."""
    began, may_go_on = asyncio.Event(), asyncio.Event()

    class Slow:
        @observe(ServerEvents.CONNECTED)
        async def wait(self, event: ConnectionEvent) -> None:
            began.set()
            await may_go_on.wait()

    client = client_of(chat(Slow))
    socket = client.connection(**ADA)
    connecting = asyncio.create_task(socket.connect())
    await began.wait()
    await client.application.injector.get(Security).logout("ada")
    may_go_on.set()
    await connecting
    assert socket.token is ANONYMOUS
    assert socket.rooms == set()
    await socket.close()


async def test_logout_while_policy_of_namespace_decides_leaves_socket_in_no_room(
    client_of: ClientOf,
) -> None:
    began, may_go_on = asyncio.Event(), asyncio.Event()

    async def slow(token: Token[Any], request: Request) -> bool:
        began.set()
        await may_go_on.wait()
        return True

    client = client_of(chat(connect={"/": access(slow)}, disconnects=False))
    socket = client.connection(**ADA)
    connecting = asyncio.create_task(socket.connect())
    await began.wait()
    ending = asyncio.create_task(client.application.injector.get(Security).logout("ada"))
    await until(lambda: not socket.token.is_authenticated)
    may_go_on.set()
    await asyncio.wait([connecting, ending])
    assert connecting.exception() is not None or not socket.is_connected
    assert socket.rooms == set()


async def test_messages_of_deleted_user_during_logout_leave_the_room(client_of: ClientOf) -> None:
    client = client_of(chat())
    async with client.connection(**ADA) as socket:
        del client.application.injector.get(Accounts).by_name["ada"]
        security = client.application.injector.get(Security)
        await asyncio.gather(
            security.logout("ada"), *(ask(client, socket, "whoami") for _ in range(5))
        )
        assert socket.rooms == set()


async def test_listener_that_drops_the_identity_first_does_not_keep_the_room(
    client_of: ClientOf,
) -> None:
    """A listener of security_unauthenticate raises: the socket keeps its identity and its room."""

    class Refuse:
        @observe(SecurityEvents.SOCKET_UNAUTHENTICATION_SUCCESS)
        async def refuse(self, event: SocketAuthenticationEvent) -> None:
            raise ForbiddenException

    client = client_of(chat(Refuse))
    async with client.connection(**ADA) as socket:
        assert await ask(client, socket, "security_unauthenticate") == 403
        assert socket.token.identifier == "ada"
        assert socket.rooms == {user_room("ada")}
