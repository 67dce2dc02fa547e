"""Sessions as credentials, over HTTP and sockets."""

import asyncio
from typing import Any

import pytest
from injector import inject

from bundles.security import (
    CurrentUser,
    RevokedEvent,
    Security,
    SecurityBundle,
    SecurityEvents,
    SocketAuthenticationEvent,
    access,
)
from bundles.sessions import CurrentSession, Sessions, SessionsBundle
from rxkernel import (
    Application,
    Bundle,
    Connection,
    KernelClient,
    Request,
    ServiceUnavailableException,
    Transport,
    both,
    http,
    observe,
    procedure,
    websocket,
)
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.security.shop import Account, Accounts, application_of, bearer
from tests.waiting import until


class Accounting:
    @access("public")
    @http("POST", "/login", "login")
    async def login(self, name: str, session: CurrentSession) -> None:
        await session.rotate(user=name)

    @access("public")
    @http("POST", "/cart", "cart_fill")
    async def fill(self, session: CurrentSession) -> None:
        session["cart"] = ["tea"]

    @access("session")
    @both("GET", "/cart", "cart")
    async def cart(self, session: CurrentSession, user: CurrentUser[Account] | None) -> list[Any]:
        return [session.get("cart"), None if user is None else user.username]

    @access("authenticated")
    @both("GET", "/me", "me")
    async def me(self, request: Request, user: CurrentUser[Account]) -> list[str]:
        return [user.username, request.token.credential]

    @access(roles="admin")
    @both("POST", "/admin", "admin")
    async def admin(self) -> None: ...

    @access("authenticated")
    @http("POST", "/buy", "buy")
    async def buy(self) -> str:
        return "bought"

    @access("public")
    @both("GET", "/home", "home")
    async def home(self, user: CurrentUser[Account] | None) -> str:
        return "nobody" if user is None else user.username

    @access("authenticated")
    @both("POST", "/logout", "logout")
    async def logout(self, session: CurrentSession) -> None:
        await session.destroy()


def application(**more: Any) -> Application:
    return application_of(Accounting, bundles=[SessionsBundle], **more)


async def login(client: KernelClient, name: str = "ada") -> None:
    assert (await client.http("login", form={"name": name})).status_code == 200


class SignIn:
    @inject
    def __init__(self, security: Security, accounts: Accounts) -> None:
        self.security = security
        self.accounts = accounts

    @access("public")
    @http("POST", "/sign-in", "sign_in")
    async def sign_in(self, name: str, request: Request) -> None:
        user = await self.accounts.load(name)
        await self.security.login_session(user, request)


async def test_anonymous_session_without_role_of_rule_is_401(client_of: ClientOf) -> None:
    class Desk:
        @access("session", roles="editor")
        @both("GET", "/desk", "desk")
        async def desk(self) -> None: ...

    client = client_of(application_of(Accounting, Desk, bundles=[SessionsBundle]))
    await client.http("cart_fill")
    for user, status in ((None, 401), ("ada", 403), ("eve", 200)):
        if user is not None:
            await login(client, user)
        assert (await client.http("desk")).status_code == status
        assert (await client.websocket("desk")).status_code == status


async def test_values_of_a_session_do_not_pass_to_another_user(client_of: ClientOf) -> None:
    client = client_of(application_of(Accounting, SignIn, bundles=[SessionsBundle]))
    assert (await client.http("cart_fill")).status_code == 200
    for name, cart in (("ada", ["tea"]), ("ada", ["tea"]), ("eve", None)):
        assert (await client.http("sign_in", form={"name": name})).status_code == 200
        assert (await client.http("cart")).content == [cart, name]


async def test_session_of_user_authenticates_over_both_transports(client_of: ClientOf) -> None:
    client = client_of(application())
    assert (await client.http("me")).status_code == 401
    await login(client)

    assert (await client.http("me")).content == ["ada", "session"]
    assert (await client.websocket("me")).content == ["ada", "session"]
    assert (await client.http("home")).content == "ada"
    assert (await client.http("admin")).status_code == 403
    assert (await client.websocket("admin")).status_code == 403


async def test_session_of_handshake_can_be_in_auth(client_of: ClientOf) -> None:
    client = client_of(application())
    await login(client)
    secret = client.cookies["sid"]
    client.cookies.clear()
    async with client.connection(auth={"session": secret}) as ada:
        assert (await client.websocket("me", connection=ada)).content == ["ada", "session"]


class Calls:
    @access("authenticated")
    @procedure("who", "LINES")
    async def who(self, request: Request, user: CurrentUser[Account]) -> list[str]:
        return [user.username, request.token.credential]

    @access("public")
    @procedure("same", "LINES")
    async def same(self, request: Request, session: CurrentSession) -> list[str | None]:
        return [session.user, request.token.identifier]

    @access("session")
    @procedure("ended", "LINES")
    async def end(self, session: CurrentSession) -> None:
        await session.destroy()


class Lines(Bundle):
    name = "lines"
    transports = (Transport("LINES"),)
    controllers = (Calls,)


CROSS_SITE = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}


async def test_session_of_procedure_is_in_header_or_cookie(client_of: ClientOf) -> None:
    """Another site can send the cookie only."""
    client = client_of(
        application_of(Accounting, bundles=[SessionsBundle, Lines])  # with the login
    )
    await login(client)
    secret = client.cookies["sid"]
    client.cookies.clear()
    header, cookie = {"Session": secret}, {"Cookie": f"sid={secret}"}

    for headers in (header, cookie, header | CROSS_SITE, header | {"Cookie": "sid=x"}):
        assert (await client.call("LINES", "who", headers=headers)).content == ["ada", "session"]
        assert (await client.call("LINES", "same", headers=headers)).content == ["ada", "ada"]
    refused = await client.call("LINES", "who", headers=cookie | CROSS_SITE)
    assert refused.status_code == 403
    assert (await client.http("me", headers=header)).status_code == 401  # not over HTTP
    for wrong in ({}, {"Session": "x" * 43}, header | {"Authorization": "Bearer wrong"}):
        assert (await client.call("LINES", "who", headers=wrong)).status_code == 401
    assert (await client.call("LINES", "ended", headers=header)).status_code == 200
    assert (await client.call("LINES", "ended", headers=header)).status_code == 401


async def test_rule_session_accepts_client_with_session_and_without_user(
    client_of: ClientOf,
) -> None:
    client = client_of(application())
    assert (await client.http("cart")).status_code == 401
    assert (await client.websocket("cart")).status_code == 401
    await client.http("cart_fill")
    assert (await client.http("cart")).content == [["tea"], None]
    assert (await client.websocket("cart")).content == [["tea"], None]
    assert (await client.http("me")).status_code == 401
    await login(client)
    assert (await client.http("cart")).content == [["tea"], "ada"]


async def test_header_precedes_session(client_of: ClientOf) -> None:
    client = client_of(application())
    await login(client)
    assert (await client.http("me", headers=bearer("eve"))).content == ["eve", "bearer"]
    wrong = {"Authorization": "Bearer wrong"}
    assert (await client.http("me", headers=wrong)).status_code == 401


# E8
async def test_unsafe_request_of_other_site_with_session_is_403(client_of: ClientOf) -> None:
    """This includes public routes. A bearer token needs no protection."""
    client = client_of(application())
    await login(client)
    evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    as_text = {"Content-Type": "text/plain", **evil}

    for headers in (evil, as_text):
        refused = await client.http("buy", body=b"{}", headers=headers)
        assert (refused.status_code, refused.content["code"]) == (403, "cross_site")
    assert (await client.http("login", form={"name": "eve"}, headers=evil)).status_code == 403
    assert (await client.http("me", headers=evil)).status_code == 200  # GET changes nothing
    own = {"Sec-Fetch-Site": "same-origin"}
    assert (await client.http("buy", headers=own)).content == "bought"
    assert (await client.http("buy", headers={**evil, **bearer("ada")})).content == "bought"


async def test_disabled_user_of_session_is_401(client_of: ClientOf) -> None:
    client = client_of(application())
    await login(client)
    del client.application.injector.get(Accounts).by_name["ada"]
    assert (await client.http("me")).status_code == 401
    assert (await client.http("home")).content == "nobody"


async def test_socket_loses_identity_when_its_session_ends(client_of: ClientOf) -> None:
    """Sign-out in one window ends the identity of the socket in another window."""
    reasons: list[str] = []

    class Look:
        @observe(SecurityEvents.SOCKET_EXPIRED)
        async def look(self, event: Any) -> None:
            reasons.append(f"{event.token.identifier} {event.reason}")

    made = application()
    made.listeners = (Look,)
    client = client_of(made)
    await login(client)
    async with client.connection() as window, client.connection() as other:
        assert (await client.websocket("me", connection=window)).status_code == 200
        assert (await client.http("logout")).status_code == 200
        assert not window.token.is_authenticated
        await until(lambda: not (window.is_connected or other.is_connected))
        assert window.emitted == [("security_expired", ({"reason": "revoked"},))]
    assert reasons == ["ada revoked", "ada revoked"]


async def test_sockets_of_ended_session_are_informed_at_the_same_time(
    client_of: ClientOf,
) -> None:
    """A slow listener, or one that fails, does not delay the others."""
    begun: list[Any] = []
    all_begun = asyncio.Event()

    class Slow:
        @observe(SecurityEvents.SOCKET_EXPIRED)
        async def wait(self, event: Any) -> None:
            begun.append(event.connection)
            if len(begun) == 3:
                all_begun.set()
            async with asyncio.timeout(20):
                await all_begun.wait()
            if event.connection is begun[0]:
                raise ValueError("the listener failed")

    made = application()
    made.listeners = (Slow,)
    client = client_of(made)
    await login(client)
    async with (
        client.connection() as one,
        client.connection() as two,
        client.connection() as three,
    ):
        await client.http("logout")
        assert len(begun) == 3
        for socket in (one, two, three):
            assert not socket.is_connected
            assert socket.emitted == [("security_expired", ({"reason": "revoked"},))]


async def test_socket_that_ends_its_session_gets_its_acknowledgement(client_of: ClientOf) -> None:
    client = client_of(application())
    await login(client)
    async with client.connection() as window:
        assert (await client.websocket("logout", connection=window)).status_code == 200
        await until(lambda: not window.is_connected)


async def test_end_of_all_sessions_of_user_ends_sockets_that_connect(
    client_of: ClientOf,
) -> None:
    bundle = SecurityBundle(Accounts, connect={"/": "authenticated"})
    client = client_of(application(bundle=bundle))
    await login(client)
    async with client.connection() as window:
        await client.application.injector.get(Sessions).end_all("ada")
        await until(lambda: not window.is_connected)


@pytest.mark.parametrize("name", ["me", "home"])
async def test_failing_store_is_503_and_never_anonymous(
    client_of: ClientOf, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(application())
    await login(client)
    sessions = client.application.injector.get(Sessions)

    async def fail(*_: object) -> None:
        raise ServiceUnavailableException

    async with client.connection() as window:
        monkeypatch.setattr(sessions, "_load", fail)
        monkeypatch.setattr(sessions, "_load_for", fail)
        assert (await client.http(name)).status_code == 503
        assert (await client.websocket(name, connection=window)).status_code == 503
        assert window.is_connected


# --- logins by an event


class EventLogin:
    @inject
    def __init__(self, security: Security, accounts: Accounts) -> None:
        self.security = security
        self.accounts = accounts

    @access("public")
    @websocket("log_in")
    async def log_in(self, name: str, request: Request) -> None:
        await self.security.login_session(await self.accounts.load(name), request)

    @access("public")
    @websocket("start")
    async def start(self, session: CurrentSession) -> None:
        session["started"] = True

    @access("public")
    @websocket("who")
    async def who(self, request: Request, session: CurrentSession) -> list[str | None]:
        return [request.token.identifier, session.user]


async def send(client: KernelClient, socket: Connection, event: str, **params: Any) -> Any:
    response = await client.websocket(event, params=params, connection=socket)
    return response.content if response.status_code == 200 else response.status_code


@pytest.mark.parametrize("has_session", [False, True])
async def test_login_by_event_gives_socket_its_identity(
    client_of: ClientOf, has_session: bool
) -> None:
    entered: list[str | None] = []

    class Look:
        @observe(SecurityEvents.SOCKET_AUTHENTICATION_SUCCESS)
        async def enter(self, event: SocketAuthenticationEvent) -> None:
            entered.append(event.token.identifier)

    made = application_of(Accounting, EventLogin, bundles=[SessionsBundle])
    made.listeners = (Look,)
    client = client_of(made)
    async with client.connection() as socket:
        if has_session:
            assert await send(client, socket, "start") is None
        assert await send(client, socket, "log_in", name="ada") is None
        assert socket.token.identifier == "ada"
        assert await send(client, socket, "who") == ["ada", "ada"]
        assert await send(client, socket, "me") == ["ada", "session"]
        assert await send(client, socket, "log_in", name="eve") == 409
        assert await send(client, socket, "log_in", name="ada") is None
        assert await send(client, socket, "me") == ["ada", "session"]
        assert socket.emitted == []

        await made.injector.get(Security).logout("ada")
        assert not socket.is_connected
        assert socket.emitted == [("security_expired", ({"reason": "revoked"},))]
    assert entered == ["ada", "ada"]


async def test_login_by_event_of_socket_with_stored_session_keeps_socket(
    client_of: ClientOf,
) -> None:
    """The session of ``auth.session`` has an anonymous identity, so its end is not reported."""
    client = client_of(application_of(Accounting, EventLogin, bundles=[SessionsBundle]))
    first = await client.websocket("start")
    auth = {"session": first.headers["Session"]}
    async with client.connection(auth=auth) as socket:
        assert await send(client, socket, "log_in", name="ada") is None
        assert await send(client, socket, "who") == ["ada", "ada"]
        assert socket.emitted == []
        await client.dispatcher.dispatch(SecurityEvents.REVOKED, RevokedEvent("ada"))
        assert not socket.is_connected
