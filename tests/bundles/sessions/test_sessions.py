"""Sessions of actions, over HTTP, sockets and procedures, with every store."""

import asyncio
import logging
import sqlite3
from pathlib import Path
from typing import Annotated, Any

import pytest
from injector import Binder, singleton

from bundles.sessions import CurrentSession, Sessions, SessionsSettings, StoredSession
from bundles.sessions.credentials import id_of
from bundles.sessions.memory_store import MemorySessionStore
from bundles.sessions.resolver import SessionMarker
from bundles.sessions.sockets import Sockets
from bundles.sessions.store import SessionStore
from rxkernel import (
    Application,
    ConfigurationError,
    ConflictException,
    ConnectionEvent,
    ConnectionRefusedException,
    DefinitionEvent,
    HeadEvent,
    HttpSettings,
    KernelClient,
    KernelEvents,
    RecordingConnection,
    Request,
    Response,
    ResponseEvent,
    RxKernelError,
    ServerEvents,
    Settings,
    http,
    observe,
)
from tests.bundles.redis_servers import RedisServer
from tests.bundles.sessions.conftest import SettingsOf, SiteOf
from tests.bundles.sessions.shop import RPC, Site
from tests.waiting import until

TRANSPORTS = ["HTTP", "SOCKET"]
MEMORY = pytest.mark.parametrize("store_name", ["memory"])


class Sender:
    """Sends messages of one client over one transport."""

    def __init__(self, client: KernelClient, transport: str) -> None:
        self.client = client
        self.transport = transport
        self.connection: RecordingConnection | None = None

    async def __call__(self, name: str, /, **params: Any) -> Response:
        if self.transport == "HTTP":
            return await self.client.http(name, params=params)
        if self.connection is None:
            self.connection = self.client.connection()
        return await self.client.websocket(name, params=params, connection=self.connection)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_session_written_is_read_by_next_message(site_of: SiteOf, transport: str) -> None:
    async with site_of().client() as client:
        send = Sender(client, transport)
        assert (await send("get")).content == {}
        await send("put", name="tea", value="3")
        await send("put", name="milk", value="1")
        await send("add", value=1)
        await send("add", value=2)
        await send("remove", name="milk")

        assert (await send("get")).content == {"tea": "3", "list": [1, 2]}


async def test_session_of_cookie_is_used_by_socket_and_http(site_of: SiteOf) -> None:
    async with site_of().client() as client:
        await client.http("put", params={"name": "http", "value": "1"})
        async with client.connection() as socket:
            await client.websocket(
                "put", params={"name": "socket", "value": "2"}, connection=socket
            )
            over_http = await client.http("get")
            over_socket = await client.websocket("get", connection=socket)

    assert over_http.content == over_socket.content == {"http": "1", "socket": "2"}


async def test_session_over_http_is_created_by_the_first_write_only(site_of: SiteOf) -> None:
    site = site_of()
    async with site.client() as client:
        read = await client.http("get")
        plain = await client.http("plain")
        about = await client.http("about")
        written = await client.http("put", params={"name": "a", "value": "1"})
        again = await client.http("put", params={"name": "a", "value": "2"})

    assert "Set-Cookie" not in read.headers
    assert "Set-Cookie" not in plain.headers
    assert about.content == [None, True, None]
    (cookie,) = written.headers.getall("Set-Cookie")
    name, *attributes = cookie.split("; ")
    assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Lax"]
    assert name.startswith("sid=")
    assert len(name.removeprefix("sid=")) == 43
    assert written.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in again.headers


@MEMORY
async def test_session_that_is_persistent_has_max_age_of_its_lifetime(site_of: SiteOf) -> None:
    site = site_of(persistent=True, lifetime=86_400.5)
    async with site.client() as client:
        written = await client.http("put", params={"name": "a", "value": "1"})

    assert "Max-Age=86401" in written.headers["Set-Cookie"].split("; ")


async def test_session_created_on_socket_is_handed_out_in_acknowledgement(
    site_of: SiteOf,
) -> None:
    """A socket cannot set cookies: the client sends the value as ``auth.session`` later."""
    async with site_of().client() as client:
        async with client.connection() as first:
            written = await client.websocket(
                "put", params={"name": "a", "value": "1"}, connection=first
            )
            read = await client.websocket("get", connection=first)
        auth = {"session": written.headers["Session"]}
        async with client.connection(auth=auth) as second:
            again = await client.websocket("get", connection=second)
        async with client.connection() as stranger:
            other = await client.websocket("get", connection=stranger)

    assert "Session" not in read.headers
    assert read.content == again.content == {"a": "1"}
    assert other.content == {}
    assert client.cookies == {}


async def test_session_auth_precedes_cookie(site_of: SiteOf) -> None:
    async with site_of().client() as client:
        written = await client.websocket("put", params={"name": "of", "value": "auth"})
        await client.http("put", params={"name": "of", "value": "cookie"})
        auth = {"session": written.headers["Session"]}
        async with client.connection(auth=auth) as socket:
            read = await client.websocket("get", connection=socket)

    assert read.content == {"of": "auth"}


async def test_session_auth_of_other_type_is_refused(site_of: SiteOf) -> None:
    async with site_of().client() as client:
        with pytest.raises(ConnectionRefusedException, match=r"auth\.session must be a text"):
            await client.connection(auth={"session": 7}).connect()


async def test_session_of_procedure_is_in_a_header(site_of: SiteOf) -> None:
    async with site_of().client() as client:
        written = await client.call(RPC, "put", params={"name": "a", "value": "1"})
        headers = {"Session": written.headers["Session"]}
        read = await client.call(RPC, "get", headers=headers)
        other = await client.call(RPC, "get")

    assert (read.content, other.content) == ({"a": "1"}, {})


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_session_failed_message_changes_nothing(site_of: SiteOf, transport: str) -> None:
    site = site_of()
    async with site.client() as client:
        send = Sender(client, transport)
        first = await send("fail")
        await send("put", name="a", value="1")
        before = await send("about")
        second = await send("fail")
        assert (await send("get")).content == {"a": "1"}
        assert (await send("about")).content == before.content
        await send("reject")
        assert (await send("get")).content == {"a": "1", "kept": 1}

    assert first.status_code == second.status_code == 409
    assert {"Session", "Set-Cookie"}.isdisjoint(first.headers)
    assert site.ended.all == []


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_session_concurrent_messages_lose_no_key(site_of: SiteOf, transport: str) -> None:
    site = site_of()
    async with site.client() as client:
        send = Sender(client, transport)
        await send("put", name="first", value="1")
        messages = [asyncio.create_task(send("slow", name=f"n{n}")) for n in range(50)]
        for _ in messages:
            await site.shop.begun.get()
        site.shop.go_on.set()
        responses = await asyncio.gather(*messages)
        found = (await send("get")).content

    assert {response.status_code for response in responses} == {200}
    assert found == {"first": "1"} | {f"n{n}": True for n in range(50)}


async def test_session_concurrent_first_messages_of_socket_create_one(site_of: SiteOf) -> None:
    """Each message began before the others had created their session."""
    site = site_of()
    async with site.client() as client, client.connection() as socket:
        messages = [
            asyncio.create_task(
                client.websocket("slow", params={"name": f"n{n}"}, connection=socket)
            )
            for n in range(10)
        ]
        for _ in messages:
            await site.shop.begun.get()
        site.shop.go_on.set()
        responses = await asyncio.gather(*messages)
        found = (await client.websocket("get", connection=socket)).content

    assert {response.status_code for response in responses} == {200}
    assert sum("Session" in response.headers for response in responses) == 1
    assert found == {f"n{n}": True for n in range(10)}


async def slow_before_login(
    site: Site, client: KernelClient, socket: RecordingConnection
) -> "asyncio.Task[Response]":
    """Begin a message of *socket* without a session, which waits for ``site.shop.go_on``. Then log
    the socket in, and return the message."""
    slow = asyncio.create_task(client.websocket("slow", params={"name": "a"}, connection=socket))
    await site.shop.begun.get()
    await client.websocket("login", params={"user": "ada"}, connection=socket)
    return slow


async def test_session_first_message_of_socket_stores_into_the_login_session(
    site_of: SiteOf,
) -> None:
    site = site_of()
    async with site.client() as client, client.connection() as socket:
        slow = await slow_before_login(site, client, socket)
        site.shop.go_on.set()

        assert (await slow).status_code == 200
        assert (await client.websocket("get", connection=socket)).content == {"a": True}
        assert (await client.websocket("about", connection=socket)).content[2] == "ada"


async def test_session_concurrent_rotations_of_socket_keep_one_session(site_of: SiteOf) -> None:
    """Each message rotates the session of the previous one."""
    site = site_of()
    async with site.client() as client, client.connection() as socket:
        await client.websocket("put", params={"name": "a", "value": "1"}, connection=socket)
        responses = await asyncio.gather(
            *(client.websocket("rotate", connection=socket) for _ in range(5))
        )
        await client.websocket("put", params={"name": "b", "value": "2"}, connection=socket)
        found = (await client.websocket("get", connection=socket)).content
        id = (await client.websocket("about", connection=socket)).content[0]

        assert socket.is_connected
    assert found == {"a": "1", "b": "2"}
    assert id in {id_of(response.headers["Session"]) for response in responses}
    assert set(site.ended.reasons) == {"rotated"}


async def test_session_first_message_of_socket_after_logout_is_401(site_of: SiteOf) -> None:
    """A message that began before the session does not create one after its end."""
    site = site_of()
    async with site.client() as client, client.connection() as socket:
        slow = await slow_before_login(site, client, socket)
        await client.application.injector.get(Sessions).end_all("ada")
        site.shop.go_on.set()

        assert (await slow).status_code == 401


async def test_session_same_key_keeps_value_of_last_message(site_of: SiteOf) -> None:
    """This also holds if it writes the value that it has read, or the earlier value."""
    site = site_of()

    class Writer:
        @http("POST", "/write", "write")
        async def write(self, session: CurrentSession) -> None:
            session["n"] = "0"
            await site.shop.go_on.wait()

    async with KernelClient(site.application(Writer)) as client:
        await client.http("put", params={"name": "n", "value": "0"})
        slow = asyncio.create_task(client.http("write"))
        await asyncio.sleep(0)
        await client.http("put", params={"name": "n", "value": "1"})
        site.shop.go_on.set()
        await slow

        assert (await client.http("get")).content == {"n": "0"}


async def test_session_stream_stores_before_its_first_byte(site_of: SiteOf) -> None:
    async with site_of().client() as client:
        response = await client.http("stream")
        assert "sid" in client.cookies
        pieces = aiter(response.content)
        assert await anext(pieces) == b"1"
        assert (await client.http("get")).content == {"before": 1}
        with pytest.raises(RxKernelError, match="cannot be changed here"):
            await anext(pieces)


# --- fixation, logout (E9)


# E9
@pytest.mark.parametrize("secret", ["", "x", "x" * 43, "a" * 5000], ids=len)
async def test_session_unknown_id_is_never_adopted(site_of: SiteOf, secret: str) -> None:
    """An attacker who plants an id does not share the session of its victim."""
    async with site_of().client() as client:
        planted = {"Cookie": f"sid={secret}"}
        response = await client.http("put", params={"name": "a", "value": "1"}, headers=planted)
        assert client.cookies["sid"] != secret
        read = await client.http("get", headers=planted)
        async with client.connection(auth={"session": secret}) as socket:
            over_socket = await client.websocket("get", connection=socket)
            written = await client.websocket(
                "put", params={"name": "b", "value": "1"}, connection=socket
            )

    assert response.status_code == 200
    assert read.content == over_socket.content == {}
    assert written.headers["Session"] != secret


# E9
async def test_session_login_invalidates_the_old_id(site_of: SiteOf) -> None:
    """After the login, the old id is invalid for messages and sockets."""
    site = site_of()
    async with site.client() as client:
        await client.http("put", params={"name": "cart", "value": "tea"})
        old = client.cookies["sid"]
        async with client.connection() as cookie_socket:
            attacker = client.connection(auth={"session": old})
            await attacker.connect()
            await client.http("login", params={"user": "ada"})

            assert not cookie_socket.is_connected
            assert not attacker.is_connected
        after = await client.http("about")
        values = await client.http("get")
        stolen = await client.http("get", headers={"Cookie": f"sid={old}"})

    assert client.cookies["sid"] != old
    assert after.content == [id_of(client.cookies["sid"]), False, "ada"]
    assert values.content == {"cart": "tea"}
    assert stolen.content == {}
    assert [(e.id, e.user, e.reason) for e in site.ended.all] == [(id_of(old), None, "rotated")]


async def test_session_login_without_session_creates_one(site_of: SiteOf) -> None:
    site = site_of()
    async with site.client() as client:
        await client.http("login", params={"user": "ada"})
        assert (await client.http("about")).content[1:] == [False, "ada"]

    assert site.ended.all == []


async def test_session_parallel_logins_are_both_valid(site_of: SiteOf) -> None:
    """After a double click the browser keeps one response; the cookies of both work."""
    site = site_of()

    class Logins:
        @http("POST", "/slow-login", "slow_login")
        async def login(self, session: CurrentSession) -> None:
            await session.rotate(user="ada")
            site.shop.begun.put_nowait(None)
            await site.shop.go_on.wait()

    async with KernelClient(site.application(Logins)) as client:
        await client.http("put", params={"name": "cart", "value": "tea"})
        logins = [asyncio.create_task(client.http("slow_login")) for _ in range(2)]
        for _ in logins:
            await site.shop.begun.get()
        site.shop.go_on.set()
        cookies = [(await login).headers["Set-Cookie"].partition(";")[0] for login in logins]
        reads = [await client.http("get", headers={"Cookie": cookie}) for cookie in cookies]
        users = [await client.http("about", headers={"Cookie": cookie}) for cookie in cookies]

    assert len(set(cookies)) == 2
    assert [read.content for read in reads] == [{"cart": "tea"}] * 2
    assert [user.content[2] for user in users] == ["ada", "ada"]


async def test_session_message_before_login_keeps_its_changes(site_of: SiteOf) -> None:
    site = site_of()
    async with site.client() as client:
        await client.http("put", params={"name": "a", "value": "1"})
        slow = asyncio.create_task(client.http("slow", params={"name": "b"}))
        await site.shop.begun.get()
        await client.http("login", params={"user": "ada"})
        site.shop.go_on.set()

        assert (await slow).status_code == 200
        assert (await client.http("get")).content == {"a": "1", "b": True}


# E9
async def test_session_destroyed_is_invalid_on_all_connections(site_of: SiteOf) -> None:
    """A stolen id is invalid after the logout; the sockets of all windows are closed."""
    site = site_of()
    async with site.client() as client:
        await client.http("login", params={"user": "ada"})
        stolen = client.cookies["sid"]
        sockets = [client.connection(), client.connection(auth={"session": stolen})]
        for socket in sockets:
            await socket.connect()
        stranger = client.connection(headers={"Cookie": "other=1"})
        await stranger.connect()

        response = await client.http("logout")

        assert response.content == "bye"
        assert dict(client.cookies) == {}
        assert [socket.is_connected for socket in sockets] == [False, False]
        assert stranger.is_connected
        again = await client.http("about", headers={"Cookie": f"sid={stolen}"})
        assert again.content == [None, True, None]

    assert [(e.id, e.user, e.reason) for e in site.ended.all] == [
        (id_of(stolen), "ada", "destroyed")
    ]


async def test_session_destroyed_over_socket_is_acknowledged_then_closed(
    site_of: SiteOf,
) -> None:
    site = site_of()
    async with site.client() as client:
        await client.http("login", params={"user": "ada"})
        async with client.connection() as own, client.connection() as other:
            response = await client.websocket("logout", connection=own)

            assert response.content == "bye"
            assert not other.is_connected
            assert not own.is_connected
    assert site.ended.reasons == ["destroyed"]


# E9
async def test_session_parallel_logouts_both_succeed(site_of: SiteOf) -> None:
    site = site_of()
    async with site.client() as client:
        await client.http("login", params={"user": "ada"})
        async with client.connection() as one, client.connection() as two:
            responses = await asyncio.gather(
                client.http("logout"),
                client.http("logout"),
                client.websocket("logout", connection=one),
                client.websocket("logout", connection=two),
            )
            assert not one.is_connected
            assert not two.is_connected

    assert {response.content for response in responses} == {"bye"}
    assert site.ended.reasons == ["destroyed"]


async def test_session_destroyed_meanwhile_message_with_changes_is_401(site_of: SiteOf) -> None:
    """The session is not created again."""
    site = site_of()
    async with site.client() as client:
        await client.http("put", params={"name": "a", "value": "1"})
        stolen = {"Cookie": f"sid={client.cookies['sid']}"}
        slow = asyncio.create_task(client.http("slow", params={"name": "b"}))
        await site.shop.begun.get()
        await client.http("logout")
        site.shop.go_on.set()
        late = await slow

        assert late.status_code == 401
        assert late.content["code"] == "session_ended"
        assert (await client.http("get", headers=stolen)).content == {}


async def test_session_written_after_destroy_is_a_new_one(site_of: SiteOf) -> None:
    async with site_of().client() as client:
        await client.http("login", params={"user": "ada"})
        await client.http("put", params={"name": "a", "value": "1"})
        old = client.cookies["sid"]
        await client.http("goodbye")

        assert client.cookies["sid"] != old
        assert (await client.http("get")).content == {"message": "bye"}
        assert (await client.http("about")).content[2] is None


async def test_session_rotated_over_socket_returns_the_new_id(site_of: SiteOf) -> None:
    """The client gets the new id; a cookie cannot be changed over a socket."""
    async with site_of().client() as client:
        async with client.connection() as socket:
            first = await client.websocket(
                "put", params={"name": "a", "value": "1"}, connection=socket
            )
            second = await client.websocket("login", params={"user": "ada"}, connection=socket)
            read = await client.websocket("about", connection=socket)
            assert socket.is_connected
        old, new = first.headers["Session"], second.headers["Session"]
        assert read.content == [id_of(new), False, "ada"]
        async with client.connection(auth={"session": old}) as dead:
            assert (await client.websocket("get", connection=dead)).content == {}

        await client.http("put", params={"name": "b", "value": "1"})
        async with client.connection() as of_cookie:
            refused = await client.websocket("rotate", connection=of_cookie)
            assert refused.status_code == 409
            assert refused.content["code"] == "session_cookie"
            assert of_cookie.is_connected


@pytest.mark.parametrize("store_name", ["sqlite", "redis"])
async def test_session_ended_by_another_process_closes_socket_at_next_message(
    site_of: SiteOf,
) -> None:
    site = site_of()
    async with site.client() as one, site_of().client() as two:
        await one.http("login", params={"user": "ada"})
        two.cookies["sid"] = one.cookies["sid"]
        async with one.connection() as socket:
            assert (await one.websocket("about", connection=socket)).content[2] == "ada"
            await two.http("logout")
            late = await one.websocket("about", connection=socket)

            assert late.status_code == 401
            assert late.content["code"] == "session_ended"
            assert not socket.is_connected


# --- expiry and limits


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_session_unused_for_the_idle_timeout_expires(
    site_of: SiteOf, transport: str
) -> None:
    site = site_of(idle_timeout=100, lifetime=300)
    async with site.client() as client:
        send = Sender(client, transport)
        await send("put", name="a", value="1")
        for _ in range(3):
            site.clock.time += 90
            assert (await send("get")).content == {"a": "1"}  # reading is a use
        site.clock.time += 29
        assert (await send("get")).content == {"a": "1"}
        site.clock.time += 1
        late = await send("get")

    if transport == "HTTP":
        assert late.content == {}
    else:  # the socket has had the session
        assert late.status_code == 401


async def test_session_expired_is_removed_without_a_request(site_of: SiteOf) -> None:
    """The sockets of the session are closed, also with Redis, which expires keys itself."""
    site = site_of(idle_timeout=100)
    async with site.client() as client:
        sessions = client.application.injector.get(Sessions)
        await client.http("login", params={"user": "ada"})
        async with client.connection() as socket:
            site.clock.time += 99
            assert await sessions.remove_expired() == 0
            site.clock.time += 1
            assert await sessions.remove_expired() == 1
            assert not socket.is_connected
            assert await sessions.remove_expired() == 0

    assert site.ended.reasons == ["expired"]


@pytest.mark.parametrize("store_name", ["sqlite", "redis"])
async def test_session_ended_by_another_process_closes_silent_socket(site_of: SiteOf) -> None:
    site = site_of()
    async with site.client() as one, site_of().client() as two:
        sessions = one.application.injector.get(Sessions)
        await one.http("login", params={"user": "ada"})
        two.cookies["sid"] = one.cookies["sid"]
        async with one.connection() as socket, one.connection() as other:
            assert (await one.websocket("about", connection=socket)).content[2] == "ada"
            assert await sessions.remove_expired() == 0
            await two.http("logout")

            assert await sessions.remove_expired() == 1
            assert not socket.is_connected
            assert not other.is_connected  # it has sent nothing

    assert [(event.user, str(event.reason)) for event in site.ended.all] == [("ada", "expired")]


@pytest.mark.parametrize("store_name", ["sqlite", "redis"])
async def test_session_watched_and_ended_by_another_process_is_reported(site_of: SiteOf) -> None:
    """A stream, which has no connection, watches its session so."""
    site = site_of()
    async with site.client() as one, site_of().client() as two:
        sessions = one.application.injector.get(Sessions)
        await one.http("login", params={"user": "ada"})
        two.cookies["sid"] = one.cookies["sid"]
        id = (await one.http("about")).content[0]
        release, again = sessions.watch(id), sessions.watch(id)
        assert await sessions.remove_expired() == 0
        release()
        await two.http("logout")

        assert await sessions.remove_expired() == 1
        again()
        assert await sessions.remove_expired() == 0

    assert [(event.id, str(event.reason)) for event in site.ended.all] == [(id, "expired")]


async def test_session_unknown_of_socket_is_not_closed_by_sweeper(site_of: SiteOf) -> None:
    """A browser with an old cookie is a client without a session."""
    async with site_of().client() as client:
        sessions = client.application.injector.get(Sessions)
        async with client.connection(auth={"session": "x" * 43}) as socket:
            assert await sessions.remove_expired() == 0
            assert socket.is_connected


@MEMORY
async def test_session_use_is_stored_at_most_ten_times_per_idle_timeout(site_of: SiteOf) -> None:
    """It is not stored at every read."""
    site = site_of(idle_timeout=100)
    async with site.client() as client:
        store = client.application.injector.get(SessionStore)  # type: ignore[type-abstract]
        await client.http("put", params={"name": "a", "value": "1"})
        id = id_of(client.cookies["sid"])
        assert id is not None
        used = []
        for _ in range(30):
            site.clock.time += 1
            await client.http("get")
            stored = await store.load(id, site.clock.time)
            assert isinstance(stored, StoredSession)
            used.append(stored.used)

    assert len(set(used)) == 4


async def test_session_of_user_above_limit_ends_the_oldest(site_of: SiteOf) -> None:
    site = site_of(max_per_user=2)
    async with site.client() as client:
        cookies = []
        for _ in range(3):
            client.cookies.clear()
            site.clock.time += 1
            await client.http("login", params={"user": "ada"})
            cookies.append(client.cookies["sid"])
            if len(cookies) == 1:
                first = client.connection()
                await first.connect()
        users = [
            (await client.http("about", headers={"Cookie": f"sid={cookie}"})).content[2]
            for cookie in cookies
        ]
        assert not first.is_connected

    assert users == [None, "ada", "ada"]
    assert [(e.id, e.user, e.reason) for e in site.ended.all] == [
        (id_of(cookies[0]), "ada", "limit")
    ]


async def test_session_end_all_ends_the_sessions_of_the_user(site_of: SiteOf) -> None:
    site = site_of()
    async with site.client() as ada, site_of().client() as _:
        await ada.http("login", params={"user": "ada"})
        async with ada.connection() as socket:
            ended = await ada.application.injector.get(Sessions).end_all("ada")
            assert ended == 1
            assert not socket.is_connected
        assert (await ada.http("about")).content[2] is None

    assert site.ended.reasons == ["user"]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_session_too_large_is_413(site_of: SiteOf, transport: str) -> None:
    async with site_of(max_size=50).client() as client:
        send = Sender(client, transport)
        assert (await send("put", name="a", value="x" * 50)).status_code == 413
        assert (await send("put", name="a", value="x" * 20)).status_code == 200
        late = await send("put", name="b", value="x" * 40)
        assert late.status_code == 413
        assert late.content["code"] == "session_too_large"
        assert (await send("get")).content == {"a": "x" * 20}


@MEMORY
async def test_session_memory_full_is_503_until_one_expires(
    site_of: SiteOf, caplog: pytest.LogCaptureFixture
) -> None:
    site = site_of(max_sessions=2, idle_timeout=100)
    async with site.client() as client:
        statuses = []
        for _ in range(4):
            client.cookies.clear()
            response = await client.http("put", params={"name": "a", "value": "1"})
            statuses.append(response.status_code)
        assert response.content["code"] == "sessions_full"
        site.clock.time += 100
        statuses.append((await client.http("rotate")).status_code)

    assert statuses == [200, 200, 503, 503, 200]
    lines = [r.getMessage() for r in caplog.records if r.name == "bundles.sessions.memory_store"]
    assert lines == [
        "the session store is full, and new sessions are refused: sessions.max_sessions is 2"
    ]


# --- stores that are down


@pytest.mark.parametrize("store_name", ["redis"])
async def test_session_redis_killed_in_use_is_503_and_never_anonymous(
    site_of: SiteOf, redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with site_of().client() as client:
        await client.http("login", params={"user": "ada"})
        async with client.connection() as socket:
            await client.websocket("about", connection=socket)
            redis.kill()
            for _ in range(3):
                over_http = await client.http("about")
                over_socket = await client.websocket("about", connection=socket)
                written = await client.http("put", params={"name": "a", "value": "1"})
                assert [over_http.status_code, over_socket.status_code] == [503, 503]
                assert written.status_code == 503
            assert (await client.http("plain")).status_code == 200
            assert socket.is_connected
        redis.start()
        assert (await client.http("put", params={"name": "a", "value": "1"})).status_code == 200

    errors = [r for r in caplog.records if r.name.startswith("bundles.") and r.levelno > 20]
    assert len(errors) == 1


@pytest.mark.parametrize("store_name", ["redis"])
async def test_session_sweeper_during_outage_of_redis_logs_nothing_further(
    site_of: SiteOf, redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with site_of(idle_timeout=1.0).client() as client:
        await client.http("login", params={"user": "ada"})
        async with client.connection() as socket:
            await client.websocket("about", connection=socket)
            redis.kill()
            await until(lambda: any(r.levelno > logging.INFO for r in caplog.records))
            assert socket.is_connected

    (line,) = [r.getMessage() for r in caplog.records if r.levelno > logging.INFO]
    assert line.startswith("Redis cannot be used: ")


@pytest.mark.parametrize("store_name", ["sqlite"])
async def test_session_sqlite_file_unusable_is_503_and_logged_once(
    site_of: SiteOf, caplog: pytest.LogCaptureFixture
) -> None:
    """The tables are dropped by another program: every statement fails."""
    site = site_of()
    async with site.client() as client:
        await client.http("login", params={"user": "ada"})
        other = sqlite3.connect(site.settings.file)
        other.execute("ALTER TABLE session RENAME TO gone")
        statuses = [(await client.http("about")).status_code for _ in range(3)]
        other.execute("ALTER TABLE gone RENAME TO session")
        other.close()
        again = await client.http("about")

    assert statuses == [503] * 3
    assert again.content[2] == "ada"
    lines = [r.getMessage() for r in caplog.records if r.name.startswith("bundles.sqlite")]
    assert "sessions cannot be used: no such table" in lines[0]
    assert len([line for line in lines if "cannot" in line]) == 1


@pytest.mark.parametrize("store_name", ["sqlite"])
async def test_session_sqlite_file_of_folder_is_a_boot_error(
    settings_for: SettingsOf, tmp_path: Path
) -> None:
    settings = SessionsSettings(store="sqlite", file=tmp_path)
    with pytest.raises(ConfigurationError, match=r"cannot be opened: .*; set sessions\.file"):
        await Site(settings, "").client().http("get")


@pytest.mark.parametrize("store_name", ["sqlite"])
async def test_session_sqlite_file_is_private(site_of: SiteOf) -> None:
    site = site_of()
    async with site.client() as client:
        await client.http("put", params={"name": "a", "value": "1"})
        check_private(site.settings.file, client.cookies["sid"])


def check_private(file: Path, secret: str) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    for part in file.parent.iterdir():
        assert secret.encode() not in part.read_bytes()


# --- listeners


class Watcher:
    """Reads sessions in listeners, such as a bundle that authenticates clients."""

    def __init__(self, sessions: list[Sessions]) -> None:
        self.found = sessions
        self.users: list[str | None] = []
        self.errors: list[str] = []

    @observe(KernelEvents.KERNEL_HEAD)
    async def head(self, event: HeadEvent) -> None:
        session = await self.found[0].of(event.request)
        self.users.append(session.user)
        assert await self.found[0].of(event.request) is session

    @observe(KernelEvents.KERNEL_RESPONSE)
    async def respond(self, event: ResponseEvent) -> None:
        if event.request.definition is None:
            session = await self.found[0].of(event.request)
            try:
                session["a"] = 1
            except RxKernelError as exc:
                self.errors.append(str(exc))

    @observe(ServerEvents.CONNECTED, priority=2000)
    async def connect(self, event: ConnectionEvent) -> None:
        session = await self.found[0].of_connection(event.connection)
        self.users.append(session.user)
        with pytest.raises(RxKernelError, match="cannot be changed here"):
            session["a"] = 1
        with pytest.raises(RxKernelError, match="cannot be changed here"):
            await session.rotate()
        same = await self.found[0].of(event.request)
        assert same.id == session.id


async def test_session_in_listeners_is_that_of_request_and_connection(site_of: SiteOf) -> None:
    found: list[Sessions] = []
    watcher = Watcher(found)
    async with KernelClient(site_of().application(listeners=[watcher])) as client:
        found.append(client.application.injector.get(Sessions))
        await client.http("login", params={"user": "ada"})
        await client.http("plain")
        async with client.connection() as socket:
            await client.websocket("plain", connection=socket)
        async with client.connection(headers={"Cookie": "x=1"}) as stranger:
            await client.websocket("put", params={"name": "a", "value": "1"}, connection=stranger)
            await client.websocket("plain", connection=stranger)

    assert watcher.users == [None, "ada", "ada", "ada", None, None, None]


@MEMORY
async def test_session_message_without_route_is_read_only(site_of: SiteOf) -> None:
    found: list[Sessions] = []
    watcher = Watcher(found)
    async with KernelClient(site_of().application(listeners=[watcher])) as client:
        found.append(client.application.injector.get(Sessions))
        request = Request("HTTP", method="GET", url="/missing")
        await client.application.kernel.respond(request, Response("x"))

    assert len(watcher.errors) == 1


@MEMORY
async def test_session_connection_rejected_is_forgotten(site_of: SiteOf) -> None:
    class Reject:
        @observe(ServerEvents.CONNECTED)
        async def reject(self, event: ConnectionEvent) -> None:
            await event.connection.disconnect()

    site = site_of()
    async with KernelClient(site.application(listeners=[Reject()])) as client:
        await client.http("login", params={"user": "ada"})
        with pytest.raises(ConnectionRefusedException):
            await client.connection().connect()
        sockets = client.application.injector.get(Sockets)
        assert (sockets._all, sockets._by_id) == ({}, {})


async def test_every_message_with_a_session_passes_the_listeners(site_of: SiteOf) -> None:
    """Each message passes the pipeline of the kernel."""
    seen: list[str] = []

    class Counter:
        @observe(KernelEvents.KERNEL_RESPONSE)
        async def count(self, event: ResponseEvent) -> None:
            seen.append(f"{event.request.transport} {event.request.route_name}")

    async with KernelClient(site_of().application(listeners=[Counter()])) as client:
        await client.http("login", params={"user": "ada"})
        await client.websocket("put", params={"name": "a", "value": "1"})
        await client.call(RPC, "get")

    assert seen == ["HTTP login", "SOCKET put", "SESSIONS-TEST get"]


# --- values, secrets, wiring


def nested(depth: int) -> list[Any]:
    return [nested(depth - 1)] if depth else []


@MEMORY
@pytest.mark.parametrize(
    ("value", "error"),
    [
        (object(), "session['a'] cannot be stored: builtins.object cannot be encoded as JSON"),
        ("\ud800", "session['a'] cannot be stored"),
        (nested(80), "session['a'] cannot be stored"),
    ],
    ids=["object", "surrogate", "deep"],
)
async def test_session_value_without_json_is_an_error_where_it_is_set(
    site_of: SiteOf, value: object, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Bad:
        @http("POST", "/bad", "bad")
        async def bad(self, session: CurrentSession) -> None:
            session["a"] = value

    async with KernelClient(site_of().application(Bad)) as client:
        assert (await client.http("bad")).status_code == 500
        assert (await client.http("get")).content == {}

    assert error in caplog.text


@MEMORY
async def test_session_repr_has_no_secret_and_no_values(site_of: SiteOf) -> None:
    shown: list[str] = []

    class Shown:
        @http("GET", "/shown", "shown")
        async def shown(self, request: Request, session: CurrentSession) -> None:
            shown.append(f"{session!r} {request!r} {session.stored and session.id}")

    async with KernelClient(site_of().application(Shown)) as client:
        await client.http("shown")
        await client.http("login", params={"user": "ada"})
        await client.http("put", params={"name": "pin", "value": "4711"})
        await client.http("shown")
        secret = client.cookies["sid"]

    assert shown[0].startswith("<Session new user=None names=[]>")
    assert shown[1].startswith(f"<Session {str(id_of(secret))[:8]}… user='ada' names=['pin']>")
    assert "4711" not in shown[1]
    assert secret not in shown[1]


@MEMORY
async def test_session_is_used_as_a_mapping_and_stores_nested_changes(site_of: SiteOf) -> None:
    class Mapping:
        @http("POST", "/mapping", "mapping")
        async def mapping(self, session: CurrentSession) -> list[Any]:
            assert (len(session), "x" in session, session.get("x")) == (0, False, None)
            with pytest.raises(KeyError):
                session["x"]
            with pytest.raises(KeyError):
                del session["x"]
            with pytest.raises(TypeError, match="must be a str, not 7"):
                session[7] = 1  # type: ignore[index]
            session.update(x=1, y={"deep": [1]})
            session["y"]["deep"].append(2)
            del session["x"]
            assert "x" not in session
            session["x"] = 2
            assert session.pop("x") == 2
            return list(session.items())

        @http("POST", "/again", "again")
        async def again(self, session: CurrentSession) -> list[Any]:
            session["y"]["deep"].append(3)
            session["z"] = None
            del session["z"]
            session.setdefault("w", "new")
            return list(session)

    async with KernelClient(site_of().application(Mapping)) as client:
        assert (await client.http("mapping")).content == [("y", {"deep": [1, 2]})]
        assert (await client.http("again")).content == ["y", "w"]
        assert (await client.http("get")).content == {"y": {"deep": [1, 2, 3]}, "w": "new"}


@MEMORY
def test_session_with_workers_and_memory_is_a_boot_error(settings_for: SettingsOf) -> None:
    settings = Settings(http=HttpSettings(reuse_port=True))
    application = Application(bundles=["sessions"], settings=settings)

    with pytest.raises(ConfigurationError, match=r"memory\", which other workers cannot read"):
        asyncio.run(application.boot())


@MEMORY
async def test_session_redis_without_its_bundle_is_a_boot_error(settings_for: SettingsOf) -> None:
    settings = Settings(bundles={"sessions": SessionsSettings(store="redis")})
    with pytest.raises(ConfigurationError, match="the bundle 'redis' is not enabled; write"):
        await Application(bundles=["sessions"], settings=settings).boot()


@MEMORY
async def test_session_parameter_of_other_type_is_a_boot_error(site_of: SiteOf) -> None:
    class Wrong:
        @http("GET", "/wrong", "wrong")
        async def wrong(self, session: Annotated[str, SessionMarker()]) -> None: ...

    with pytest.raises(ConfigurationError, match="write session: CurrentSession"):
        await site_of().application(Wrong).boot()


@MEMORY
@pytest.mark.parametrize(
    "wrong",
    [
        {"store": "disk"},
        {"cookie": "a b"},
        {"idle_timeout": 0},
        {"lifetime": -1},
        {"max_size": 0},
        {"max_per_user": 0},
        {"file": Path()},
    ],
)
def test_session_settings_invalid_raise(settings_for: SettingsOf, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SessionsSettings(**wrong)


@MEMORY
async def test_session_cookie_is_secure_over_tls_behind_a_proxy(site_of: SiteOf) -> None:
    """The name of the cookie requires TLS. For a real server see `test_wire`."""
    async with site_of(cookie="__Host-sid").client() as client:
        response = await client.http("put", params={"name": "a", "value": "1"})
        assert "Secure" in response.headers["Set-Cookie"]
        await client.http("logout")
        assert client.cookies == {}


@MEMORY
async def test_session_message_handled_again_stores_its_changes(site_of: SiteOf) -> None:
    """A wrapper handles the message twice: the first attempt fails, and the second one
    succeeds."""
    attempts: list[int] = []

    class Flaky:
        @http("POST", "/flaky", "flaky")
        async def flaky(self, session: CurrentSession) -> None:
            attempts.append(len(attempts))
            session[f"attempt {attempts[-1]}"] = True
            if attempts[-1] == 0:
                raise ConflictException("try again")

        @observe(KernelEvents.KERNEL_DEFINITION, only=lambda one: one.name == "flaky")
        async def retry(self, event: DefinitionEvent) -> None:
            inner = event.handler

            async def again(request: Request) -> Response:
                try:
                    return await inner(request)
                except ConflictException:
                    return await inner(request)

            event.wrap_handler(lambda _: again)

    async with KernelClient(site_of().application(Flaky)) as client:
        assert (await client.http("flaky")).status_code == 200
        assert "attempt 1" in (await client.http("get")).content


async def test_session_sweeper_removes_expired_sessions(site_of: SiteOf) -> None:
    """A task that runs from boot removes them, without a message."""
    site = site_of(idle_timeout=1.0)
    async with site.client() as client:
        await client.http("login", params={"user": "ada"})
        socket = client.connection()
        await client.websocket("get", connection=socket)
        site.clock.time += 1
        await until(lambda: not socket.is_connected)

    assert site.ended.reasons == ["expired"]


@MEMORY
async def test_session_store_of_application_replaces_the_store_of_settings(
    settings_for: SettingsOf,
) -> None:
    class OwnStore(MemorySessionStore):
        pass

    def configure(binder: Binder) -> None:
        binder.bind(SessionStore, to=OwnStore, scope=singleton)  # type: ignore[type-abstract]

    application = Application(bundles=["sessions"], modules=[configure])
    async with KernelClient(application) as client:
        store = client.application.injector.get(SessionStore)  # type: ignore[type-abstract]
        assert type(store) is OwnStore


async def test_session_attribute_that_is_set_is_an_error() -> None:
    """In Metarhia, values are attributes; here they would be lost."""
    found: list[str] = []

    class Careless:
        @http("POST", "/careless", "careless")
        async def careless(self, session: CurrentSession) -> dict[str, Any]:
            for name in ("n", "state", "user", "items", "_n"):
                with pytest.raises(AttributeError) as caught:
                    setattr(session, name, 1)
                found.append(str(caught.value))
            session["n"] = 2
            return dict(session)

    async with KernelClient(Application(bundles=["sessions"], controllers=[Careless])) as client:
        assert (await client.http("careless")).content == {"n": 2}
    assert found[0] == "'n' of a session cannot be set; write session['n']"
    assert found[2] == "'user' of a session cannot be set; write await session.rotate(user=…)"
