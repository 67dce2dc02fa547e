"""The cachers in memory: their limit, and the errors of caches at boot."""

import re
from typing import Annotated, Any

import pytest

from bundles.gateway import Cache, CurrentContext, GatewayBundle, GatewaySettings, action
from bundles.sessions import CurrentSession
from rxkernel import Application, ConfigurationError, Connection, Header, HttpSettings, Settings
from tests.bundles.gateway.cached_sites import CachedSiteOf
from tests.bundles.gateway.cached_sites import cached_site as cached_site


class Numbers:
    def __init__(self) -> None:
        self.runs: list[int] = []

    @action("numbers.get", cache=Cache(ttl=10))
    async def get(self, id: int) -> list[int]:
        self.runs.append(id)
        return [id]


@pytest.mark.parametrize(
    ("cacher", "runs"), [("memory", [1, 2, 3, 4, 1]), ("lru", [1, 2, 3, 4, 2])]
)
async def test_memory_cacher_that_is_full_removes_one_result(
    cached_site: CachedSiteOf, runs: list[int]
) -> None:
    """The oldest result, or the least recently used one."""
    numbers = Numbers()
    site = await cached_site(numbers, cache_size=3)

    for id in (1, 2, 3, 1, 4, runs[-1]):
        assert await site.call("numbers.get", {"id": id}) == [id]

    assert numbers.runs == runs


@pytest.mark.parametrize("cacher", ["memory", "lru"])
async def test_memory_result_that_is_read_expires_in_time(cached_site: CachedSiteOf) -> None:
    """Moleculer's LRU cacher extends the time at each read, so that used results never expire."""
    numbers = Numbers()
    site = await cached_site(numbers)

    for _ in range(4):
        await site.call("numbers.get", {"id": 1})
        site.clock.time += 4

    assert numbers.runs == [1, 1]


@pytest.mark.parametrize("cacher", ["memory", "lru"])
async def test_memory_result_that_is_replaced_is_the_youngest(cached_site: CachedSiteOf) -> None:
    numbers = Numbers()
    site = await cached_site(numbers, cache_size=2)

    for id in (1, 2):
        await site.call("numbers.get", {"id": id})
    await site.cacher.set("numbers.get:id|1", [1])
    for id in (3, 1):
        await site.call("numbers.get", {"id": id})

    assert numbers.runs == [1, 2, 3]


@pytest.mark.parametrize("cacher", ["memory", "lru"])
async def test_memory_result_of_a_class_in_a_function_is_copied(
    cached_site: CachedSiteOf,
) -> None:
    """It cannot be pickled."""

    class Local:
        def __init__(self) -> None:
            self.names = ["a"]

    class Locals:
        runs = 0

        @action("locals.get", cache=True)
        async def get(self) -> Any:
            self.runs += 1
            return Local()

    found = Locals()
    site = await cached_site(found)

    for _ in range(3):
        one = await site.call("locals.get")
        assert (type(one), one.names) == (Local, ["a"])
        one.names.append("b")
    assert found.runs == 1


@pytest.mark.parametrize("cacher", ["none"])
async def test_cache_without_a_cacher_has_no_effect(cached_site: CachedSiteOf) -> None:
    numbers = Numbers()
    site = await cached_site(numbers)

    for _ in range(2):
        await site.call("numbers.get", {"id": 1})
    await site.cacher.clean("numbers.*")
    await site.cacher.set("numbers.get:id|1", [2])

    assert await site.cacher.get("numbers.get:id|1") is None
    assert numbers.runs == [1, 1]


class Other:
    @action("other.get", cache=True)
    async def get(self) -> None: ...


@pytest.mark.parametrize(
    ("cacher", "workers", "number"),
    [("memory", True, 1), ("lru", True, 1), ("none", True, 0), ("memory", False, 0)],
)
async def test_cache_in_memory_of_several_workers_is_logged_once(
    caplog: pytest.LogCaptureFixture, cacher: Any, workers: bool, number: int
) -> None:
    settings = Settings(
        http=HttpSettings(reuse_port=workers), bundles={"gateway": GatewaySettings(cacher=cacher)}
    )
    async with Application(
        bundles=[GatewayBundle], controllers=[Numbers, Other], settings=settings
    ):
        pass

    text = f'gateway.cacher is "{cacher}", so each worker caches results of its own'
    assert [text in one for one in caplog.messages if "gateway.cacher" in one] == [True] * number


async def _enabled(ctx: Any) -> bool:
    return True


INVALID = [
    ("yes", "cache is 'yes'; it must be True, False or Cache(keys=…, ttl=…)"),
    (Cache(keys="id"), "keys is 'id'; it must be a sequence of texts: keys=('id',)"),
    (Cache(keys=("id", "a..b")), "the key 'a..b' must be a path, such as 'id'"),
    (Cache(keys=("",)), "the key '' must be a path"),
    (Cache(keys=("#",)), "the key '#' must be a path"),
    (Cache(keys=("ident",)), "keys has 'ident', and the action has no such parameter"),
    (Cache(ttl=0), "ttl is 0; it must be seconds, more than 0, or none"),
    (Cache(ttl=True), "ttl is True; it must be seconds, more"),
    (Cache(ttl=float("inf")), "ttl is inf; it must be seconds, more"),
    (Cache(enabled=_enabled), "enabled is an async function; it must be a plain one"),
    (Cache(enabled="on"), "enabled is 'on'; it must be a bool, or a function"),  # type: ignore[arg-type]
    (Cache(lock=5), "lock is 5; it must be a bool"),  # type: ignore[arg-type]
]


def application_of(*controllers: type, cacher: str = "none", **parts: Any) -> Application:
    gateway = GatewaySettings(cacher=cacher)  # type: ignore[arg-type]
    return Application(
        bundles=[GatewayBundle, "sessions"],
        controllers=controllers,
        settings=Settings(bundles={"gateway": gateway}),
        **parts,
    )


@pytest.mark.parametrize(("cache", "problem"), INVALID)
async def test_cache_that_is_invalid_is_an_error_at_boot(cache: Any, problem: str) -> None:
    """This also holds without a cacher, which developers may not have."""

    class Items:
        @action("items.get", cache=cache)
        async def get(self, id: int) -> int:
            return id

    with pytest.raises(ConfigurationError, match=re.escape(problem)) as caught:
        await application_of(Items).boot()
    assert "'items.get'" in str(caught.value)


async def test_cache_of_an_action_that_takes_the_session_needs_a_key_of_it() -> None:
    class Items:
        @action("items.mine", cache=True)
        async def mine(self, session: CurrentSession) -> list[str]:
            return list(session)

        @action("items.of", cache=Cache(keys=("id",)))
        async def of(
            self, id: int, connection: Connection, agent: Annotated[str, Header()] = ""
        ) -> int:
            return id

        @action("items.keyed", cache=Cache(keys=("id", "#user.id")))
        async def keyed(self, id: int, session: CurrentSession, ctx: CurrentContext) -> int:
            return id

    with pytest.raises(ConfigurationError) as caught:
        await application_of(Items).boot()

    assert [
        problem.split("would")[0].split("invalid: ")[1] for problem in caught.value.problems
    ] == [
        "'session' ",
        "'connection' and 'agent' ",
    ]
    assert "cache=Cache(keys=('#user.id', …))" in caught.value.problems[0]


async def test_cache_with_keys_of_all_parameters_is_valid() -> None:
    class Items:
        @action("items.body", cache=Cache(keys=("any.part", "#user")))
        async def body(self, ctx: CurrentContext) -> Any:
            return ctx.params

        @action("items.get", cache=Cache(keys=["id", "id.part"], ttl=0.5))
        async def get(self, id: int) -> int:
            return id

    await application_of(Items).boot()


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"cacher": "disk"}, "cacher"),
        ({"cache_size": 0}, "cache_size"),
        ({"cache_ttl": -1}, "cache_ttl"),
        ({"cache_max_params_length": 43}, "0, or a whole number of at least 44"),
    ],
)
def test_cacher_settings_invalid_raise(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        GatewaySettings(**given)
