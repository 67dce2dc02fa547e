"""The identity of a client follows its session, when a message starts, restores or finishes it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from injector import inject

from bundles.security import (
    Security,
    SecurityBundle,
    SecurityEvents,
    SocketAuthenticationEvent,
    access,
    user_room,
)
from bundles.sessions import CurrentSession, SessionsBundle, SessionSecrets
from rxkernel import (
    Application,
    ForbiddenException,
    KernelClient,
    RecordingConnection,
    Request,
    both,
    observe,
    websocket,
)
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.security.shop import Accounts, application_of, token_of

EVIL = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}


@access("public")
class Desk:
    @inject
    def __init__(self, secrets: SessionSecrets, security: Security, accounts: Accounts) -> None:
        self._secrets = secrets
        self._security = security
        self._accounts = accounts
        self.entered = 0
        self.both_entered = asyncio.Event()

    @both("POST", "/start", "start")
    async def start(self, request: Request) -> list[Any]:
        secret = await self._secrets.start(request, {"a": 1})
        return [secret, request.token.credential, request.token.identifier]

    @both("POST", "/log-in", "log_in")
    async def log_in(self, name: str, request: Request) -> str:
        await self._security.login_session(await self._accounts.load(name), request)
        return await self._secrets.start(request)

    @websocket("enter")
    async def enter(self, name: str, request: Request) -> None:
        await self._security.login_session(await self._accounts.load(name), request)
        self.entered += 1
        if self.entered == 2:
            self.both_entered.set()
        await self.both_entered.wait()

    @both("POST", "/restore", "restore")
    async def restore(self, secret: str, request: Request) -> list[Any]:
        return [await self._secrets.restore(request, secret), request.token.identifier]

    @both("POST", "/finish", "finish")
    async def finish(self, request: Request) -> str | None:
        await self._secrets.end(request)
        identifier: str | None = request.token.identifier
        return identifier

    @websocket("write")
    async def write(self, session: CurrentSession) -> None:
        session["a"] = 1

    @websocket("rotate")
    async def rotate(self, user: str, session: CurrentSession) -> None:
        await session.rotate(user=user)

    @both("GET", "/who", "who")
    async def who(self, request: Request) -> list[str | None]:
        return [request.token.credential, request.token.identifier]

    @both("GET", "/inside", "inside")
    @access("session")
    async def inside(self) -> str:
        return "inside"


class Look:
    """Records the events of sockets; refuses *refused*."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.refused: str | None = None

    @observe(SecurityEvents.SOCKET_AUTHENTICATION_SUCCESS)
    async def enter(self, event: SocketAuthenticationEvent) -> None:
        self.seen.append(f"+{event.token.identifier}")
        if event.token.identifier == self.refused:
            raise ForbiddenException

    @observe(SecurityEvents.SOCKET_UNAUTHENTICATION_SUCCESS)
    async def leave(self, event: SocketAuthenticationEvent) -> None:
        self.seen.append(f"-{event.token.identifier}")


def application(look: Look | None = None, **connect: Any) -> Application:
    bundle = SecurityBundle(Accounts, connect={"/": access(**connect)} if connect else {})
    made = application_of(Desk, bundle=bundle, bundles=[SessionsBundle])
    if look is not None:
        made.listeners = (look,)
    return made


async def send(
    client: KernelClient, socket: RecordingConnection, event: str, **params: Any
) -> Any:
    response = await client.websocket(event, params=params, connection=socket)
    return response.content if response.status_code < 300 else response.status_code


@asynccontextmanager
async def logged_in(client: KernelClient, name: str) -> AsyncIterator[tuple[Any, str]]:
    """A socket of the user *name*, and the secret of its session."""
    async with client.connection() as socket:
        yield socket, await send(client, socket, "log_in", name=name)


async def test_restored_session_gives_socket_user_and_room(client_of: ClientOf) -> None:
    look = Look()
    client = client_of(application(look))
    async with logged_in(client, "ada") as (first, secret), client.connection() as second:
        assert await send(client, second, "restore", secret=secret) == [True, "ada"]
        assert await send(client, second, "who") == ["session", "ada"]
        assert user_room("ada") in second.rooms

        assert await send(client, second, "finish") is None
        assert await send(client, second, "who") == ["anonymous", None]
        assert user_room("ada") not in second.rooms
        assert second.emitted == []
        assert not first.is_connected
        assert first.emitted == [("security_expired", ({"reason": "revoked"},))]
    assert look.seen == ["+ada", "+ada", "-ada"]


async def test_logout_of_user_closes_sockets_with_restored_sessions(client_of: ClientOf) -> None:
    client = client_of(application())
    async with logged_in(client, "ada") as (_, secret), client.connection() as second:
        await send(client, second, "restore", secret=secret)
        await client.application.injector.get(Security).logout("ada")

        assert not second.is_connected


async def test_session_of_another_user_is_409_until_the_first_is_finished(
    client_of: ClientOf,
) -> None:
    client = client_of(application())
    async with logged_in(client, "eve") as (_, of_eve), logged_in(client, "ada") as (socket, _):
        assert await send(client, socket, "restore", secret=of_eve) == 409
        assert await send(client, socket, "log_in", name="eve") == 409
        assert await send(client, socket, "who") == ["session", "ada"]

        await send(client, socket, "finish")
        assert await send(client, socket, "restore", secret=of_eve) == [True, "eve"]


@pytest.mark.parametrize("event", ["enter", "log_in"])
async def test_concurrent_logins_on_one_socket_second_user_gets_409(
    client_of: ClientOf, event: str
) -> None:
    client = client_of(application())
    async with client.connection() as socket:
        await send(client, socket, "who")
        found = await asyncio.gather(
            *(send(client, socket, event, name=name) for name in ("ada", "eve"))
        )
        assert found.count(409) == 1
        winner = "eve" if found[0] == 409 else "ada"
        assert await send(client, socket, "who") == ["session", winner]


async def test_started_session_without_user_ends_the_identity(client_of: ClientOf) -> None:
    look = Look()
    client = client_of(application(look))
    async with logged_in(client, "ada") as (socket, _):
        assert (await send(client, socket, "start"))[1:] == ["session", None]
        assert await send(client, socket, "who") == ["session", None]
        assert await send(client, socket, "inside") == "inside"
        assert user_room("ada") not in socket.rooms
        assert socket.is_connected
    assert look.seen == ["+ada", "-ada"]


async def test_identity_of_access_token_precedes_that_of_a_session(client_of: ClientOf) -> None:
    client = client_of(application())
    auth = {"token": token_of("eve")}
    async with logged_in(client, "ada") as (_, secret), client.connection(auth=auth) as socket:
        assert await send(client, socket, "restore", secret=secret) == [True, "eve"]
        assert await send(client, socket, "who") == ["bearer", "eve"]
        await send(client, socket, "finish")
        assert await send(client, socket, "who") == ["bearer", "eve"]


async def test_session_of_disabled_user_is_not_restored(client_of: ClientOf) -> None:
    client = client_of(application())
    async with logged_in(client, "ada") as (_, secret), client.connection() as socket:
        del client.application.injector.get(Accounts).by_name["ada"]
        assert await send(client, socket, "restore", secret=secret) == [False, None]
        assert await send(client, socket, "who") == ["anonymous", None]
        over_http = await client.http("restore", form={"secret": secret})
        assert over_http.content == [False, None]
        assert "Set-Cookie" not in over_http.headers


async def test_authentication_that_a_listener_refuses_leaves_the_session_as_it_was(
    client_of: ClientOf,
) -> None:
    look = Look()
    client = client_of(application(look))
    async with logged_in(client, "ada") as (_, secret), client.connection() as socket:
        await send(client, socket, "write")
        look.refused = "ada"
        assert await send(client, socket, "restore", secret=secret) == 403
        assert await send(client, socket, "who") == ["session", None]


async def test_socket_that_writes_its_first_session_passes_the_rule_session(
    client_of: ClientOf,
) -> None:
    """The rule decides as over HTTP."""
    client = client_of(application())
    async with client.connection() as socket:
        assert await send(client, socket, "inside") == 401
        await send(client, socket, "write")
        assert await send(client, socket, "inside") == "inside"
        await send(client, socket, "rotate", user="ada")
        assert await send(client, socket, "who") == ["session", "ada"]
        assert user_room("ada") in socket.rooms
        await send(client, socket, "rotate", user="eve")
        assert await send(client, socket, "who") == ["session", "eve"]
        assert socket.emitted == []


async def test_guarded_namespace_is_left_when_the_session_is_finished(
    client_of: ClientOf,
) -> None:
    client = client_of(application(roles="editor"))
    secrets = {}
    for name in ("ada", "eve"):
        client.cookies.clear()
        secrets[name] = (await client.http("log_in", form={"name": name})).content
    client.cookies.clear()
    anonymous = (await client.http("start")).content[0]
    client.cookies.clear()
    async with client.connection(auth={"session": secrets["eve"]}) as socket:
        assert await send(client, socket, "restore", secret=anonymous) == [False, "eve"]
        assert await send(client, socket, "restore", secret=secrets["ada"]) == 409
        assert await send(client, socket, "who") == ["session", "eve"]
        response = await client.websocket("finish", connection=socket)

        assert response.status_code in (200, 204)
        assert not socket.is_connected


async def test_start_and_restore_over_http_set_the_identity_of_the_message(
    client_of: ClientOf,
) -> None:
    client = client_of(application())
    secret = (await client.http("log_in", form={"name": "ada"})).content
    assert (await client.http("who")).content == ["session", "ada"]
    client.cookies.clear()
    assert (await client.http("restore", form={"secret": secret})).content == [True, "ada"]
    assert (await client.http("who")).content == ["session", "ada"]
    assert (await client.http("start")).content[1:] == ["session", None]
    await client.http("finish")
    assert (await client.http("who")).content == ["anonymous", None]


@pytest.mark.parametrize("name", ["start", "restore", "log_in"])
async def test_change_of_session_from_another_site_is_403(client_of: ClientOf, name: str) -> None:
    """The other site could make its visitors use a session of its choice."""
    client = client_of(application())
    secret = (await client.http("start")).content[0]
    client.cookies.clear()
    form = {"secret": secret, "name": "ada"}

    refused = await client.http(name, form=form, headers=EVIL)

    assert (refused.status_code, refused.content["code"]) == (403, "cross_site")
    assert "Set-Cookie" not in refused.headers
