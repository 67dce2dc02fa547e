"""Processes of the operating system, and a Redis that is disturbed at random."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bundles.state import State, Transaction
from bundles.state.values import digest, leaves_of
from tests.bundles.redis_servers import RedisServer, running_redis
from tests.bundles.state.conftest import Site, application_on
from tests.required_tools import ROOT
from tests.waiting import until

PROCESSES, TIMES = 4, 10_000


@pytest.fixture(scope="module")
def disturbed_redis(
    redis_server: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RedisServer]:
    """A server that saves its data only when it is told to."""
    with running_redis(redis_server, tmp_path_factory.mktemp("redis")) as server:
        yield server


async def test_increments_of_four_processes_are_all_counted(
    disturbed_redis: RedisServer,
) -> None:
    """Each subscriber gets rising values, and the sum at the end."""
    total = PROCESSES * TIMES
    arguments = (disturbed_redis.url, "processes", str(TIMES), str(total))
    running = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bundles.state.process", *arguments),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(PROCESSES)
    ]
    try:
        async with asyncio.timeout(90):
            outputs = [(await process.communicate())[0] for process in running]
    finally:
        for process in running:
            if process.returncode is None:
                process.kill()
                await process.wait()
    for output in outputs:
        values = [int(line) for line in output.split()]
        assert values == sorted({*values})
        assert values[-1] == total


paths = st.sampled_from(["a", "a.b", "a.b.c", "d"])
values = st.sampled_from([1, "x", {"b": 1}, {"b": {"c": 2}}, [1, 2]])
steps = st.one_of(
    st.tuples(st.just("increment"), st.integers(0, 2), st.integers(-2, 2)),
    st.tuples(st.just("set"), st.integers(0, 2), paths, values),
    st.tuples(st.just("delete"), st.integers(0, 2), paths),
    st.tuples(st.just("move"), st.integers(0, 2)),
    st.tuples(st.just("wait"), st.integers(0, 2)),
    st.tuples(st.sampled_from(["pause", "restart", "flush", "disconnect", "save"])),
)


class Disturbed:
    """Three processes with one Redis, which fails between their changes."""

    def __init__(self, server: RedisServer, sites: list[Site]) -> None:
        self.server = server
        self.sites = sites
        self.count = 0
        self.moves: list[asyncio.Task[Any]] = []

    async def run(self, step: tuple[Any, ...]) -> None:
        match step:
            case ("increment", number, by):
                self.count += by
                self.state(number).increment("count", by)
            case ("set", number, path, value):
                with suppress(TypeError):  # there is a value above, so nothing is changed
                    self.state(number).set(path, value)
            case ("delete", number, path):
                self.state(number).delete(path)
            case ("move", number):
                self.moves.append(asyncio.create_task(self.state(number).transact(move)))
            case ("wait", number):
                await self.state(number).flush()
            case ("pause",):
                with self.server.paused():
                    await asyncio.sleep(0.05)
            case ("restart",):
                self.server.kill()
                self.server.start()
            case ("flush",):
                self.server.command("FLUSHALL")
            case ("disconnect",):
                self.server.command("CLIENT", "KILL", "TYPE", "normal")
            case ("save",):
                self.server.command("SAVE")

    def state(self, number: int) -> State:
        return self.sites[number].state

    async def settle(self) -> None:
        await asyncio.gather(*self.moves)
        replicas = [site.state._replica for site in self.sites]

        def is_settled() -> bool:
            if any(replica.own.is_pending for replica in replicas):
                return False
            return len({(replica.epoch, replica.position) for replica in replicas}) == 1

        await until(is_settled)
        for _ in replicas:  # each has found the last log, and has sent what that did not contain
            await asyncio.gather(*(site.state.flush() for site in self.sites))
        await until(is_settled)


async def move(t: Transaction) -> None:
    """Keeps the sum of two accounts at 0."""
    amount = t.get("accounts.x", 0) + 1
    t.set("accounts.x", amount)
    t.set("accounts.y", -amount)


@settings(
    max_examples=max(4, settings().max_examples // 25),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(steps, min_size=5, max_size=25))
def test_processes_agree_whatever_happens_to_redis(
    disturbed_redis: RedisServer, steps: list[tuple[Any, ...]]
) -> None:
    async def run() -> None:
        async with AsyncExitStack() as stack:
            sites = [
                Site(
                    await stack.enter_async_context(
                        application_on(disturbed_redis, attempts=1000, commit_timeout=60)
                    )
                )
                for _ in range(3)
            ]
            mirrors: list[dict[str, Any]] = []
            for site in sites:
                mirror = dict(leaves_of(site.state._replica.tree.root, ""))
                mirrors.append(mirror)
                site.state.watch("", _mirror(mirror))
            before = sites[0].state.get("count", 0)
            disturbed = Disturbed(disturbed_redis, sites)
            for step in steps:
                await disturbed.run(step)
                await asyncio.sleep(0)
            await disturbed.settle()
            roots = [site.state._replica.tree.root for site in sites]
            assert len({digest(root) for root in roots}) == 1
            assert sites[0].state.get("count", 0) == before + disturbed.count
            accounts = sites[0].state.get("accounts", {"x": 0, "y": 0})
            assert accounts["x"] == -accounts["y"]
            for mirror in mirrors:
                assert mirror == dict(leaves_of(roots[0], ""))

    disturbed_redis.command("FLUSHALL")
    disturbed_redis.command("SAVE")
    asyncio.run(run())


def _mirror(leaves: dict[str, Any]) -> Any:
    def note(path: str, value: Any, is_remote: bool) -> None:
        if value is None:
            del leaves[path]
        else:
            leaves[path] = value

    return note
