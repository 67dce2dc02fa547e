"""Tokens and sessions that end in one process are refused by the others, and their sockets end."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from socketio import AsyncClient

from bundles.security import (
    RevokedEvent,
    Security,
    SecurityBundle,
    SecurityEvents,
    SecuritySettings,
    TokenSettings,
)
from bundles.sessions import (
    SessionEnd,
    SessionEndedEvent,
    SessionEvents,
    Sessions,
    SessionsBundle,
    SessionsSettings,
)
from rxkernel import ConnectionEvent, ServerEvents, observe
from tests.bundles.redis_servers import RedisServer
from tests.bundles.scale.conftest import Site, SiteOf
from tests.bundles.security.logins import CHEAP, SECRET, Accounts, Notes, password_of
from tests.servers.conftest import http_url
from tests.servers.socketio_clients import client
from tests.waiting import until

QUICK = {"heartbeat_interval": 0.1, "heartbeat_timeout": 0.5}


class Ends:
    """Records the events of its process.

    Attributes:
        is_free: listeners of the end of a connection wait for it.
    """

    def __init__(self) -> None:
        self.is_free = asyncio.Event()
        self.is_free.set()
        self.waiting = 0
        self.revoked: list[tuple[str, bool]] = []
        self.sessions: list[tuple[str | None, SessionEnd]] = []

    @observe(SecurityEvents.REVOKED)
    async def note_revoked(self, event: RevokedEvent) -> None:
        self.revoked.append((event.identifier, event.token_id is not None))

    @observe(ServerEvents.DISCONNECTED)
    async def wait(self, event: ConnectionEvent) -> None:
        self.waiting += 1
        await self.is_free.wait()

    @observe(SessionEvents.ENDED)
    async def note_session(self, event: SessionEndedEvent) -> None:
        self.sessions.append((event.user, event.reason))


class Process:
    """An application, and requests to it."""

    def __init__(self, site: Site, ends: Ends) -> None:
        self.application = site.application
        self.link = site.link
        self.ends = ends
        self.security = site.application.injector.get(Security)
        self.sessions = site.application.injector.get(Sessions)

    async def log_in(self, http: aiohttp.ClientSession, **body: Any) -> Any:
        body |= {"username": "ada", "password": password_of("ada")}
        async with http.post(http_url(self.application, "/security/login"), json=body) as sent:
            assert sent.ok
            return await sent.json(content_type=None) if "session" not in body else None

    async def status(self, http: aiohttp.ClientSession, token: str | None = None) -> int:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with http.get(http_url(self.application, "/notes/mine"), headers=headers) as sent:
            return sent.status


@pytest.fixture
async def http() -> Any:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


async def _two(
    site_of: SiteOf, redis: RedisServer, folder: Path, store: Any = "redis"
) -> list[Process]:
    tokens = TokenSettings(secret=SECRET, store=store, store_file=folder / "tokens.sqlite3")
    sessions = SessionsSettings(store=store, file=folder / "sessions.sqlite3")
    found = []
    for _ in range(2):
        ends = Ends()
        site = await site_of(
            redis,
            Notes,
            scale=QUICK,
            bundles=(SessionsBundle, SecurityBundle(Accounts())),
            sections={
                "security": SecuritySettings(passwords=CHEAP, tokens=tokens),
                "sessions": sessions,
            },
            listeners=[ends],
        )
        found.append(Process(site, ends))
    for process in found:
        await until(lambda process=process: process.link.others and process.link.problem is None)  # type: ignore[misc]
    return found


async def _ended(socket: AsyncClient, received: list[Any]) -> None:
    await until(lambda: not socket.connected)
    assert received == [{"reason": "revoked"}]


async def test_revoked_token_is_refused_and_its_sockets_end_in_each_process(
    site_of: SiteOf, shared_redis: RedisServer, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    here, there = await _two(site_of, shared_redis, tmp_path)
    token, other = [(await here.log_in(http))["token"] for _ in range(2)]
    for one in (token, other):
        assert await there.status(http, one) == 200  # it is verified and kept
    received: list[Any] = []
    async with (
        client(there.application, auth={"token": token}) as socket,
        client(there.application, auth={"token": other}) as stays,
    ):
        socket.on("security_expired", received.append)
        await here.security.revoke(token)

        await _ended(socket, received)
        assert await there.status(http, token) == 401
        assert await there.status(http, other) == 200
        assert stays.connected
    await until(lambda: there.ends.revoked == here.ends.revoked == [("ada", True)] * 2)


async def test_listener_that_waits_does_not_delay_the_next_revocation(
    site_of: SiteOf, shared_redis: RedisServer, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    here, there = await _two(site_of, shared_redis, tmp_path)
    first, second = [(await here.log_in(http))["token"] for _ in range(2)]
    assert await there.status(http, second) == 200
    there.ends.is_free.clear()
    async with (
        client(there.application, auth={"token": first}) as one,
        client(there.application, auth={"token": second}) as two,
    ):
        await here.security.revoke(first)
        await until(lambda: there.ends.waiting == 1)

        await here.security.revoke(second)
        await until(lambda: there.ends.waiting == 2)
        assert await there.status(http, second) == 401
        there.ends.is_free.set()
        await until(lambda: not one.connected and not two.connected)


async def test_logout_of_user_ends_tokens_sessions_and_sockets_in_each_process(
    site_of: SiteOf, shared_redis: RedisServer, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    here, there = await _two(site_of, shared_redis, tmp_path)
    token = (await here.log_in(http))["token"]
    await here.log_in(http, session=True)
    cookies = "; ".join(f"{one.key}={one.value}" for one in http.cookie_jar)
    assert await there.status(http, token) == await there.status(http) == 200
    with_token: list[Any] = []
    with_session: list[Any] = []
    async with (
        client(there.application, auth={"token": token}) as one,
        client(there.application, headers={"Cookie": cookies}) as two,
    ):
        one.on("security_expired", with_token.append)
        two.on("security_expired", with_session.append)
        await here.security.logout("ada")

        await _ended(one, with_token)
        await _ended(two, with_session)
    assert await there.status(http, token) == await there.status(http) == 401
    await until(lambda: there.ends.revoked == [("ada", False)])
    await until(lambda: there.ends.sessions == [("ada", SessionEnd.USER)])


@pytest.mark.parametrize("what", ["token", "session"])
async def test_revocations_missed_during_outage_of_redis_are_applied_afterwards(
    what: str,
    site_of: SiteOf,
    redis: RedisServer,
    tmp_path: Path,
    http: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Meanwhile each token is looked up in the store, although it was verified before."""
    here, there = await _two(site_of, redis, tmp_path, "sqlite")
    token = (await here.log_in(http))["token"]
    await here.log_in(http, session=True)
    cookies = "; ".join(f"{one.key}={one.value}" for one in http.cookie_jar)
    credential: Any = (
        {"auth": {"token": token}} if what == "token" else {"headers": {"Cookie": cookies}}
    )
    sent = token if what == "token" else None
    assert await there.status(http, sent) == 200
    async with client(there.application, **credential) as socket:
        redis.kill()
        for process in (here, there):
            await until(lambda process=process: process.link.problem is not None)  # type: ignore[misc]
        await here.security.logout("ada")
        assert "a revocation could not be sent to the other processes" in caplog.text
        assert await there.status(http, sent) == 401
        assert socket.connected
        redis.start()

        await until(lambda: not socket.connected)


async def test_valid_token_in_use_stays_valid_after_outage_of_redis(
    site_of: SiteOf, redis: RedisServer, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    here, there = await _two(site_of, redis, tmp_path, "sqlite")
    token, revoked = [(await here.log_in(http))["token"] for _ in range(2)]
    async with (
        client(there.application, auth={"token": token}) as stays,
        client(there.application, auth={"token": revoked}) as socket,
    ):
        redis.kill()
        await until(lambda: here.link.problem is not None)
        await here.security.revoke(revoked)
        redis.start()

        await until(lambda: not socket.connected)
        assert stays.connected
    assert await there.status(http, token) == 200
