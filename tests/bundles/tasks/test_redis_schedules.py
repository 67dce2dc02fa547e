"""Schedules in Redis: one process at a time runs them, by a lease."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bundles.redis import RedisSettings
from bundles.tasks import TASKS, TaskRecord, TasksBundle, TasksSettings, cron, every
from bundles.tasks.scheduler.planner import Planner
from rxkernel import Application, ConfigurationError, Settings, procedure
from tests.bundles.redis_servers import RedisServer, running_redis
from tests.bundles.tasks.manual_clock import ManualClock
from tests.bundles.tasks.site import Site, SiteOf, running_site
from tests.waiting import until

NOW = "this process runs the tasks now"


class Jobs:
    """Records the runs of its process.

    Attributes:
        may_end: runs of ``slow`` wait for it.
    """

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.may_end = asyncio.Event()

    @every("10m", name="tick")
    async def tick(self) -> str:
        self.ran.append("tick")
        return "ticked"

    @cron("0 * * * *", name="hourly")
    async def hourly(self) -> None:
        self.ran.append("hourly")

    @procedure("slow", TASKS)
    async def slow(self) -> str:
        self.ran.append("slow")
        await self.may_end.wait()
        return "done"

    @procedure("other", TASKS)
    async def other(self, name: str = "nobody") -> str:
        self.ran.append(name)
        return name


@pytest.fixture
def lasting_redis(redis_server: Path, tmp_path: Path) -> Iterator[RedisServer]:
    """A server that keeps its data when it is killed.

    By default Redis may reply up to two seconds before it writes, if the disk is busy.
    """
    options = ("--appendonly", "yes", "--appendfsync", "always")
    with running_redis(redis_server, tmp_path, *options) as server:
        yield server


@pytest.fixture
async def site_of(prefix: str) -> AsyncIterator[SiteOf]:
    """``await site_of(redis)`` starts an application with its own clock."""
    async with AsyncExitStack() as stack:

        async def start(redis: RedisServer, jobs: Any, **given: Any) -> Site:
            given = {"prefix": prefix, "lease": 40.0, **given}
            site: Site = await stack.enter_async_context(running_site(jobs, redis=redis, **given))
            return site

        yield start


def planner_of(site: Site) -> Planner:
    return site.client.application.injector.get(Planner)


def key_of(site: Site, name: str) -> str:
    """The key *name* of the schedules in Redis."""
    redis = site.client.application.injector.get(RedisSettings)
    return redis.key(f"{{rxkernel:tasks}}:{name}")


async def pass_time(site: Site, seconds: float) -> None:
    """Let time elapse in steps, between which Redis replies."""
    planner = planner_of(site)
    step = planner._entries.store.poll_interval
    for _ in range(round(seconds / step)):
        await site.advance(step)
        await until(lambda: planner._poll_task is not None and planner._poll_task.done())
        await until(lambda: not planner.runs.active)


async def until_runner(site: Site) -> None:
    """Let time elapse until the process is the runner and has read the tasks."""
    planner = planner_of(site)
    # a poll that began before Redis replied again may be taking over
    await until(lambda: planner._poll_task is None or planner._poll_task.done())
    while not planner.is_runner:
        await pass_time(site, 10)


async def record_of(site: Site, id: str) -> TaskRecord:
    return (await site.entry(id)).record


async def test_one_process_runs_the_tasks_and_the_next_one_when_it_stops(
    site_of: SiteOf, shared_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bundles.tasks")
    jobs = Jobs(), Jobs()
    here, there = [await site_of(shared_redis, each) for each in jobs]
    added = await there.add("other", every="5m", params={"name": "ada"}, name="added")
    await pass_time(here, 10)
    assert (planner_of(here).is_runner, planner_of(there).is_runner) == (True, False)

    for site in (here, there):
        await pass_time(site, 600)
    assert sorted(jobs[0].ran) == ["ada", "ada", "tick"]
    assert jobs[1].ran == []
    record = await record_of(there, "tick")
    assert (record.runs, record.result, record.error) == (1, "ticked", None)

    assert NOW not in caplog.text
    await here.stop()
    await pass_time(there, 10)
    assert planner_of(there).is_runner
    assert caplog.text.count(NOW) == 1
    await pass_time(there, 600)
    assert sorted(jobs[1].ran) == ["ada", "ada", "tick"]
    assert await there.scheduler.remove(added)
    assert [entry.id for entry in await there.scheduler.entries()] == ["tick", "hourly"]


async def test_process_that_has_lost_its_lease_without_noticing_starts_no_run(
    site_of: SiteOf, shared_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The process or its clock was paused, so only Redis knows the real time."""
    jobs = Jobs(), Jobs()
    here, there = [await site_of(shared_redis, each) for each in jobs]
    assert planner_of(here).is_runner
    take_lease(shared_redis, there)
    await pass_time(there, 10)
    assert planner_of(there).is_runner

    planner_of(here)._due("tick", here.clock.now())
    await until(lambda: not planner_of(here).runs.active)
    assert not planner_of(here).is_runner
    await pass_time(there, 600)
    await pass_time(here, 600)

    assert (jobs[0].ran, jobs[1].ran) == ([], ["tick"])
    assert (await record_of(here, "tick")).runs == 1
    assert "this process stops running the tasks, since its lease has expired" in caplog.text


async def test_process_whose_lease_has_expired_by_its_own_clock_starts_no_run(
    site_of: SiteOf, shared_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The process continues after a pause that was longer than the lease."""
    caplog.set_level(logging.INFO, "bundles.tasks")
    jobs = Jobs()
    site = await site_of(shared_redis, jobs)
    planner = planner_of(site)
    site.clock._elapsed += 31  # of 40 seconds; a quarter is a margin for the other processes

    planner._due("tick", site.clock.now())
    assert not planner.is_runner
    assert planner.runs.active == {}

    await pass_time(site, 10)
    assert planner.is_runner
    found = [one.getMessage() for one in caplog.records if "this process" in one.getMessage()]
    assert [text.partition(",")[0] for text in found] == [
        "this process stops running the tasks",
        NOW,
    ]
    await pass_time(site, 600)
    assert jobs.ran == ["tick"]


async def test_run_that_redis_cannot_record_begins_when_it_can(
    site_of: SiteOf, lasting_redis: RedisServer
) -> None:
    jobs = Jobs()
    site = await site_of(lasting_redis, jobs)
    planner = planner_of(site)
    lasting_redis.kill()
    await site.advance(600)
    await until(lambda: not planner.runs.active)
    assert not planner.is_runner
    assert jobs.ran == []
    assert (await site.client.http("readyz")).status_code == 503
    lasting_redis.start()

    await until_runner(site)
    await pass_time(site, 10)
    assert jobs.ran == ["tick"]


async def test_run_that_redis_may_have_recorded_does_not_begin(
    site_of: SiteOf, redis: RedisServer
) -> None:
    """Redis does not reply, and executes the command later. A task runs at most once."""
    jobs = Jobs()
    site = await site_of(redis, jobs, redis_timeout=0.5)
    planner = planner_of(site)
    with redis.paused():
        planner._due("tick", site.clock.now())
        await until(lambda: not planner.runs.active)

    await until_runner(site)
    await pass_time(site, 10)
    assert jobs.ran == []
    assert (await record_of(site, "tick")).error == "the process ended during the run"


def take_lease(redis: RedisServer, site: Site) -> None:
    """Let the lease expire."""
    assert redis.command("DEL", key_of(site, "lease")) == ":1"


async def test_run_that_ends_after_its_process_has_lost_the_lease_is_recorded(
    site_of: SiteOf, shared_redis: RedisServer
) -> None:
    jobs = Jobs()
    here, there = [await site_of(shared_redis, each) for each in (jobs, Jobs())]
    id = await here.add("slow", every="1h")
    planner_of(here)._due(id, here.clock.now())
    await until(lambda: jobs.ran == ["slow"])
    take_lease(shared_redis, here)
    await pass_time(there, 10)
    assert (await record_of(there, id)).error == "the process ended during the run"

    jobs.may_end.set()
    await until(lambda: not planner_of(here).runs.active)
    assert not planner_of(here).is_runner
    await pass_time(there, 10)
    record = await record_of(there, id)
    assert (record.error, record.result) == (None, "done")


async def test_run_that_waits_for_its_turn_does_not_begin_without_the_lease(
    site_of: SiteOf, shared_redis: RedisServer
) -> None:
    jobs = Jobs(), Jobs()
    here, there = [await site_of(shared_redis, each, concurrency=1) for each in jobs]
    id = await here.add("slow", every="1h")
    for one in (id, "tick"):
        planner_of(here)._due(one, here.clock.now())
    await until(lambda: jobs[0].ran == ["slow"])
    take_lease(shared_redis, here)
    await pass_time(there, 10)

    await here.advance(10)
    await until(lambda: not planner_of(here).is_runner)
    jobs[0].may_end.set()
    await until(lambda: not planner_of(here).runs.active)
    await pass_time(there, 600)

    assert (jobs[0].ran, jobs[1].ran) == (["slow"], ["tick"])


async def test_process_that_stops_keeps_the_lease_until_its_last_run_has_ended(
    site_of: SiteOf, shared_redis: RedisServer
) -> None:
    jobs = Jobs()
    here, there = [await site_of(shared_redis, each) for each in (jobs, Jobs())]
    planner = planner_of(here)
    id = await here.add("slow", every="1h")
    planner._due(id, here.clock.now())
    await until(lambda: jobs.ran == ["slow"])

    stopping = asyncio.create_task(here.stop())
    for _ in range(6):  # longer than the lease
        await until(lambda: here.clock.timers)
        await here.clock.advance(10)
    await until(lambda: here.clock.timers)
    assert planner._entries.store.is_held
    await pass_time(there, 10)
    assert not planner_of(there).is_runner
    jobs.may_end.set()
    await stopping
    await pass_time(there, 10)
    assert planner_of(there).is_runner
    assert (await record_of(there, id)).result == "done"


@pytest.mark.parametrize("difference", [-50.0, 50.0])
async def test_takeover_by_a_process_with_another_clock_does_not_repeat_a_run(
    difference: float, site_of: SiteOf, shared_redis: RedisServer
) -> None:
    jobs = Jobs(), Jobs()
    here = await site_of(shared_redis, jobs[0], lease=1000.0)
    await pass_time(here, 3750)
    assert jobs[0].ran.count("hourly") == 1
    await here.stop()
    clock = ManualClock()
    clock.set_forward(3600 + difference)  # 200 seconds after it at the other one
    there = await site_of(shared_redis, jobs[1], clock=clock, lease=1000.0)

    assert planner_of(there).is_runner
    await pass_time(there, 250)
    assert "hourly" not in jobs[1].ran
    await pass_time(there, 3500)
    assert jobs[1].ran.count("hourly") == 1


async def test_interrupted_run_is_recorded_and_not_repeated(
    site_of: SiteOf, shared_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    site = await site_of(shared_redis, Jobs(), is_started=False)
    entry = await site.entry("tick")
    entry.record.is_running, entry.record.due = True, site.clock.now() + 600
    store = planner_of(site)._entries.store
    await store.save_record(entry)

    await site.start()
    record = await record_of(site, "tick")
    await site.stop()

    assert (record.runs, record.failures, record.is_running) == (1, 1, False)
    assert "the process ended during the run of the task tick" in caplog.text


async def test_task_removed_elsewhere_is_not_stored_again(
    site_of: SiteOf, shared_redis: RedisServer
) -> None:
    here, there = [await site_of(shared_redis, Jobs()) for _ in range(2)]
    added = await here.add("other", every="5m")
    entry = await there.entry(added)
    assert await here.scheduler.stop() == 1

    await planner_of(there)._entries.store.save_record(entry)

    assert {one.id for one in await there.scheduler.entries()} == {"tick", "hourly"}


async def test_stored_task_that_cannot_be_read_is_logged(
    site_of: SiteOf, shared_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    site = await site_of(shared_redis, Jobs())
    for id, text in (("broken", "{"), ("old", '{"task": "tick"}')):
        shared_redis.command("HSET", key_of(site, "plans"), id, text)
        shared_redis.command("HSET", key_of(site, "records"), id, "{}")

    with caplog.at_level(logging.ERROR):
        assert len(await planner_of(site)._entries.store.load()) == 2
    assert "the stored task b'broken' cannot be read" in caplog.text
    assert "the stored task b'old' cannot be read" in caplog.text


async def test_redis_without_its_bundle_is_an_error_at_boot() -> None:
    settings = Settings(bundles={"tasks": TasksSettings(store="redis")})

    with pytest.raises(ConfigurationError, match="the bundle 'redis' is not enabled"):
        await Application(bundles=[TasksBundle], settings=settings).boot()
