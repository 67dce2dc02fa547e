"""Tasks in Redis, run by processes of ``rxkernel tasks worker`` that are killed and stopped."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
from injector import Injector

from bundles.redis import Redis, RedisBundle
from bundles.tasks import (
    Job,
    TaskFailedError,
    TaskQueue,
    TaskQueueFullException,
    TaskQueueSettings,
    TasksBundle,
    TasksSettings,
    TaskTimeoutException,
)
from bundles.tasks.queue.message import TaskMessage, TaskOutcome
from bundles.tasks.queue.redis_backend import RedisTasks, TakenTask
from bundles.tasks.queue.task_worker import TaskWorker
from rxkernel import Application, ConfigurationError, Settings
from tests.bundles.redis_servers import RedisServer, running_redis
from tests.bundles.tasks.processes import pid_in
from tests.bundles.tasks.queue_site import Work, create
from tests.waiting import until

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0


@attrs.frozen
class Site:
    injector: Injector

    @property
    def queue(self) -> TaskQueue:
        return self.injector.get(TaskQueue)

    @property
    def work(self) -> Work:
        return self.injector.get(Work)


@asynccontextmanager
async def site(redis: RedisServer, **queue: float) -> AsyncIterator[Site]:
    """The process that puts tasks into the queue."""
    async with create(redis.url, **queue) as application:
        yield Site(application.injector)


@asynccontextmanager
async def local_worker(redis: RedisServer, **queue: float) -> AsyncIterator[None]:
    """A worker in this process."""
    stop = asyncio.Event()
    async with create(redis.url, **queue) as application:
        running = asyncio.create_task(application.injector.get(TaskWorker).run(stop))
        yield
        stop.set()
        await running


@asynccontextmanager
async def worker(redis: RedisServer) -> AsyncIterator["asyncio.subprocess.Process"]:
    """A process of ``rxkernel tasks worker``."""
    name = "tests.bundles.tasks.queue_site"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rxkernel", "--app", name, "tasks", "worker"),
        cwd=ROOT,
        env=os.environ | {"TEST_REDIS_URL": redis.url},
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_task_runs_in_another_process(redis: RedisServer) -> None:
    async with worker(redis) as process, site(redis) as app:
        queued = await app.queue.enqueue(app.work.pid)
        assert await queued.result(PATIENCE) == process.pid


async def test_tasks_are_spread_over_workers_and_each_runs_once(redis: RedisServer) -> None:
    async with local_worker(redis), local_worker(redis), site(redis) as app:
        queued = [await app.queue.enqueue(app.work.pid) for _ in range(50)]
        assert {await one.result(PATIENCE) for one in queued} == {os.getpid()}
        assert redis.command("HLEN", "{rxkernel:tasks}:messages") == ":0"


async def test_worker_sees_the_job_of_the_request(redis: RedisServer) -> None:
    async with local_worker(redis), site(redis) as app:
        assert await (await app.queue.enqueue(app.work.job)).result(PATIENCE) == Job()
        tasks = app.injector.get(RedisTasks)
        job = Job(request_id="r1", user="ada", session_id="s")
        waiter = await tasks.put(TaskMessage(id="one", task="Work.job", job=job))
        async with asyncio.timeout(PATIENCE):
            assert (await waiter()).result == attrs.asdict(job)


async def test_task_that_fails_runs_again(redis: RedisServer, tmp_path: Path) -> None:
    async with local_worker(redis), site(redis) as app:
        queued = await app.queue.enqueue(app.work.fail, str(tmp_path), 2)
        assert await queued.result(PATIENCE) == 3


async def test_task_that_always_fails_ends_with_its_error(
    redis: RedisServer, tmp_path: Path
) -> None:
    async with local_worker(redis), site(redis) as app:
        queued = await app.queue.enqueue(app.work.fail, str(tmp_path), 9)
        with pytest.raises(TaskFailedError, match="RuntimeError: failure 3"):
            await queued.result(PATIENCE)


async def test_run_of_a_killed_worker_runs_again_in_another_one(
    redis: RedisServer, tmp_path: Path
) -> None:
    async with worker(redis) as first, worker(redis) as second, site(redis) as app:
        queued = await app.queue.enqueue(app.work.hang_once, str(tmp_path))
        pid = await pid_in(tmp_path / "begun")
        killed, other = (first, second) if pid == first.pid else (second, first)
        killed.send_signal(signal.SIGKILL)
        assert await queued.result(PATIENCE) == other.pid
        assert (tmp_path / "runs").read_text() == "xx"


async def test_task_that_kills_its_workers_fails_after_its_retries(
    redis: RedisServer, tmp_path: Path
) -> None:
    async with site(redis) as app:
        queued = await app.queue.enqueue(app.work.kill, str(tmp_path))
        for _ in range(2):
            async with worker(redis) as process:
                await process.wait()
        async with local_worker(redis):
            with pytest.raises(
                TaskFailedError, match="the worker process ended during 2 of its runs"
            ):
                await queued.result(PATIENCE)
    assert (tmp_path / "runs").read_text() == "xx"


async def test_worker_that_is_stopped_finishes_its_tasks(
    redis: RedisServer, tmp_path: Path
) -> None:
    async with site(redis) as app, worker(redis) as process:
        queued = await app.queue.enqueue(app.work.wait_for, str(tmp_path))
        await pid_in(tmp_path / "begun")
        process.send_signal(signal.SIGTERM)
        (tmp_path / "go").write_text("")
        assert await queued.result(PATIENCE) == process.pid
        assert await process.wait() == 0


async def test_worker_that_is_stopped_puts_a_long_task_back(
    redis: RedisServer, tmp_path: Path
) -> None:
    async with site(redis, lost_after=600.0) as app:
        async with worker(redis) as process:
            queued = await app.queue.enqueue(app.work.hang_once, str(tmp_path))
            await pid_in(tmp_path / "begun")
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
        async with local_worker(redis):
            assert await queued.result(PATIENCE) == os.getpid()


async def test_worker_that_was_paused_does_not_end_the_run_of_another_one(
    redis: RedisServer,
) -> None:
    async with site(redis, lost_after=0.05) as app:
        tasks = app.injector.get(RedisTasks)
        await tasks.put(TaskMessage(id="one", task="Work.pid"))
        (paused,) = await tasks.take(1)
        taken: list[TakenTask] = []

        async def take() -> bool:
            taken.extend(await tasks.take(1))
            return bool(taken)

        async with asyncio.timeout(PATIENCE):
            while not await take():  # noqa: ASYNC110 - Redis is asked
                await asyncio.sleep(0.01)
        (other,) = taken
        assert (paused.losses, other.losses) == (0, 1)
        assert await tasks.keep([paused]) == ["one"]
        assert not await tasks.finish(paused, TaskOutcome(result="paused"))
        assert not await tasks.again(paused, paused.message, 0.0)
        assert await tasks.finish(other, TaskOutcome(result="other"))


async def test_long_task_of_a_live_worker_is_not_taken(redis: RedisServer, tmp_path: Path) -> None:
    async with local_worker(redis, lost_after=1.5), site(redis, lost_after=1.5) as app:
        queued = await app.queue.enqueue(app.work.wait_for, str(tmp_path))
        await pid_in(tmp_path / "begun")
        with pytest.raises(TaskTimeoutException):
            await queued.result(3.0)
        assert await app.injector.get(RedisTasks).take(1) == []
        (tmp_path / "go").write_text("")
        assert await queued.result(PATIENCE) == os.getpid()


async def test_full_queue_rejects_with_503(redis: RedisServer) -> None:
    async with site(redis, size=1) as app:
        await app.queue.enqueue(app.work.pid)
        with pytest.raises(TaskQueueFullException):
            await app.queue.enqueue(app.work.pid)


async def test_message_that_is_put_twice_runs_once(redis: RedisServer) -> None:
    """redis-py sends a command again if the connection was lost before the reply."""
    async with site(redis) as app:
        tasks = app.injector.get(RedisTasks)
        for _ in range(2):
            await tasks.put(TaskMessage(id="one", task="Work.pid"))
        assert len(await tasks.take(5)) == 1


async def test_tasks_survive_a_redis_that_is_killed(redis_server: Path, tmp_path: Path) -> None:
    """Redis has an append-only file. A worker continues when Redis is back."""
    options = ("--appendonly", "yes", "--appendfsync", "always")
    with running_redis(redis_server, tmp_path, *options) as redis:
        async with worker(redis) as process, site(redis, lost_after=60.0) as app:
            running = await app.queue.enqueue(app.work.wait_for, str(tmp_path))
            await pid_in(tmp_path / "begun")
            waiting = [await app.queue.enqueue(app.work.pid) for _ in range(8)]
            redis.kill()
            (tmp_path / "go").write_text("")
            redis.start()
            assert await running.result(PATIENCE) == process.pid
            assert {await one.result(PATIENCE) for one in waiting} == {process.pid}


async def test_enqueue_during_outage_of_redis_raises_and_works_afterwards(
    redis: RedisServer,
) -> None:
    async with local_worker(redis), site(redis) as app:
        redis.kill()
        with pytest.raises(Exception, match="Connect"):
            await app.queue.enqueue(app.work.pid)
        redis.start()
        assert await (await app.queue.enqueue(app.work.pid)).result(PATIENCE) == os.getpid()


async def test_worker_stops_during_an_outage(redis: RedisServer) -> None:
    async with local_worker(redis):
        redis.kill()


async def test_result_is_removed_after_its_lifetime(redis: RedisServer) -> None:
    async with local_worker(redis, result_ttl=0.05), site(redis) as app:
        await app.queue.enqueue(app.work.pid)
        await until(lambda: redis.command("HLEN", "{rxkernel:tasks}:messages") == ":0")
        await until(lambda: redis.command("DBSIZE") in (":0", ":1"))  # 1: the signals


async def test_result_that_has_expired_is_an_error(redis: RedisServer) -> None:
    async with local_worker(redis, result_ttl=0.001), site(redis) as app:
        queued = await app.queue.enqueue(app.work.pid)
        await until(lambda: redis.command("HLEN", "{rxkernel:tasks}:messages") == ":0")
        await until(lambda: redis.command("DBSIZE") in (":0", ":1"))
        with pytest.raises(TaskFailedError, match="its result is not in Redis any more"):
            await queued.result(PATIENCE)


@pytest.mark.parametrize("message", ["{", '{"task": 1}', ""])
async def test_message_that_cannot_be_read_ends_no_worker(
    redis: RedisServer, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is an entry of a later release, or of another application with the same prefix."""
    redis.command("HSET", "{rxkernel:tasks}:messages", "bad", message)
    redis.command("RPUSH", "{rxkernel:tasks}:waiting", "bad", "lost")
    async with local_worker(redis), site(redis) as app:
        assert await (await app.queue.enqueue(app.work.pid)).result(PATIENCE) == os.getpid()
        assert redis.command("HLEN", "{rxkernel:tasks}:messages") == ":0"
        assert redis.command("ZCARD", "{rxkernel:tasks}:running") == ":0"
    assert "the queued task bad was removed: its message in Redis cannot be read" in caplog.text
    assert "the queued task lost was removed" in caplog.text


async def test_error_with_a_lone_surrogate_ends_the_task(redis: RedisServer) -> None:
    async with local_worker(redis), site(redis) as app:
        queued = await app.queue.enqueue(app.work.surrogate)
        with pytest.raises(TaskFailedError, match=r"no file \\udcff"):
            await queued.result(PATIENCE)


async def test_rejected_command_of_a_worker_is_sent_again(
    redis: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The worker and its reports about running tasks continue."""
    running, aside = "{rxkernel:tasks}:running", "{rxkernel:tasks}:aside"
    async with local_worker(redis, lost_after=0.6), site(redis) as app:
        queued = await app.queue.enqueue(app.work.wait_for, str(tmp_path))
        await pid_in(tmp_path / "begun")
        redis.command("RENAME", running, aside)
        redis.command("SET", running, "not a sorted set")
        await until(lambda: caplog.text.count("Redis rejected a command of this worker") > 2)
        redis.command("RENAME", aside, running)
        (tmp_path / "go").write_text("")
        assert await queued.result(PATIENCE) == os.getpid()
        assert await (await app.queue.enqueue(app.work.pid)).result(PATIENCE) == os.getpid()


MEMORY = """
from bundles.tasks import TasksBundle, TasksSettings
from rxkernel import Application, Settings

settings = Settings(bundles={"tasks": TasksSettings(store="memory")})
application = Application(bundles=[TasksBundle], settings=settings)
"""


async def test_worker_without_redis_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "memory_site.py").write_text(MEMORY)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rxkernel", "--app", "memory_site", "tasks", "worker"),
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert b'Error: tasks.queue.store is "memory"' in errors


def tasks_settings() -> Settings:
    queue = TaskQueueSettings(store="redis")
    return Settings(bundles={"tasks": TasksSettings(store="memory", queue=queue)})


async def test_redis_without_its_bundle_is_an_error_at_boot() -> None:
    with pytest.raises(
        ConfigurationError, match=r'tasks\.queue\.store is "redis", and the bundle'
    ):
        await Application(bundles=[TasksBundle], settings=tasks_settings()).boot()


async def test_redis_without_its_extra_is_an_error_at_boot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "bundles.redis", None)
    with pytest.raises(ConfigurationError, match=r"pip install '\.\[redis\]'"):
        await Application(bundles=[TasksBundle], settings=tasks_settings()).boot()


async def test_redis_bundle_listed_after_tasks_is_used(redis: RedisServer) -> None:
    settings = tasks_settings()
    application = Application(bundles=[TasksBundle, RedisBundle], settings=settings)
    await application.boot()
    assert isinstance(application.injector.get(Redis), Redis)
    await application.stop()
