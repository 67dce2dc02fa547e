"""The identity of a socket: it begins with a credential and ends with it."""

import asyncio
from typing import Any

import pytest

from bundles.security import (
    RevokedEvent,
    Security,
    SecurityBundle,
    SecurityEvents,
    SecuritySettings,
    SocketAuthenticationEvent,
    SocketExpiredEvent,
    TokenSettings,
    access,
    user_room,
)
from bundles.security.sockets.socket_identities import SocketIdentities
from rxkernel import (
    AsyncEventDispatcher,
    Connection,
    ConnectionEvent,
    ConnectionRefusedException,
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
    SECRET,
    Account,
    Accounts,
    application_of,
    id_of,
    token_of,
)
from tests.waiting import until


class Chat:
    @access("public")
    @websocket("whoami")
    async def whoami(self, request: Request) -> str | None:
        return None if request.user is None else str(request.user.username)

    @access("authenticated")
    @websocket("secret")
    async def secret(self, connection: Connection) -> str:
        return str(connection.user.username)

    @access("authenticated")
    @websocket("secret", namespace="/admin")
    async def admin_secret(self) -> str:
        return "secret"

    @access("public")
    @websocket("paint", namespace="/room/{id:int}")
    async def paint(self) -> str:
        return "painted"


def chat(
    connect: dict[str, Any] | None = None, *, disconnects: bool = True, listeners: Any = ()
) -> Any:
    bundle = SecurityBundle(Accounts, connect=connect or {})
    settings = SecuritySettings(roles=ROLES, disconnect_expired=disconnects)
    application = application_of(Chat, bundle=bundle, settings=settings)
    application.listeners = listeners
    return application


async def ask(client: KernelClient, connection: Connection, event: str, **params: Any) -> Any:
    response = await client.websocket(event, params=params, connection=connection)
    return response.status_code, response.content


async def refusal(connection: RecordingConnection) -> int:
    with pytest.raises(ConnectionRefusedException) as refused:
        await connection.connect()
    return refused.value.response.status_code


# --- connecting


async def test_token_of_handshake_is_identity_of_each_event(client_of: ClientOf) -> None:
    client = client_of(chat())
    header = {"Authorization": f"Bearer {token_of('ada')}"}
    for handshake in ({"auth": {"token": token_of("ada")}}, {"headers": header}):
        async with client.connection(**handshake) as ada:  # type: ignore[arg-type]
            assert ada.user.username == "ada"
            assert await ask(client, ada, "secret") == (200, "ada")
            assert await ask(client, ada, "whoami") == (200, "ada")


async def test_client_without_credential_connects_and_is_anonymous(client_of: ClientOf) -> None:
    client = client_of(chat())
    async with client.connection() as stranger:
        assert not stranger.token.is_authenticated
        assert await ask(client, stranger, "whoami") == (200, None)
        assert (await ask(client, stranger, "secret"))[0] == 401


@pytest.mark.parametrize("token", ["wrong", 7, "", "x" * 9000, {"a": 1}, token_of("ada", -3600)])
async def test_bad_credential_refuses_connection(client_of: ClientOf, token: object) -> None:
    """The client would believe that it is logged in."""
    client = client_of(chat())
    assert await refusal(client.connection(auth={"token": token})) == 401


async def test_bad_credential_is_ignored_where_namespace_is_public(client_of: ClientOf) -> None:
    client = client_of(chat({"/": "public"}))
    async with client.connection(auth={"token": "wrong"}) as stranger:
        assert await ask(client, stranger, "whoami") == (200, None)


@pytest.mark.parametrize(
    ("namespace", "user", "status"),
    [
        ("/admin", None, 401),
        ("/admin", "ada", 403),
        ("/admin", "root", 0),
        ("/room/7", None, 401),
        ("/room/7", "ada", 0),
        ("/", None, 0),
    ],
)
async def test_rule_of_namespace_accepts_or_refuses_connections(
    client_of: ClientOf, namespace: str, user: str | None, status: int
) -> None:
    rules = {"/admin": access(roles="admin"), "/room/{id:int}": "authenticated"}
    client = client_of(chat(rules))
    auth = None if user is None else {"token": token_of(user)}
    connection = client.connection(namespace, auth=auth)
    if status:
        assert await refusal(connection) == status
    else:
        async with connection:
            pass


async def test_policy_of_namespace_reads_its_parameters(client_of: ClientOf) -> None:
    def own_room(token: Any, request: Request) -> bool:
        assert request.connection is not None
        return bool(request.connection.params["id"] == len(token.identifier))

    client = client_of(chat({"/room/{id:int}": access(own_room)}))
    async with client.connection("/room/3", auth={"token": token_of("ada")}):
        pass
    assert await refusal(client.connection("/room/4", auth={"token": token_of("ada")})) == 403


class Hall:
    @access("authenticated")
    @websocket("enter", namespace="/admin")
    async def enter(self) -> str:
        return "entered"

    @access("public")
    @websocket("look", namespace="/admin")
    async def look(self) -> str:
        return "seen"


@pytest.mark.parametrize("event", ["enter", "look"])
async def test_user_who_lost_role_of_namespace_cannot_send_events_there(
    client_of: ClientOf, event: str
) -> None:
    bundle = SecurityBundle(Accounts, connect={"/admin": access(roles="admin")})
    settings = SecuritySettings(disconnect_expired=False)
    client = client_of(application_of(Hall, bundle=bundle, settings=settings))
    async with client.connection("/admin", auth={"token": token_of("root")}) as root:
        assert (await ask(client, root, f"/admin:{event}"))[0] == 200
        client.application.injector.get(Accounts).by_name["root"].roles = []
        assert (await ask(client, root, f"/admin:{event}"))[0] == 403
        await until(lambda: not root.is_connected)
        assert root.emitted == [("security_expired", ({"reason": "revoked"},))]


# --- the end of the credential


async def test_socket_is_informed_and_disconnected_when_its_token_expires(
    client_of: ClientOf,
) -> None:
    """In RxStack, sockets stay authenticated after the token has expired."""
    expired: list[tuple[Any, str, bool]] = []

    class Expiry:
        @observe(SecurityEvents.SOCKET_EXPIRED)
        async def note(self, event: SocketExpiredEvent) -> None:
            token = event.connection.token
            expired.append((event.token.identifier, event.reason, token.is_authenticated))

    client = client_of(chat(listeners=[Expiry]))
    async with client.connection(auth={"token": token_of("ada", 3)}) as ada:
        await until(lambda: not ada.is_connected)
        assert ada.emitted == [("security_expired", ({"reason": "expired"},))]
    assert expired == [("ada", "expired", False)]


async def test_token_within_leeway_is_valid_over_both_transports(client_of: ClientOf) -> None:
    tokens = TokenSettings(secret=SECRET, leeway=60)
    client = client_of(application_of(Chat, settings=SecuritySettings(tokens=tokens)))
    async with client.connection(auth={"token": token_of("ada", -2)}) as ada:
        assert await ask(client, ada, "secret") == (200, "ada")
        assert ada.token.is_authenticated
        identity = client.application.injector.get(SocketIdentities)._found[ada]
        assert identity.timer is not None
        left = identity.timer.when() - asyncio.get_running_loop().time()
        assert 50 < left < 60


async def test_socket_stays_anonymous_if_it_is_not_disconnected(client_of: ClientOf) -> None:
    client = client_of(chat(disconnects=False))
    async with client.connection(auth={"token": token_of("ada", 3)}) as ada:
        await until(lambda: ada.emitted)
        assert ada.is_connected
        assert await ask(client, ada, "whoami") == (200, None)
        assert (await ask(client, ada, "secret"))[0] == 401


async def test_socket_of_guarded_namespace_is_disconnected_in_any_case(
    client_of: ClientOf,
) -> None:
    client = client_of(chat({"/admin": "authenticated"}, disconnects=False))
    async with client.connection("/admin", auth={"token": token_of("ada", 3)}) as ada:
        await until(lambda: not ada.is_connected)


async def test_credential_that_ended_unnoticed_is_401_at_next_event(client_of: ClientOf) -> None:
    """For example, the user was disabled."""
    client = client_of(chat())
    token = token_of("ada")
    async with client.connection(auth={"token": token}) as ada:
        del client.application.injector.get(Accounts).by_name["ada"]
        assert (await ask(client, ada, "secret"))[0] == 401
        await until(lambda: not ada.is_connected)
        assert ada.emitted == [("security_expired", ({"reason": "revoked"},))]


async def test_revocation_ends_sockets_of_user_at_once(client_of: ClientOf) -> None:
    client = client_of(chat())
    dispatcher = client.dispatcher
    first, second = token_of("ada"), token_of("ada", 7200)
    async with (
        client.connection(auth={"token": first}) as one,
        client.connection(auth={"token": second}) as two,
        client.connection(auth={"token": token_of("eve")}) as other,
    ):
        await dispatcher.dispatch(SecurityEvents.REVOKED, RevokedEvent("ada", id_of(first)))
        assert not one.token.is_authenticated
        await until(lambda: not one.is_connected)
        assert two.is_connected
        await dispatcher.dispatch(SecurityEvents.REVOKED, RevokedEvent("ada"))
        await until(lambda: not two.is_connected)
        assert await ask(client, other, "secret") == (200, "eve")


async def test_failing_listener_of_expiry_does_not_keep_socket(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    class Expiry:
        @observe(SecurityEvents.SOCKET_EXPIRED)
        async def fail(self, event: SocketExpiredEvent) -> None:
            raise RuntimeError("broken")

    client = client_of(chat(listeners=[Expiry]))
    async with client.connection(auth={"token": token_of("ada")}) as ada:
        await client.dispatcher.dispatch(SecurityEvents.REVOKED, RevokedEvent("ada"))
        await until(lambda: not ada.is_connected)
    assert "ending the identity of a socket failed" in caplog.text


async def test_identities_of_closed_and_refused_sockets_are_forgotten(
    client_of: ClientOf,
) -> None:
    class Refuse:
        @observe(ServerEvents.CONNECTED)
        async def refuse(self, event: ConnectionEvent) -> None:
            if event.connection.query.get("refuse"):
                raise RuntimeError("no")

    client = client_of(chat(listeners=[Refuse]))
    await client.application.boot()
    identities = client.application.injector.get(SocketIdentities)
    auth = {"token": token_of("ada")}
    async with client.connection(auth=auth):
        assert len(identities._index["user", "ada"]) == 1
    assert identities._index == {}
    for _ in range(3):
        await refusal(client.connection(auth=auth, query={"refuse": "1"}))
    assert identities._index == {}


async def test_credential_that_lives_for_years_sets_a_timer(client_of: ClientOf) -> None:
    client = client_of(chat())
    async with client.connection(auth={"token": token_of("ada", 1e9)}) as ada:
        assert await ask(client, ada, "secret") == (200, "ada")


class SlowAccounts(Accounts):
    """A provider whose `load` waits until the test continues it."""

    def __init__(self) -> None:
        super().__init__()
        self.is_loading = asyncio.Event()
        self.may_load = asyncio.Event()
        self.may_load.set()

    async def load(self, identifier: str) -> Account | None:
        self.is_loading.set()
        await self.may_load.wait()
        return await super().load(identifier)

    def hold(self) -> None:
        self.is_loading.clear()
        self.may_load.clear()


async def test_revocation_while_socket_connects_refuses_it(client_of: ClientOf) -> None:
    accounts = SlowAccounts()
    client = client_of(application_of(Chat, bundle=SecurityBundle(accounts)))
    await client.application.boot()
    security = client.application.injector.get(Security)
    accounts.hold()
    connection = client.connection(auth={"token": token_of("ada")})
    connecting = asyncio.create_task(refusal(connection))
    await accounts.is_loading.wait()
    await security.logout("ada")
    accounts.may_load.set()
    assert await connecting == 401
    assert client.application.injector.get(SocketIdentities)._index == {}


async def test_revocation_while_socket_authenticates_leaves_it_as_it_was(
    client_of: ClientOf,
) -> None:
    accounts = SlowAccounts()
    client = client_of(application_of(Chat, bundle=SecurityBundle(accounts)))
    await client.application.boot()
    security = client.application.injector.get(Security)
    first, second = token_of("ada"), token_of("ada")
    async with client.connection() as stranger, client.connection(auth={"token": first}) as ada:
        for socket, before in ((stranger, None), (ada, "ada")):
            accounts.hold()
            login = ask(client, socket, "security_authenticate", bearer=second)
            authenticating = asyncio.create_task(login)
            await accounts.is_loading.wait()
            if socket is ada:  # its events are authenticated first
                accounts.may_load.set()
                accounts.hold()
                await accounts.is_loading.wait()
            await security.revoke(second)
            accounts.may_load.set()
            assert (await authenticating)[0] == 401
            assert await ask(client, socket, "whoami") == (200, before)
            second = token_of("ada")


# --- events of the client


# row 54, row 56
async def test_authenticate_and_unauthenticate_change_identity(client_of: ClientOf) -> None:
    seen: list[tuple[str, Any]] = []

    class Look:
        @observe(SecurityEvents.SOCKET_AUTHENTICATION_SUCCESS)
        async def authenticated(self, event: SocketAuthenticationEvent) -> None:
            seen.append(("in", event.token.identifier))

        @observe(SecurityEvents.SOCKET_UNAUTHENTICATION_SUCCESS)
        async def dropped(self, event: SocketAuthenticationEvent) -> None:
            seen.append(("out", event.token.identifier))

    client = client_of(chat(listeners=[Look]))
    async with client.connection() as socket:
        assert (await ask(client, socket, "security_unauthenticate"))[0] == 403
        login = {"bearer": token_of("ada")}
        assert await ask(client, socket, "security_authenticate", **login) == (204, None)
        assert await ask(client, socket, "secret") == (200, "ada")
        assert await ask(client, socket, "security_unauthenticate") == (204, None)
        assert (await ask(client, socket, "secret"))[0] == 401
        assert (await ask(client, socket, "security_unauthenticate"))[0] == 403
    assert seen == [("in", "ada"), ("out", "ada")]


async def test_failed_authentication_keeps_identity(client_of: ClientOf) -> None:
    client = client_of(chat())
    async with client.connection(auth={"token": token_of("ada")}) as ada:
        for bad in ("wrong", token_of("ada", -3600), "x" * 9000):
            assert (await ask(client, ada, "security_authenticate", bearer=bad))[0] == 401
        assert (await ask(client, ada, "security_authenticate"))[0] == 422
        assert await ask(client, ada, "secret") == (200, "ada")


async def test_authentication_whose_listener_raises_leaves_socket_anonymous(
    client_of: ClientOf,
) -> None:
    """RxStack stores the token first: it responds 401, and the socket is authenticated."""

    class Refuse:
        @observe(SecurityEvents.SOCKET_AUTHENTICATION_SUCCESS)
        async def refuse(self, event: SocketAuthenticationEvent) -> None:
            raise RuntimeError("no")

    client = client_of(chat(listeners=[Refuse]))
    async with client.connection() as socket:
        login = {"bearer": token_of("ada")}
        assert (await ask(client, socket, "security_authenticate", **login))[0] == 500
        assert (await ask(client, socket, "secret"))[0] == 401


@pytest.mark.parametrize("is_renewal", [False, True])
@pytest.mark.parametrize("cause", ["revoked", "raises"])
async def test_socket_that_is_not_authenticated_after_all_leaves_room_of_user(
    client_of: ClientOf, cause: str, is_renewal: bool
) -> None:
    """The socket has joined the room when the user is logged out, or when the next listener
    raises."""

    class Rooms:
        @observe(SecurityEvents.SOCKET_AUTHENTICATION_SUCCESS, priority=1)
        async def join(self, event: SocketAuthenticationEvent) -> None:
            await client.application.injector.get(Security).logout("ada")
            await event.connection.join("of-ada")

        @observe(SecurityEvents.SOCKET_AUTHENTICATION_SUCCESS)
        async def end(self, event: SocketAuthenticationEvent) -> None:
            if cause == "raises":
                raise UnauthorizedException

        @observe(SecurityEvents.SOCKET_UNAUTHENTICATION_SUCCESS)
        async def leave(self, event: SocketAuthenticationEvent) -> None:
            assert event.token.identifier == "ada"
            await event.connection.leave("of-ada")

    client = client_of(chat(listeners=[Rooms], disconnects=False))
    auth = {"token": token_of("ada")} if is_renewal else None
    async with client.connection(auth=auth) as socket:
        login = {"bearer": token_of("ada")}
        assert (await ask(client, socket, "security_authenticate", **login))[0] == 401
        assert await ask(client, socket, "whoami") == (200, None)
        assert socket.rooms == set()


async def test_renewal_that_fails_leaves_socket_in_room_of_user(client_of: ClientOf) -> None:
    class Rooms:
        @observe(SecurityEvents.SOCKET_AUTHENTICATION_SUCCESS)
        async def fail(self, event: SocketAuthenticationEvent) -> None:
            raise UnauthorizedException

        @observe(SecurityEvents.SOCKET_UNAUTHENTICATION_SUCCESS)
        async def leave(self, event: SocketAuthenticationEvent) -> None:
            raise AssertionError("the socket still has its identity")

    client = client_of(chat(listeners=[Rooms]))
    async with client.connection(auth={"token": token_of("ada")}) as socket:
        login = {"bearer": token_of("ada")}
        assert (await ask(client, socket, "security_authenticate", **login))[0] == 401
        assert await ask(client, socket, "secret") == (200, "ada")


async def test_renewed_socket_outlives_its_first_token(client_of: ClientOf) -> None:
    client = client_of(chat())
    async with (
        client.connection(auth={"token": token_of("ada", 3)}) as ada,
        client.connection(auth={"token": token_of("eve", 3)}) as eve,
    ):
        renewed = {"bearer": token_of("ada")}
        assert (await ask(client, ada, "security_authenticate", **renewed))[0] == 204
        await until(lambda: not eve.is_connected)  # its token expires when that of ada would
        assert await ask(client, ada, "secret") == (200, "ada")


async def test_socket_of_a_user_is_not_given_to_another(client_of: ClientOf) -> None:
    """The socket may be in rooms of its first user."""
    client = client_of(chat())
    async with client.connection(auth={"token": token_of("ada")}) as ada:
        other = {"bearer": token_of("eve")}
        assert (await ask(client, ada, "security_authenticate", **other))[0] == 409
        assert await ask(client, ada, "secret") == (200, "ada")


async def test_events_of_identity_work_in_guarded_namespace(client_of: ClientOf) -> None:
    client = client_of(chat({"/admin": access(roles="admin")}))
    accounts = client.application
    await accounts.boot()
    async with client.connection("/admin", auth={"token": token_of("root")}) as root:
        renew = {"bearer": token_of("root", 7200)}
        name = "/admin:security_authenticate"
        assert (await ask(client, root, name, **renew))[0] == 204
        assert (await ask(client, root, "/admin:security_unauthenticate"))[0] == 409
        accounts.injector.get(Accounts).by_name["root"].roles = []
        assert (await ask(client, root, name, **renew))[0] == 403


async def test_events_of_identity_that_are_disabled_do_not_exist(client_of: ClientOf) -> None:
    client = client_of(application_of(Chat, settings=SecuritySettings(socket_events=False)))
    with pytest.raises(KeyError):
        await client.websocket("security_authenticate")


# --- as_user


async def test_as_user_calls_as_that_user_over_both_transports(client_of: ClientOf) -> None:
    client = client_of(application_of())
    eve, stranger = client.as_user(Account("eve", ["editor"])), client
    params = {"slug": "x"}

    assert (await eve.http("article_list")).content == "eve"
    assert (await eve.websocket("article_list")).content == "eve"
    assert (await eve.http("article_delete", params=params)).status_code == 403
    assert (await eve.websocket("article_delete", params=params)).status_code == 403
    assert (await stranger.http("article_list")).status_code == 401
    assert (await stranger.websocket("article_list")).status_code == 401
    async with eve.connection() as connection:
        assert connection.user.username == "eve"
        assert connection.token.roles == {"editor", "author"}


async def test_as_user_with_identifier_is_error(client_of: ClientOf) -> None:
    client = client_of(application_of()).as_user("eve")
    with pytest.raises(TypeError, match=r"as_user\('eve'\) got an identifier; pass a user"):
        await client.http("article_list")


async def test_many_closed_sockets_leave_no_listener(client_of: ClientOf) -> None:
    client = client_of(chat())
    await client.application.boot()
    dispatcher = client.application.injector.get(AsyncEventDispatcher)
    before = len(dispatcher.get_listeners(SecurityEvents.REVOKED))
    for _ in range(20):
        async with client.connection(auth={"token": token_of("ada")}):
            await asyncio.sleep(0)
    assert len(dispatcher.get_listeners(SecurityEvents.REVOKED)) == before


# E12
async def test_room_of_another_user_is_refused_by_its_rule(client_of: ClientOf) -> None:
    """A client guesses the name of a room."""

    class Rooms:
        @access(lambda token, request: request.param("room") == f"user-{token.identifier}")
        @websocket("join")
        async def join(self, room: str, connection: Connection) -> None:
            await connection.join(room)

    client = client_of(application_of(Rooms))
    async with client.connection(auth={"token": token_of("ada")}) as ada:
        assert (await ask(client, ada, "join", room="user-ada"))[0] == 200
        assert (await ask(client, ada, "join", room="user-eve"))[0] == 403
        assert (await ask(client, ada, "join"))[0] == 422
        assert ada.rooms == {"user-ada", user_room("ada")}


async def test_concurrent_authentications_on_one_socket_second_waits(client_of: ClientOf) -> None:
    """A listener of the first success is slow."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    class Slow:
        @observe(SecurityEvents.SOCKET_AUTHENTICATION_SUCCESS)
        async def wait(self, event: SocketAuthenticationEvent) -> None:
            begun.set()
            await go_on.wait()

    client = client_of(chat(listeners=[Slow]))
    async with client.connection() as socket, asyncio.timeout(20):

        def send(event: str, **params: Any) -> asyncio.Task[Any]:
            return asyncio.create_task(ask(client, socket, event, **params))

        first = send("security_authenticate", bearer=token_of("ada"))
        await begun.wait()
        second = send("security_authenticate", bearer=token_of("eve"))
        third = send("security_unauthenticate")
        fourth = send("security_authenticate", bearer=token_of("eve"))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not second.done()
        go_on.set()
        done = await asyncio.gather(first, second, third, fourth)
        assert [status for status, _ in done] == [204, 409, 204, 204]
        assert await ask(client, socket, "whoami") == (200, "eve")


# --- reload


async def test_events_of_identity_follow_the_namespaces_of_a_reload(client_of: ClientOf) -> None:
    class News:
        @access("authenticated")
        @websocket("read", namespace="/news")
        async def read(self, connection: Connection) -> str:
            return str(connection.user.username)

    client = client_of(chat())
    await client.http("healthz")
    reload = client.application.reload
    for _ in range(2):
        await reload(controllers=[News])
        async with client.connection("/news") as reader:
            assert (await ask(client, reader, "/news:read"))[0] == 401
            bearer = token_of("ada")
            assert (await ask(client, reader, "/news:security_authenticate", bearer=bearer))[
                0
            ] == 204
            assert await ask(client, reader, "/news:read") == (200, "ada")
            assert (await ask(client, reader, "/news:security_unauthenticate"))[0] == 204
        removed = (await reload(remove=[News])).removed
        assert len(removed) == 3
        assert await refusal(client.connection("/news")) == 404


async def test_reload_may_remove_a_namespace_with_a_rule_and_add_it_again(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    class News:
        @access("public")
        @websocket("read", namespace="/news")
        async def read(self) -> str:
            return "news"

    bundle = SecurityBundle(Accounts, connect={"/news": "authenticated"})
    client = client_of(application_of(Chat, News, bundle=bundle))
    await client.http("healthz")
    await client.application.reload(remove=[News])
    assert [r for r in caplog.records if r.levelname == "ERROR"] == []
    await client.application.reload(controllers=[News])
    assert await refusal(client.connection("/news")) == 401
