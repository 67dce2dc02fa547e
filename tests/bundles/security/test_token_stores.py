"""One contract for all stores of refresh tokens and revocations."""

import asyncio
import contextlib
import sqlite3
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest
import pytest_asyncio

from bundles.redis import Redis, RedisSettings
from bundles.resources import ResourcesSettings
from bundles.resources.stores.store_database import StoreDatabase
from bundles.resources.stores.token_store import DatabaseTokenStore
from bundles.security.settings import SecuritySettings
from bundles.security.token_settings import TokenSettings
from bundles.security.tokens.memory_store import MemoryTokenStore
from bundles.security.tokens.redis_store import RedisTokenStore
from bundles.security.tokens.sqlite_store import SqliteTokenStore
from bundles.security.tokens.store import (
    MOST_USES,
    EndedAccess,
    RefreshRecord,
    RotationResult,
    TokenStore,
)
from rxkernel import ServiceUnavailableException
from tests.bundles.redis_servers import RedisServer

NOW = 4_000_000_000.25
"""A time after the clock of Redis, which would remove expired keys."""


def sqlite_at(path: Path) -> SqliteTokenStore:
    return SqliteTokenStore(SecuritySettings(tokens=TokenSettings(store_file=path)))


@pytest_asyncio.fixture(params=["memory", "sqlite", "redis", "postgresql", "mariadb"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TokenStore]:
    if request.param == "memory":
        yield MemoryTokenStore(SecuritySettings())
    elif request.param == "sqlite":
        async with sqlite_at(tmp_path / "var" / "security.sqlite3") as opened:
            yield opened
    elif request.param in ("postgresql", "mariadb"):
        url = request.getfixturevalue(f"{request.param}_database").url
        async with StoreDatabase(ResourcesSettings(url=url)) as database:
            await database.create_tables()
            yield DatabaseTokenStore(database)
    else:
        async with Redis.from_url(request.getfixturevalue("redis").url) as client:
            yield RedisTokenStore(client, RedisSettings())


def record_of(
    name: str, family: str = "f", identifier: str = "ada", expires: float = NOW + 100
) -> RefreshRecord:
    return RefreshRecord(
        digest=f"digest-{name}",
        family=family,
        identifier=identifier,
        access_id=f"access-{name}",
        access_expires=NOW + 10,
        expires=expires,
        ends=NOW + 1000,
    )


async def test_added_token_is_found_until_it_expires(store: TokenStore) -> None:
    record = record_of("1")
    await store.add(record, NOW)

    for now, found in ((NOW, record), (NOW + 99, record), (NOW + 100, None)):
        assert await store.find("digest-1", now) == found
        assert await store.find_by_access("access-1", now) == found
    assert await store.find("digest-2", NOW) is None
    assert await store.find_by_access("access-2", NOW) is None


async def test_rotation_keeps_the_new_token_and_reuse_does_not(store: TokenStore) -> None:
    await store.add(record_of("1"), NOW)

    for index, (after, rotation) in enumerate(
        [
            (0, RotationResult.DONE),
            (9.5, RotationResult.DONE),
            (10, RotationResult.REUSED),
            (99, RotationResult.REUSED),
            (100, RotationResult.UNKNOWN),
        ]
    ):
        new = record_of(f"new-{index}")
        assert await store.rotate("digest-1", new, NOW + after, 10) is rotation
        assert (await store.find(new.digest, NOW) == new) is (rotation is RotationResult.DONE)
    assert await store.rotate("digest-2", record_of("3"), NOW, 10) is RotationResult.UNKNOWN


async def test_rotations_within_the_grace_are_limited(store: TokenStore) -> None:
    await store.add(record_of("1"), NOW)

    done = [
        await store.rotate("digest-1", record_of(f"new-{n}"), NOW, 10)
        for n in range(MOST_USES + 1)
    ]

    assert done == [RotationResult.DONE] * MOST_USES + [RotationResult.TOO_MANY]
    assert await store.find(f"digest-new-{MOST_USES}", NOW) is None
    assert await store.rotate("digest-new-0", record_of("next"), NOW, 10) is RotationResult.DONE
    assert await store.rotate("digest-1", record_of("x"), NOW + 10, 10) is RotationResult.REUSED


async def test_concurrent_rotations_without_grace_have_one_winner(store: TokenStore) -> None:
    await store.add(record_of("1"), NOW)

    done = await asyncio.gather(
        *(store.rotate("digest-1", record_of(f"new-{n}"), NOW, 0) for n in range(20))
    )

    assert done.count(RotationResult.DONE) == 1
    assert done.count(RotationResult.REUSED) == 19


async def test_end_of_family_returns_its_access_tokens_that_live(store: TokenStore) -> None:
    await store.add(record_of("1"), NOW)
    await store.add(attrs.evolve(record_of("2"), access_expires=NOW + 20), NOW)
    await store.add(record_of("3", family="other"), NOW)

    assert await store.end_family("f", NOW + 15) == [EndedAccess("access-2", NOW + 20)]
    assert await store.end_family("f", NOW + 15) == []
    assert await store.is_revoked("access-2", "ada", NOW)
    assert not await store.is_revoked("access-1", "ada", NOW)  # it has expired
    assert not await store.is_revoked("access-3", "ada", NOW)
    assert await store.find("digest-1", NOW) is None
    assert await store.find_by_access("access-2", NOW) is None
    assert await store.find("digest-3", NOW) is not None


async def test_rotation_of_an_ended_login_keeps_nothing(store: TokenStore) -> None:
    """A refresh that runs while its login ends must not begin it again."""
    await store.add(record_of("1"), NOW)
    await store.rotate("digest-1", record_of("2"), NOW, 0)
    await store.end_family("f", NOW)

    for old in ("digest-1", "digest-2"):
        assert await store.rotate(old, record_of("3"), NOW, 10) is RotationResult.UNKNOWN
    assert await store.find("digest-3", NOW) is None


async def test_end_of_user_removes_refresh_tokens_and_revokes_access_tokens(
    store: TokenStore,
) -> None:
    await store.add(record_of("1"), NOW)
    await store.add(record_of("2", family="g"), NOW)
    await store.add(record_of("3", family="h", identifier="eve"), NOW)

    await store.end_user("ada", NOW + 0.5, NOW + 50)

    assert await store.find("digest-1", NOW) is None
    assert await store.find("digest-2", NOW) is None
    assert await store.find("digest-3", NOW) is not None
    assert await store.is_revoked("any", "ada", NOW)
    assert await store.is_revoked("any", "ada", NOW + 0.5)
    assert not await store.is_revoked("any", "ada", NOW + 0.75)
    assert not await store.is_revoked("any", "eve", NOW)


async def test_revoked_access_token_is_revoked(store: TokenStore) -> None:
    await store.revoke("access-1", NOW + 10, NOW)

    assert await store.is_revoked("access-1", "ada", NOW)
    assert not await store.is_revoked("access-2", "ada", NOW)


@pytest.mark.parametrize("end", ["login", "token"])
async def test_sqlite_store_removes_revocations_that_are_over(tmp_path: Path, end: str) -> None:
    async with sqlite_at(tmp_path / "tokens.sqlite3") as store:
        for index, now in enumerate((NOW, NOW + 20)):
            name = str(index)
            record = attrs.evolve(record_of(name, name), access_expires=now + 10)
            await store.add(record, now)
            if end == "login":
                await store.end_family(record.family, now)
            else:
                await store.revoke(record.access_id, record.access_expires, now)
    with contextlib.closing(sqlite3.connect(tmp_path / "tokens.sqlite3")) as database:
        assert list(database.execute("SELECT id FROM revoked_access")) == [("access-1",)]


async def test_redis_store_removes_families_of_user_that_are_over(redis: RedisServer) -> None:
    async with Redis.from_url(redis.url) as client:
        store = RedisTokenStore(client, RedisSettings())
        for index in range(100):
            await store.add(record_of(str(index), f"f{index}"), NOW)
            await client.delete(f"{{rxkernel:security}}:family:f{index}")
        for index in range(10):
            await store.add(record_of(f"new-{index}", "new"), NOW)

        assert await client.smembers("{rxkernel:security}:user:ada") == {b"new"}


async def test_identifiers_of_any_text_are_kept_apart(store: TokenStore) -> None:
    names = ["ada", "ADA", "a'; DROP TABLE refresh_token; --", "ä\n*", "x:y", "\x00"]
    for index, name in enumerate(names):
        await store.add(record_of(str(index), f"f{index}", name), NOW)

    await store.end_user("ada", NOW, NOW + 1)

    found = [await store.find(f"digest-{index}", NOW) for index in range(len(names))]
    assert [record.identifier for record in found if record is not None] == names[1:]


async def test_memory_store_drops_the_oldest_token_and_all_that_expired() -> None:
    store = MemoryTokenStore(SecuritySettings(tokens=TokenSettings(max_stored=3)))
    for index in range(5):
        await store.add(record_of(str(index), family=f"f{index}"), NOW)

    assert len(store) == 3
    assert await store.find("digest-1", NOW) is None
    assert await store.find("digest-2", NOW) is not None

    await store.add(record_of("late", expires=NOW + 500), NOW + 200)
    assert len(store) == 1


async def test_memory_store_full_drops_tokens_of_the_user_with_most() -> None:
    """Used tokens are removed first, then the oldest. A user cannot log out other users."""
    store = MemoryTokenStore(SecuritySettings(tokens=TokenSettings(max_stored=10)))
    await store.add(record_of("ada", family="a"), NOW)
    await store.add(record_of("eve-0", family="e", identifier="eve"), NOW)
    for n in range(50):
        new = record_of(f"eve-{n + 1}", family="e", identifier="eve")
        assert await store.rotate(f"digest-eve-{n}", new, NOW, 10) is RotationResult.DONE
    assert await store.find("digest-ada", NOW) is not None
    assert await store.find("digest-eve-50", NOW) is not None

    for n in range(20):  # logins
        await store.add(record_of(f"login-{n}", family=f"f{n}", identifier="eve"), NOW)
    assert len(store) == 10
    assert await store.find("digest-ada", NOW) is not None
    assert await store.find("digest-login-19", NOW) is not None
    await store.end_user("eve", NOW, NOW + 1)
    assert len(store) == 1


async def test_sqlite_store_survives_a_restart_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "security.sqlite3"
    async with sqlite_at(path) as store:
        await store.add(record_of("1"), NOW)
        await store.revoke("access-9", NOW + 10, NOW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    async with sqlite_at(path) as store:
        assert await store.find("digest-1", NOW) == record_of("1")
        assert await store.is_revoked("access-9", "ada", NOW)


async def test_sqlite_store_that_fails_is_503(tmp_path: Path) -> None:
    path = tmp_path / "security.sqlite3"
    async with sqlite_at(path) as store:
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute("DROP TABLE revoked_access")
        with pytest.raises(ServiceUnavailableException) as raised:
            await store.is_revoked("access-1", "ada", NOW)

    assert raised.value.code == "tokens_unavailable"
