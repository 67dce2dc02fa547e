"""The contract of session stores: see `SessionStore`."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundles.redis import Redis
from bundles.sessions import (
    EndedSession,
    Rotation,
    SessionStore,
    SessionTooLargeException,
    TooManySessionsException,
)
from bundles.sessions.memory_store import MemorySessionStore
from bundles.sessions.model import Changes, changed
from bundles.sessions.settings import SessionsSettings
from tests.bundles.sessions.conftest import SettingsOf
from tests.bundles.sessions.stores import DATABASES, NOW, STORES, open_store, session


@pytest.fixture(params=(*STORES, *DATABASES))
def store_name(request: pytest.FixtureRequest) -> str:
    """The name of the store, including the databases; the other tests of this folder use three
    stores."""
    name: str = request.param
    return name


async def values_of(store: SessionStore, id: str, now: float = NOW) -> dict[str, bytes] | None:
    found = await store.load(id, now)
    return None if found is None else dict(found.values)


async def test_store_created_session_is_loaded(settings_for: SettingsOf, redis_url: str) -> None:
    new = session("a", user="ada", address="192.0.2.1", created=NOW + 0.25, text=b'"\xc3\xa9"')
    plain = session("b")
    async with open_store(settings_for(), redis_url) as store:
        assert list(await store.create(new)) == []
        await store.create(plain)

        assert await store.load("id-a", NOW + 1) == new
        assert await store.load("id-b", NOW + 1) == plain
        assert await store.load("id-c", NOW + 1) is None
        assert await store.load("a", NOW + 1) is None


async def test_store_update_changes_single_values(
    settings_for: SettingsOf, redis_url: str
) -> None:
    async with open_store(settings_for(), redis_url) as store:
        await store.create(session("a", one=b"1", two=b"2", three=b"3"))

        assert await store.update("a", {"one": b"10", "two": None, "four": b"4"}, NOW + 5)

        assert await values_of(store, "id-a") == {"one": b"10", "three": b"3", "four": b"4"}
        loaded = await store.load("id-a", NOW + 5)
        assert loaded is not None
        assert (loaded.used, loaded.created) == (NOW + 5, NOW)
        assert not await store.update("b", {"one": b"1"}, NOW)
        assert await store.load("id-b", NOW) is None


async def test_store_concurrent_updates_lose_nothing(
    settings_for: SettingsOf, redis_url: str
) -> None:
    """Two connections to one store are used, as by two processes."""
    given = settings_for()
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(open_store(given, redis_url))
        two = one
        if given.store != "memory":
            two = await stack.enter_async_context(open_store(given, redis_url))
        await one.create(session("a"))

        await asyncio.gather(
            *((one, two)[n % 2].update("a", {f"name {n}": b"%d" % n}, NOW) for n in range(50))
        )

        assert await values_of(two, "id-a") == {f"name {n}": b"%d" % n for n in range(50)}


async def test_store_session_past_idle_timeout_is_missing(
    settings_for: SettingsOf, redis_url: str
) -> None:
    async with open_store(settings_for(idle_timeout=100, lifetime=1000), redis_url) as store:
        await store.create(session("a"))

        assert await store.load("id-a", NOW + 99) is not None
        assert await store.load("id-a", NOW + 100) is None
        assert not await store.update("a", {"x": b"1"}, NOW + 100)
        assert await store.rotate("a", Rotation("id-a", "id-n", None), {}, NOW + 100) is False
        assert await store.update("a", {}, NOW + 99)
        assert await store.load("id-a", NOW + 198) is not None


async def test_store_session_past_lifetime_is_missing(
    settings_for: SettingsOf, redis_url: str
) -> None:
    async with open_store(settings_for(idle_timeout=100, lifetime=150), redis_url) as store:
        await store.create(session("a"))
        assert await store.update("a", {}, NOW + 90)

        assert await store.load("id-a", NOW + 149) is not None
        assert await store.load("id-a", NOW + 150) is None


async def test_store_expired_sessions_are_removed(
    settings_for: SettingsOf, redis_url: str
) -> None:
    """Redis removes expired sessions itself, and does not report them."""
    given = settings_for(idle_timeout=100)
    async with open_store(given, redis_url) as store:
        await store.create(session("a", user="ada"))
        await store.create(session("b"))
        await store.update("b", {}, NOW + 50)

        removed = list(await store.remove_expired(NOW + 120))

        expected = [] if given.store == "redis" else [EndedSession("id-a", "ada")]
        assert removed == expected
        assert await store.load("id-b", NOW + 120) is not None


async def test_store_existing_ids_include_valid_sessions_only(
    settings_for: SettingsOf, redis_url: str
) -> None:
    async with open_store(settings_for(idle_timeout=100, lifetime=120), redis_url) as store:
        for key in ("a", "b", "c"):
            await store.create(session(key))
        await store.update("b", {}, NOW + 50)
        await store.end("c")
        asked = ["id-a", "id-b", "id-c", *(f"id-{n}" for n in range(1200))]

        assert set(await store.existing(asked, NOW + 99)) == {"id-a", "id-b"}
        assert set(await store.existing(asked, NOW + 100)) == {"id-b"}
        assert not await store.existing(asked, NOW + 120)
        assert not await store.existing([], NOW)


@pytest.mark.parametrize("store_name", ["redis"])
async def test_store_redis_expires_keys_itself(settings_for: SettingsOf, redis_url: str) -> None:
    given = settings_for(idle_timeout=0.05, lifetime=0.05)
    async with open_store(given, redis_url) as store, Redis.from_url(redis_url) as client:
        await store.create(session("a", user="ada", address="192.0.2.1", x=b"1"))
        async with asyncio.timeout(20):
            while await client.dbsize():  # noqa: ASYNC110 - Redis has no event for this
                await asyncio.sleep(0.01)
        assert await store.end("a") is None


async def test_store_rotated_session_has_new_id_only(
    settings_for: SettingsOf, redis_url: str
) -> None:
    async with open_store(settings_for(), redis_url) as store:
        await store.create(session("a", one=b"1", two=b"2"))

        rotation = Rotation("id-a", "id-new", "ada")
        ended = await store.rotate("a", rotation, {"two": None, "three": b"3"}, NOW + 7)

        assert ended is not False
        assert ended is not True
        assert list(ended) == []
        assert await store.load("id-a", NOW + 7) is None
        loaded = await store.load("id-new", NOW + 7)
        assert loaded is not None
        assert dict(loaded.values) == {"one": b"1", "three": b"3"}
        assert (loaded.key, loaded.user, loaded.created) == ("a", "ada", NOW + 7)
        assert await store.update("a", {"four": b"4"}, NOW + 8)  # of a message that began before


@pytest.mark.parametrize("user", [None, "ada"])
async def test_store_rotation_same_user_keeps_lifetime(
    settings_for: SettingsOf, redis_url: str, user: str | None
) -> None:
    async with open_store(settings_for(), redis_url) as store:
        await store.create(session("a", user=user))
        await store.rotate("a", Rotation("id-a", "id-b", user), {}, NOW + 7)

        loaded = await store.load("id-b", NOW + 7)
        assert loaded is not None
        assert (loaded.created, loaded.used) == (NOW, NOW + 7)


async def test_store_rotation_of_rotated_or_missing_changes_nothing(
    settings_for: SettingsOf, redis_url: str
) -> None:
    async with open_store(settings_for(), redis_url) as store:
        await store.create(session("a"))
        await store.rotate("a", Rotation("id-a", "id-b", None), {}, NOW)

        late = await store.rotate("a", Rotation("id-a", "id-c", "ada"), {"x": b"1"}, NOW)

        assert late is True
        assert await store.load("id-c", NOW) is None
        assert await values_of(store, "id-b") == {}
        assert await store.rotate("missing", Rotation("id-a", "id-d", None), {}, NOW) is False


async def test_store_user_logged_out_by_rotation_has_no_sessions(
    settings_for: SettingsOf, redis_url: str
) -> None:
    async with open_store(settings_for(), redis_url) as store:
        await store.create(session("a", user="ada"))
        await store.rotate("a", Rotation("id-a", "id-b", None), {}, NOW)

        assert list(await store.end_all("ada")) == []
        loaded = await store.load("id-b", NOW)
        assert loaded is not None
        assert loaded.user is None


async def test_store_ended_session_is_missing(settings_for: SettingsOf, redis_url: str) -> None:
    async with open_store(settings_for(), redis_url) as store:
        await store.create(session("a", user="ada", x=b"1"))
        await store.create(session("b", x=b"1"))

        assert await store.end("a") == EndedSession("id-a", "ada")
        assert await store.end("a") is None
        assert await store.load("id-a", NOW) is None
        assert not await store.update("a", {"x": b"2"}, NOW)
        assert await store.end("b") == EndedSession("id-b", None)


async def test_store_end_all_ends_sessions_of_one_user(
    settings_for: SettingsOf, redis_url: str
) -> None:
    async with open_store(settings_for(), redis_url) as store:
        for key, user in {"a": "ada", "b": "bob", "c": "ada", "d": None}.items():
            await store.create(session(key, user=user))

        ended = sorted((one.id, one.user) for one in await store.end_all("ada"))

        assert ended == [("id-a", "ada"), ("id-c", "ada")]
        assert list(await store.end_all("ada")) == []
        assert await store.load("id-a", NOW) is None
        assert await store.load("id-b", NOW) is not None
        assert await store.load("id-d", NOW) is not None


@pytest.mark.parametrize("how", ["create", "rotate"])
async def test_store_session_of_user_above_limit_ends_the_oldest(
    settings_for: SettingsOf, redis_url: str, how: str
) -> None:
    async with open_store(settings_for(max_per_user=2), redis_url) as store:
        for n in range(2):
            await store.create(session(f"{n}", user="ada", created=NOW + n))
        if how == "create":
            ended = await store.create(session("new", user="ada", created=NOW + 5))
        else:
            await store.create(session("x", created=NOW + 5))
            rotation = Rotation("id-x", "id-new", "ada")
            rotated = await store.rotate("x", rotation, {}, NOW + 5)
            assert not isinstance(rotated, bool)
            ended = rotated

        assert list(ended) == [EndedSession("id-0", "ada")]
        assert await store.load("id-0", NOW + 5) is None
        assert await store.load("id-1", NOW + 5) is not None
        assert await store.load("id-new", NOW + 5) is not None


async def test_store_session_of_address_above_limit_is_refused(
    settings_for: SettingsOf, redis_url: str
) -> None:
    """If the oldest session ended instead, a client could log out others of its network."""
    given = settings_for(max_per_address=2, idle_timeout=100)
    async with open_store(given, redis_url) as store:
        for n in range(2):
            await store.create(session(f"{n}", address="192.0.2.1"))
        with pytest.raises(TooManySessionsException):
            await store.create(session("x", address="192.0.2.1"))
        assert await store.load("id-x", NOW) is None
        await store.create(session("other", address="192.0.2.2"))
        await store.create(session("unknown"))

        await store.end("0")
        await store.create(session("y", address="192.0.2.1"))
        await store.create(session("z", address="192.0.2.1", created=NOW + 100))  # all expired


async def test_store_session_too_large_changes_nothing(
    settings_for: SettingsOf, redis_url: str
) -> None:
    async with open_store(settings_for(max_size=20), redis_url) as store:
        with pytest.raises(SessionTooLargeException):
            await store.create(session("x", long=b"1" * 20))
        assert await store.load("id-x", NOW) is None

        await store.create(session("a", address="192.0.2.1", n=b"1" * 15))
        with pytest.raises(SessionTooLargeException):
            await store.update("a", {"m": b"12345"}, NOW)
        rotation = Rotation("id-a", "id-b", "ada")
        with pytest.raises(SessionTooLargeException):
            await store.rotate("a", rotation, {"m": b"12345"}, NOW)
        assert await values_of(store, "id-a") == {"n": b"1" * 15}

        assert await store.update("a", {"m": b"123"}, NOW)  # 20 with both names
        assert await store.update("a", {"n": None, "m": b"1" * 19}, NOW)
        assert await store.update("a", {"m": None}, NOW)
        assert await values_of(store, "id-a") == {}


@pytest.mark.parametrize("store_name", ["sqlite", "redis", *DATABASES])
async def test_store_opened_again_has_its_sessions(
    settings_for: SettingsOf, redis_url: str
) -> None:
    given = settings_for()
    async with open_store(given, redis_url) as store:
        await store.create(session("a", user="ada", x=b"1"))
    async with open_store(given, redis_url) as store:
        assert await values_of(store, "id-a") == {"x": b"1"}


async def test_store_names_and_users_of_any_text_are_kept(
    settings_for: SettingsOf, redis_url: str
) -> None:
    names = ["id", "user", "size", "", "v:x", "a b\n\0", "é😀", "'); DROP TABLE session; --"]
    async with open_store(settings_for(), redis_url) as store:
        for n, user in enumerate(names):
            await store.create(session(f"{n}", user=user))
        await store.update("0", dict.fromkeys(names, b"1"), NOW)

        assert await values_of(store, "id-0") == dict.fromkeys(names, b"1")
        for n, user in enumerate(names):
            assert list(await store.end_all(user)) == [EndedSession(f"id-{n}", user)]


NAMES = st.sampled_from(["a", "b", "c", "é"])
CHANGES = st.dictionaries(NAMES, st.none() | st.sampled_from([b"1", b"[2]", b'"three"']))


@given(st.lists(CHANGES, max_size=8))
@settings(max_examples=30)
def test_store_updates_have_the_result_of_a_dict(many: list[Changes]) -> None:
    """This tests the memory store. The contract above compares the other stores with it."""

    async def run() -> None:
        store = MemorySessionStore(SessionsSettings())
        await store.create(session("a"))
        expected: dict[str, bytes] = {}
        for one in many:
            await store.update("a", one, NOW)
            expected = changed(expected, one)
            assert await values_of(store, "id-a") == expected

    asyncio.run(run())
