"""Sessions of clients that get their secret as a value, with every store."""

import asyncio
from typing import Annotated, Any

import pytest
from injector import inject

from bundles.sessions import (
    CurrentSession,
    SessionChangedEvent,
    SessionEvents,
    Sessions,
    SessionSecrets,
    SessionStore,
)
from bundles.sessions.credentials import id_of
from bundles.sessions.sockets import Sockets, SocketSession
from rxkernel import (
    Body,
    ConflictException,
    ForbiddenException,
    KernelClient,
    RecordingConnection,
    Request,
    Response,
    UnauthorizedException,
    both,
    observe,
    procedure,
)
from tests.bundles.sessions.conftest import SiteOf
from tests.bundles.sessions.shop import RPC, Shop, Site

MEMORY = pytest.mark.parametrize("store_name", ["memory"])
TRANSPORTS = pytest.mark.parametrize("transport", ["HTTP", "SOCKET", "RPC"])


class Secrets:
    """Actions that change the session of their client."""

    @inject
    def __init__(self, secrets: SessionSecrets, shop: Shop) -> None:
        self.secrets = secrets
        self.shop = shop

    @both("POST", "/start", "start")
    @procedure("start", RPC)
    async def start(self, request: Request, session: CurrentSession, name: str = "") -> str:
        session["before"] = "discarded"
        secret = await self.secrets.start(request, {"name": name})
        assert dict(session) == {"name": name}
        assert (session.id, session.is_new) == (id_of(secret), False)
        return secret

    @both("POST", "/start-and-write", "start_and_write")
    @procedure("start_and_write", RPC)
    async def start_and_write(self, request: Request, session: CurrentSession) -> str:
        secret = await self.secrets.start(request)
        session["after"] = 1
        return secret

    @both("POST", "/start-user", "start_user")
    async def start_user(self, user: str, request: Request, session: CurrentSession) -> str:
        await session.rotate(user=user)
        return await self.secrets.start(request, {"of": user})

    @both("POST", "/start-and-fail", "start_and_fail")
    async def start_and_fail(self, request: Request) -> None:
        self.started = await self.secrets.start(request, {"name": "kept"})
        raise ConflictException("failed")

    @both("POST", "/start-wrong", "start_wrong")
    async def start_wrong(self, request: Request) -> str:
        with pytest.raises(TypeError, match="cannot be stored"):
            await self.secrets.start(request, {"a": 1, "b": object()})
        return "raised"

    @both("POST", "/restore", "restore")
    @procedure("restore", RPC)
    async def restore(
        self, request: Request, secret: Annotated[Any, Body()], session: CurrentSession
    ) -> list[Any]:
        session["before"] = "discarded"
        return [await self.secrets.restore(request, secret), dict(session)]

    @both("POST", "/finish", "finish")
    @procedure("finish", RPC)
    async def finish(self, request: Request, session: CurrentSession) -> str:
        session["before"] = "discarded"
        await self.secrets.end(request)
        assert (session.id, dict(session)) == (None, {})
        return "bye"

    @both("POST", "/finish-and-write", "finish_and_write")
    async def finish_and_write(self, request: Request, session: CurrentSession) -> None:
        await self.secrets.end(request)
        session["message"] = "bye"

    @both("POST", "/slow-start", "slow_start")
    async def slow_start(self, request: Request, session: CurrentSession) -> str:
        await self.go_on()
        return await self.secrets.start(request)

    @both("POST", "/slow-finish", "slow_finish")
    async def slow_finish(self, request: Request, session: CurrentSession) -> None:
        await self.go_on()
        await self.secrets.end(request)

    async def go_on(self) -> None:
        self.shop.begun.put_nowait(None)
        await self.shop.go_on.wait()

    @both("POST", "/slow-rotate", "slow_rotate")
    async def slow_rotate(self, session: CurrentSession) -> None:
        session["slow"] = True
        await session.rotate()
        self.shop.begun.put_nowait(None)
        await self.shop.go_on.wait()


class Person:
    """One client: a browser, a socket, or a client of procedures that sends the header."""

    def __init__(self, client: KernelClient, transport: str) -> None:
        self.client = client
        self.transport = transport
        self.connection: RecordingConnection | None = None
        self.cookies: dict[str, str] = {}
        self.headers: dict[str, str] = {}

    async def __call__(self, name: str, /, **params: Any) -> Response:
        body = params.pop("secret", None)
        match self.transport:
            case "HTTP":
                self.client.cookies.clear()
                self.client.cookies.update(self.cookies)
                response = await self.client.http(name, params=params, body=body)
                self.cookies = dict(self.client.cookies)
                self.client.cookies.clear()
                return response
            case "SOCKET":
                if self.connection is None:
                    self.connection = self.client.connection()
                return await self.client.websocket(
                    name, params=params, body=body, connection=self.connection
                )
        response = await self.client.call(
            RPC, name, params=params, body=body, headers=self.headers
        )
        if "Session" in response.headers:
            self.headers = {"Session": response.headers["Session"]}
        return response

    async def content(self, name: str, /, **params: Any) -> Any:
        response = await self(name, **params)
        assert response.status_code == 200, response.content
        return response.content


def client_of(site: Site, *listeners: Any) -> KernelClient:
    secrets_of = [lambda binder: binder.bind(Shop, to=site.shop)]
    application = site.application(Secrets, listeners=listeners)
    application.modules = (*application.modules, *secrets_of)
    return KernelClient(application)


# --- start


@TRANSPORTS
async def test_start_returns_secret_of_session_with_values(
    site_of: SiteOf, transport: str
) -> None:
    async with client_of(site_of()) as client:
        person = Person(client, transport)
        secret = await person.content("start", name="ada")

        assert len(secret) == 43
        assert await person.content("get") == {"name": "ada"}
        await person.content("put", name="more", value="1")
        assert await person.content("get") == {"name": "ada", "more": "1"}
        assert await Person(client, transport).content("get") == {}


@TRANSPORTS
async def test_start_then_write_stores_the_later_values(site_of: SiteOf, transport: str) -> None:
    async with client_of(site_of()) as client:
        person = Person(client, transport)
        await person.content("start_and_write")

        assert await person.content("get") == {"after": 1}


# T39
async def test_start_over_http_sends_the_secret_as_cookie(site_of: SiteOf) -> None:
    async with client_of(site_of()) as client:
        response = await client.http("start", params={"name": "ada"})

        name, *attributes = response.headers["Set-Cookie"].split("; ")
        assert name == f"sid={response.content}"
        assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Lax"]
        assert (await client.http("get")).content == {"name": "ada"}
        again = await client.http("restore", body=response.content)
        assert again.headers["Set-Cookie"].split("; ")[0] == name


@TRANSPORTS
async def test_start_again_ends_the_earlier_session(site_of: SiteOf, transport: str) -> None:
    """After a login, an id that an attacker knows is invalid."""
    site = site_of()
    async with client_of(site) as client:
        person, other = Person(client, transport), Person(client, "SOCKET")
        first = await person.content("start", name="ada")
        await person.content("put", name="cart", value="tea")
        assert (await other.content("restore", secret=first))[0] is True
        second = await person.content("start", name="eve")

        assert first != second
        assert await person.content("get") == {"name": "eve"}
        assert other.connection is not None
        assert not other.connection.is_connected
        assert person.connection is None or person.connection.is_connected
        stranger = Person(client, transport)
        assert await stranger.content("restore", secret=first) == [
            False,
            {"before": "discarded"},
        ]
    assert [(e.id, e.reason) for e in site.ended.all] == [(id_of(first), "destroyed")]


@pytest.mark.parametrize("transport", ["HTTP", "SOCKET"])
async def test_start_takes_user_that_message_has_set_only(site_of: SiteOf, transport: str) -> None:
    async with client_of(site_of()) as client:
        person = Person(client, transport)
        await person.content("start_user", user="ada")
        assert (await person.content("about"))[1:] == [False, "ada"]
        assert await person.content("get") == {"of": "ada"}

        await person.content("start", name="x")
        assert (await person.content("about"))[1:] == [False, None]


@pytest.mark.parametrize("transport", ["HTTP", "SOCKET"])
async def test_start_is_kept_when_its_message_fails(site_of: SiteOf, transport: str) -> None:
    """Over HTTP the client has not received the cookie, so the new session stays unknown to it."""
    async with client_of(site_of()) as client:
        person = Person(client, transport)
        await person.content("start", name="first")
        failed = await person("start_and_fail")
        found = await person.content("get")

    assert failed.status_code == 409
    assert {"Set-Cookie", "Session"}.isdisjoint(failed.headers)
    assert found == ({} if transport == "HTTP" else {"name": "kept"})


@MEMORY
async def test_start_with_values_that_are_not_json_changes_nothing(site_of: SiteOf) -> None:
    async with client_of(site_of()) as client:
        person = Person(client, "SOCKET")
        await person.content("start", name="ada")

        assert await person.content("start_wrong") == "raised"
        assert await person.content("get") == {"name": "ada"}


@pytest.mark.parametrize("transport", ["HTTP", "SOCKET"])
async def test_start_above_limits_is_refused_and_keeps_the_session(
    site_of: SiteOf, transport: str
) -> None:
    async with client_of(site_of(max_size=40)) as client:
        person = Person(client, transport)
        await person.content("start", name="ada")

        assert (await person("start", name="x" * 50)).status_code == 413
        assert await person.content("get") == {"name": "ada"}


async def test_start_over_socket_with_cookie_keeps_the_session_of_the_cookie(
    site_of: SiteOf,
) -> None:
    """The socket cannot change the cookie, which the browser continues to send."""
    site = site_of()
    async with client_of(site) as client:
        await client.http("login", params={"user": "ada"})
        async with client.connection() as socket, client.connection() as other:
            started = await client.websocket("start", params={"name": "a"}, connection=socket)
            assert started.status_code == 200
            assert (await client.websocket("get", connection=socket)).content == {"name": "a"}
            assert (await client.websocket("rotate", connection=socket)).status_code == 200
            assert other.is_connected
        assert (await client.http("about")).content[2] == "ada"
    assert site.ended.reasons == ["rotated"]


# --- restore


# T37
@TRANSPORTS
async def test_restore_uses_the_session_from_then_on(site_of: SiteOf, transport: str) -> None:
    """Two clients share one session."""
    async with client_of(site_of()) as client:
        first, second = Person(client, transport), Person(client, transport)
        secret = await first.content("start", name="ada")

        assert await second.content("restore", secret=secret) == [True, {"name": "ada"}]
        await second.content("put", name="counter", value="1")
        assert await first.content("get") == {"name": "ada", "counter": "1"}
        await first.content("put", name="counter", value="2")
        assert await second.content("get") == {"name": "ada", "counter": "2"}


@TRANSPORTS
@pytest.mark.parametrize(
    "secret",
    ["", "x", "x" * 43, "a" * 5000, "ä" * 43, 7, True, ["x" * 43], {"a": 1}],
    ids=repr,
)
@MEMORY
async def test_restore_of_unknown_secret_is_false_and_changes_nothing(
    site_of: SiteOf, transport: str, secret: Any
) -> None:
    async with client_of(site_of()) as client:
        person = Person(client, transport)
        assert (await person.content("restore", secret=secret))[0] is False
        own = await person.content("start", name="ada")
        assert (await person.content("restore", secret=secret))[0] is False
        assert await person.content("get") == {"name": "ada", "before": "discarded"}
        assert (await Person(client, transport).content("restore", secret=own))[0] is True


async def test_restore_of_expired_or_hashed_secret_is_false(site_of: SiteOf) -> None:
    site = site_of(idle_timeout=100)
    async with client_of(site) as client:
        secret = await Person(client, "SOCKET").content("start", name="ada")
        person = Person(client, "SOCKET")
        assert (await person.content("restore", secret=id_of(secret)))[0] is False
        site.clock.time += 100
        assert (await Person(client, "SOCKET").content("restore", secret=secret))[0] is False


async def test_restore_of_another_session_keeps_the_earlier_one(site_of: SiteOf) -> None:
    site = site_of()
    async with client_of(site) as client:
        ada, eve = Person(client, "SOCKET"), Person(client, "SOCKET")
        of_ada = await ada.content("start", name="ada")
        of_eve = await eve.content("start", name="eve")

        assert (await eve.content("restore", secret=of_ada))[0] is True
        assert await eve.content("get") == {"name": "ada"}
        assert await Person(client, "SOCKET").content("restore", secret=of_eve) == [
            True,
            {"name": "eve"},
        ]
    assert site.ended.all == []


async def test_restore_then_message_that_rotates_the_earlier_session_is_401(
    site_of: SiteOf,
) -> None:
    """The changes of the message are not stored in the session of another client."""
    site = site_of()
    async with client_of(site) as client:
        of_ada = await Person(client, "SOCKET").content("start", name="ada")
        person = Person(client, "SOCKET")
        await person.content("start", name="eve")
        slow = asyncio.create_task(person("slow_rotate"))
        await site.shop.begun.get()
        assert (await person.content("restore", secret=of_ada))[0] is True
        site.shop.go_on.set()

        assert (await slow).status_code == 401
        assert await person.content("get") == {"name": "ada"}


async def test_restore_then_message_of_earlier_session_stores_into_the_earlier_one(
    site_of: SiteOf,
) -> None:
    site = site_of()
    async with client_of(site) as client:
        of_ada = await Person(client, "SOCKET").content("start", name="ada")
        person = Person(client, "SOCKET")
        of_eve = await person.content("start", name="eve")
        slow = asyncio.create_task(person("slow", name="late"))
        await site.shop.begun.get()
        await person.content("restore", secret=of_ada)
        site.shop.go_on.set()

        assert (await slow).status_code == 200
        assert await person.content("get") == {"name": "ada"}
        assert (await person.content("restore", secret=of_eve))[1] == {"name": "eve", "late": True}


@pytest.mark.parametrize("change", ["start", "restore"])
async def test_change_then_message_that_began_without_session_and_writes_is_401(
    site_of: SiteOf, change: str
) -> None:
    """The values are not stored in a session that the client has chosen later."""
    site = site_of()
    async with client_of(site) as client:
        ada, person = Person(client, "SOCKET"), Person(client, "SOCKET")
        secret = await ada.content("start", name="ada")
        slow = asyncio.create_task(person("slow", name="cart"))
        await site.shop.begun.get()
        await person.content(change, name="ada", secret=secret)
        site.shop.go_on.set()

        assert (await slow).status_code == 401
        assert await person.content("get") == {"name": "ada"}
        assert await ada.content("get") == {"name": "ada"}


async def test_change_that_is_refused_then_message_that_began_without_session_writes(
    site_of: SiteOf,
) -> None:
    site, refuse = site_of(), Refuse(UnauthorizedException)
    async with client_of(site, refuse) as client:
        ada, person = Person(client, "SOCKET"), Person(client, "SOCKET")
        secret = await ada.content("start", name="ada")
        slow = asyncio.create_task(person("slow", name="cart"))
        await site.shop.begun.get()
        refuse.is_on = True
        assert (await person.content("restore", secret=secret))[0] is False
        refuse.is_on = False
        site.shop.go_on.set()

        assert (await slow).status_code == 200
        assert await person.content("get") == {"cart": True}
        assert await ada.content("get") == {"name": "ada"}


async def test_parallel_starts_of_one_connection_leave_the_last_session_only(
    site_of: SiteOf,
) -> None:
    site = site_of()
    async with client_of(site) as client:
        person = Person(client, "SOCKET")
        starts = [asyncio.create_task(person.content("slow_start")) for _ in range(3)]
        for _ in starts:
            await site.shop.begun.get()
        site.shop.go_on.set()
        secrets = await asyncio.gather(*starts)

        await person.content("finish")
        for secret in secrets:
            other = Person(client, "SOCKET")
            assert (await other.content("restore", secret=secret))[0] is False


async def test_parallel_changes_of_one_connection_leave_it_with_one_session(
    site_of: SiteOf,
) -> None:
    async with client_of(site_of()) as client:
        of_ada = await Person(client, "SOCKET").content("start", name="ada")
        person = Person(client, "SOCKET")
        await person.content("start", name="first")
        responses = await asyncio.gather(
            *(person("start", name=f"n{n}") for n in range(5)),
            *(person("restore", secret=of_ada) for _ in range(5)),
            *(person("rotate") for _ in range(5)),
            *(person("finish") for _ in range(2)),
        )
        assert {response.status_code for response in responses} <= {200, 401}
        assert person.connection is not None
        if person.connection.is_connected:
            assert (await person("put", name="a", value="1")).status_code == 200
        sockets = client.application.injector.get(Sockets)
        assert sum(len(users) for users in sockets._by_id.values()) <= 2


# --- finish


# T38
@TRANSPORTS
async def test_finish_ends_the_session_everywhere(site_of: SiteOf, transport: str) -> None:
    """The connection of the message stays, the others are closed."""
    site = site_of()
    async with client_of(site) as client:
        person, other, web = (Person(client, t) for t in (transport, "SOCKET", "HTTP"))
        secret = await person.content("start", name="ada")
        for one in (other, web):
            assert (await one.content("restore", secret=secret))[0] is True

        assert await person.content("finish") == "bye"

        assert other.connection is not None
        assert not other.connection.is_connected
        assert await web.content("get") == {}
        assert person.cookies == {}
        assert person.connection is None or person.connection.is_connected
        assert await person.content("get") == {}
        assert (await person.content("restore", secret=secret))[0] is False
        assert await person.content("finish") == "bye"  # without a session
        again = await person.content("start", name="again")
        assert again != secret
        assert await person.content("get") == {"name": "again"}
    assert [(e.id, e.reason) for e in site.ended.all][:1] == [(id_of(secret), "destroyed")]


@pytest.mark.parametrize("transport", ["HTTP", "SOCKET"])
async def test_finish_then_write_is_a_new_session(site_of: SiteOf, transport: str) -> None:
    async with client_of(site_of()) as client:
        person = Person(client, transport)
        secret = await person.content("start_user", user="ada")
        await person("finish_and_write")

        assert await person.content("get") == {"message": "bye"}
        assert (await person.content("about"))[2] is None
        assert (await person.content("restore", secret=secret))[0] is False


async def test_finish_while_a_message_rotates_leaves_no_invalid_session(site_of: SiteOf) -> None:
    site = site_of()
    async with client_of(site) as client:
        person = Person(client, "SOCKET")
        await person.content("start", name="ada")
        slow = asyncio.create_task(person("slow_rotate"))
        await site.shop.begun.get()
        await person.content("finish")
        site.shop.go_on.set()

        assert (await slow).status_code == 401
        assert person.connection is not None
        assert person.connection.is_connected
        assert await person.content("get") == {}


@pytest.mark.parametrize("has_session", [False, True])
async def test_finish_ends_the_session_that_was_started_meanwhile(
    site_of: SiteOf, has_session: bool
) -> None:
    site = site_of()
    async with client_of(site) as client:
        person, other = Person(client, "SOCKET"), Person(client, "SOCKET")
        if has_session:
            await person.content("start", name="first")
        slow = asyncio.create_task(person("slow_finish"))
        await site.shop.begun.get()
        secret = await person.content("start", name="second")
        assert (await other.content("restore", secret=secret))[0] is True
        site.shop.go_on.set()

        assert (await slow).status_code == 200
        assert await person.content("get") == {}
        assert other.connection is not None
        assert not other.connection.is_connected
        assert (await Person(client, "SOCKET").content("restore", secret=secret))[0] is False


@pytest.mark.parametrize("store_name", ["sqlite", "redis"])
async def test_finish_in_another_process_is_401_at_next_message(site_of: SiteOf) -> None:
    site = site_of()
    async with client_of(site) as one, client_of(site_of()) as two:
        person, other = Person(one, "SOCKET"), Person(two, "SOCKET")
        secret = await person.content("start", name="ada")
        assert (await other.content("restore", secret=secret))[0] is True
        await other.content("finish")

        assert (await person("get")).status_code == 401
        assert person.connection is not None
        assert not person.connection.is_connected


# --- the event


class Refuse:
    """A listener that raises an exception for each change that can be refused."""

    def __init__(self, exception: type[Exception]) -> None:
        self.exception = exception
        self.is_on = False
        self.seen: list[bool] = []

    @observe(SessionEvents.CHANGED)
    async def refuse(self, event: SessionChangedEvent) -> None:
        self.seen.append(event.is_refusable)
        if self.is_on:
            raise self.exception


@TRANSPORTS
@pytest.mark.parametrize(
    ("exception", "status"), [(ForbiddenException, 403), (UnauthorizedException, 200)]
)
async def test_change_that_a_listener_refuses_is_undone(
    site_of: SiteOf, transport: str, exception: type[Exception], status: int
) -> None:
    """A restored session with an invalid user counts as missing."""
    refuse = Refuse(exception)
    async with client_of(site_of(), refuse) as client:
        of_ada = await Person(client, transport).content("start", name="ada")
        person = Person(client, transport)
        await person.content("start", name="eve")
        refuse.is_on = True
        restored = await person("restore", secret=of_ada)
        started = await person("start", name="x")
        refuse.is_on = False

        assert restored.status_code == status
        assert status != 200 or restored.content == [False, {"name": "eve"}]
        assert started.status_code == (403 if status == 403 else 401)
        assert await person.content("get") == {"name": "eve"}
        store = client.application.injector.get(SessionStore)  # type: ignore[type-abstract]
        now = client.application.injector.get(Sessions)._now()
        if hasattr(store, "_by_id"):
            assert len(store._by_id) == 2
        assert await store.remove_expired(now) in ([], ())


@MEMORY
async def test_changed_event_of_a_socket_is_sent_once_its_session_exists(site_of: SiteOf) -> None:
    refuse = Refuse(ForbiddenException)
    async with client_of(site_of(), refuse) as client:
        person = Person(client, "SOCKET")
        await person.content("put", name="a", value="1")
        await person.content("put", name="a", value="2")
        await person.content("rotate")
        await person.content("start", name="x")
        await person.content("finish")
        await Person(client, "HTTP").content("put", name="a", value="1")

    assert refuse.seen == [False, False, True, False]


@MEMORY
async def test_socket_session_that_is_undone_stays_if_another_was_chosen(site_of: SiteOf) -> None:
    sessions: list[SocketSession] = []

    class Take:
        @both("POST", "/take", "take")
        async def take(self, request: Request) -> None:
            sessions.append(await request.get(SocketSession))

    site = site_of()
    async with KernelClient(site.application(Take)) as client:
        socket = client.connection()
        await client.websocket("take", connection=socket)
        await client.websocket("put", params={"name": "a", "value": "1"}, connection=socket)
        (found,) = sessions
        first = found.id
        undo = found.use(None)
        assert found.id is None
        undo()
        assert (found.id, found.is_known) == (first, True)
