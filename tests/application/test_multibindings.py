"""Lists and dicts of services: each part is opened and closed like a single service."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeAlias

import pytest
from injector import (
    Binder,
    Injector,
    Module,
    ProviderOf,
    inject,
    multiprovider,
    singleton,
)

from rxkernel import (
    Application,
    ConfigurationError,
    Inject,
    KernelClient,
    Request,
    connection_scope,
    http,
    request_scope,
    websocket,
)

LOG: list[str] = []


@pytest.fixture(autouse=True)
def empty_log() -> None:
    LOG.clear()


class Pool:
    """An async context manager."""

    name = "pool"

    def __init__(self) -> None:
        self.is_open = False

    async def __aenter__(self) -> "Pool":
        self.is_open = True
        LOG.append(f"open {self.name}")
        return self

    async def __aexit__(self, *error: object) -> None:
        self.is_open = False
        LOG.append(f"close {self.name}")


class Cache(Pool):
    name = "cache"


class File:
    """Closed, but not entered."""

    is_open = True

    async def aclose(self) -> None:
        LOG.append("close file")


Pools: TypeAlias = list[Pool]
PoolsByName: TypeAlias = dict[str, Pool]
Configure: TypeAlias = Callable[[Binder], None]


class Actions:
    @http("GET", "/pools", "pools")
    @websocket("pools")
    async def pools(self, pools: Annotated[Pools, Inject()]) -> list[bool]:
        return [pool.is_open for pool in pools]


class ActionsByName:
    @http("GET", "/pools", "pools")
    @websocket("pools")
    async def pools(self, pools: Annotated[PoolsByName, Inject()]) -> dict[str, bool]:
        return {name: pool.is_open for name, pool in pools.items()}


def listed(to: Any, scope: Any = singleton) -> Configure:
    def configure(binder: Binder) -> None:
        binder.multibind(list[Pool], to=to, scope=scope)

    return configure


def named(to: Any, scope: Any = singleton) -> Configure:
    def configure(binder: Binder) -> None:
        binder.multibind(dict[str, Pool], to=to, scope=scope)

    return configure


def returns_one() -> Pool:
    return Cache()


def returns_list() -> list[Pool]:
    return [Pool(), Cache()]


def returns_dict() -> dict[str, Pool]:
    return {"a": Pool(), "b": Cache()}


class SeveralPools(Module):
    @singleton
    @multiprovider
    def pools(self) -> list[Pool]:
        return [Pool(), Cache()]


ONCE = [
    (Actions, listed(Pool), ["pool"]),
    (Actions, listed([Pool, Cache]), ["pool", "cache"]),
    (Actions, listed([Pool(), Cache]), ["pool", "cache"]),
    (Actions, listed([Pool(), Cache()], None), ["pool", "cache"]),
    (Actions, listed(returns_one), ["cache"]),
    (Actions, listed(returns_list), ["pool", "cache"]),
    (Actions, SeveralPools(), ["pool", "cache"]),
    (ActionsByName, named({"a": Pool, "b": Cache()}), ["cache", "pool"]),
    (ActionsByName, named(returns_dict), ["pool", "cache"]),
]


@pytest.mark.parametrize(("controller", "module", "names"), ONCE, ids=range(len(ONCE)))
async def test_singleton_managers_in_multibinding_are_entered_at_boot_and_exited_at_shutdown(
    controller: type, module: Any, names: list[str]
) -> None:
    client = KernelClient(Application(controllers=[controller], modules=[module]))
    async with client:
        assert [f"open {name}" for name in names] == LOG
        for response in (await client.http("pools"), await client.websocket("pools")):
            found = response.content
            opened = list(found.values() if isinstance(found, dict) else found)
            assert opened == [True] * len(names)

    assert LOG[len(names) :] == [f"close {name}" for name in reversed(names)]


async def test_manager_that_is_also_bound_alone_is_entered_once() -> None:
    @inject
    def bound_alone(pool: Pool, cache: Cache) -> list[Pool]:
        return [pool, cache]

    def configure(binder: Binder) -> None:
        binder.multibind(list[Pool], to=bound_alone, scope=singleton)
        binder.bind(Pool, scope=singleton)
        binder.bind(Cache, scope=singleton)

    async with Application(controllers=[Actions], modules=[configure]):
        assert LOG == ["open pool", "open cache"]


async def awaited() -> Pool:
    pool = Cache()
    await pool.__aenter__()
    return pool


async def awaited_list() -> list[Pool]:
    return [await awaited()]


@asynccontextmanager
async def entered() -> AsyncIterator[Pool]:
    async with Cache() as pool:
        yield pool


@inject
def with_request(request: Request) -> Pool:
    assert request.route_name == "pools"
    return Cache()


PER_MESSAGE = [
    (Actions, listed(Pool, request_scope), ["open pool", "close pool"]),
    (
        Actions,
        listed([Pool, Cache], request_scope),
        ["open pool", "open cache", "close cache", "close pool"],
    ),
    (Actions, listed(entered, request_scope), ["open cache", "close cache"]),
    (Actions, listed(awaited, request_scope), ["open cache"]),
    (Actions, listed(awaited_list, request_scope), ["open cache"]),
    (Actions, listed(returns_one, request_scope), ["open cache", "close cache"]),
    (Actions, listed(with_request, request_scope), ["open cache", "close cache"]),
    (Actions, listed([File], request_scope), ["close file"]),
    (
        ActionsByName,
        named({"a": Pool, "b": entered}, request_scope),
        ["open pool", "open cache", "close cache", "close pool"],
    ),
    (ActionsByName, named({"a": File}, request_scope), ["close file"]),
]


@pytest.mark.parametrize(("controller", "module", "log"), PER_MESSAGE, ids=range(len(PER_MESSAGE)))
async def test_scoped_parts_of_multibinding_are_opened_and_closed_with_each_message(
    controller: type, module: Any, log: list[str]
) -> None:
    async with KernelClient(Application(controllers=[controller], modules=[module])) as client:
        assert LOG == []
        for send in (client.http, client.websocket):
            LOG.clear()
            found = (await send("pools")).content
            assert all(found.values() if isinstance(found, dict) else found)
            assert log == LOG


async def test_connection_scoped_part_is_open_until_the_connection_ends() -> None:
    class OverSocket:
        @websocket("pools")
        async def pools(self, pools: Annotated[Pools, Inject()]) -> list[bool]:
            return [pool.is_open for pool in pools]

    module = listed([Pool], connection_scope)
    async with KernelClient(Application(controllers=[OverSocket], modules=[module])) as client:
        async with client.connection() as connection:
            for _ in range(2):
                response = await client.websocket("pools", connection=connection)
                assert response.content == [True]
            assert LOG == ["open pool"]
        assert LOG == ["open pool", "close pool"]


async def test_http_action_with_connection_scoped_part_raises_error_at_boot() -> None:
    with pytest.raises(ConfigurationError, match=r"only with a socket .*list\[.*Pool\] -> Pool"):
        await Application(controllers=[Actions], modules=[listed([Pool], connection_scope)]).boot()


async def test_service_of_message_gets_opened_parts_of_multibinding() -> None:
    class UsesPools:
        @inject
        def __init__(self, pools: list[Pool]) -> None:
            self.pools = pools

    class Using:
        @http("GET", "/pools", "pools")
        async def pools(self, uses: Annotated[UsesPools, Inject()]) -> list[bool]:
            return [pool.is_open for pool in uses.pools]

    def configure(binder: Binder) -> None:
        binder.multibind(list[Pool], to=Pool, scope=request_scope)
        binder.multibind(list[Pool], to=[Cache], scope=request_scope)
        binder.bind(UsesPools, scope=request_scope)

    async with KernelClient(Application(controllers=[Using], modules=[configure])) as client:
        assert (await client.http("pools")).content == [True, True]


async def test_provider_of_list_before_its_parts_are_open_raises_error_with_fix(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Lazy:
        @inject
        def __init__(self, pools: ProviderOf[Pools]) -> None:
            self.pools = pools

        @http("GET", "/pools", "pools")
        async def get(self) -> int:
            return len(self.pools.get())

    module = listed([Pool], request_scope)
    async with KernelClient(Application(controllers=[Lazy], modules=[module])) as client:
        assert (await client.http("pools")).status_code == 500
    assert "Pool must be awaited or entered before it is used" in caplog.text


async def unscoped() -> list[Pool]:
    return []


def generated() -> Iterator[Pool]:
    yield Pool()


@pytest.mark.parametrize(
    ("module", "problem"),
    [
        (listed(Pool, None), "Pool is an async context manager without a scope, so nothing"),
        (listed([Pool, Cache], None), "Cache is an async context manager without a scope, so"),
        (listed(returns_list, None), "returns_list is an async context manager without a scope"),
        (
            named({"a": Cache}, None),
            "Cache is an async context manager without a scope, so nothing",
        ),
        (named(returns_dict, None), "returns_dict is an async context manager without a scope"),
        (listed(unscoped, None), "is provided by unscoped, which is an async def; nothing awaits"),
        (listed(unscoped), "is provided by unscoped, which is an async def; a singleton is built"),
        (named({"a": entered}), "is provided by entered, which is an @asynccontextmanager; a"),
        (listed(generated, request_scope), "is provided by generated, which is a generator; dec"),
        (listed(returns_list, request_scope), "returns_list returns several async context mana"),
        (named(returns_dict, request_scope), "returns_dict returns several async context manag"),
    ],
)
async def test_part_that_nothing_opens_raises_error_at_boot(
    module: Configure, problem: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        await Application(modules=[module]).boot()

    assert f"a part of {'dict' if 'dict' in str(raised.value) else 'list'}[" in str(raised.value)
    assert problem in str(raised.value)


async def test_override_of_multibinding_is_neither_opened_nor_closed() -> None:
    pools: list[Pool] = [Pool()]
    application = Application(controllers=[Actions], modules=[listed([Pool, Cache])])
    injector: Injector = await application.boot(overrides={list[Pool]: pools})

    assert injector.get(list[Pool]) is pools
    await application.stop()
    assert LOG == []
