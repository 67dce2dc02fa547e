"""An application whose tasks are in the Redis of ``TEST_REDIS_URL``. Workers import it too."""

import asyncio
import os
import signal
from pathlib import Path

from bundles.redis import RedisBundle, RedisSettings
from bundles.tasks import (
    Job,
    TaskQueueSettings,
    TasksBundle,
    TasksSettings,
    current_job,
    task,
)
from rxkernel import Application, LoggingSettings, Settings


class Work:
    @task
    async def pid(self) -> int:
        return os.getpid()

    @task(retries=0)
    async def surrogate(self) -> None:
        raise ValueError("no file \udcff")

    @task
    async def job(self) -> Job:
        return current_job()

    @task(retries=2, retry_delay=0.01)
    async def fail(self, folder: str, times: int) -> int:
        runs = _count(Path(folder))
        if runs <= times:
            raise RuntimeError(f"failure {runs}")
        return runs

    @task
    async def hang_once(self, folder: str) -> int:
        """The first run does not end; it writes the id of its process."""
        if _count(Path(folder)) == 1:
            await _hang(Path(folder))
        return os.getpid()

    @task(retries=1)
    async def kill(self, folder: str) -> None:
        _count(Path(folder))
        os.kill(os.getpid(), signal.SIGKILL)

    @task
    async def wait_for(self, folder: str) -> int:
        """Return when the file ``go`` exists."""
        _begin(Path(folder))
        while not (Path(folder) / "go").exists():  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.01)
        return os.getpid()


def _count(folder: Path) -> int:
    """Record one more run, and return the number of runs."""
    with (folder / "runs").open("a") as runs:
        runs.write("x")
    return (folder / "runs").stat().st_size


def _begin(folder: Path) -> None:
    (folder / "begun.new").write_text(str(os.getpid()))
    (folder / "begun.new").rename(folder / "begun")


async def _hang(folder: Path) -> None:
    _begin(folder)
    await asyncio.Event().wait()


def create(url: str, **queue: float) -> Application:
    defaults: dict[str, float] = {"lost_after": 3.0, "concurrency": 4}
    settings = TaskQueueSettings(store="redis", **(defaults | queue))  # type: ignore[arg-type]
    tasks = TasksSettings(store="memory", queue=settings)
    redis = RedisSettings(url=url, command_timeout=1.0, connect_timeout=1.0)
    return Application(
        bundles=[RedisBundle, TasksBundle],
        controllers=[Work],
        settings=Settings(
            bundles={"tasks": tasks, "redis": redis},
            logging=LoggingSettings(level="INFO"),
            shutdown_timeout=1.0,
        ),
    )


if "TEST_REDIS_URL" in os.environ:
    application = create(os.environ["TEST_REDIS_URL"])
