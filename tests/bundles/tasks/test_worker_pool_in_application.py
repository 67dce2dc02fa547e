"""`WorkerPool` as a service: the request of a call, its log, and the end of the application."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from injector import inject

from bundles.security import Token
from bundles.tasks import (
    Job,
    TasksBundle,
    TasksSettings,
    WorkerPool,
    WorkerPoolSettings,
    WorkerStartError,
)
from rxkernel import (
    Application,
    HeadEvent,
    KernelClient,
    KernelEvents,
    ReadinessEvent,
    RequestIdFilter,
    ServerEvents,
    Settings,
    both,
    observe,
)
from tests.bundles.tasks import jobs, request_jobs
from tests.bundles.tasks.processes import ended, pid_in
from tests.waiting import until

ROOT = Path(__file__).parents[3]


class Jobs:
    @inject
    def __init__(self, pool: WorkerPool) -> None:
        self.pool = pool

    @both("GET", "/job", "job")
    async def job(self) -> Job:
        return await self.pool.run(request_jobs.job)

    @both("GET", "/log", "log")
    async def log(self, text: str) -> None:
        await self.pool.run(jobs.log, text)

    @both("GET", "/hang", "hang")
    async def hang(self, begun: str) -> None:
        await self.pool.run(jobs.hang, Path(begun))


class Login:
    @observe(KernelEvents.KERNEL_HEAD)
    async def set_token(self, event: HeadEvent) -> None:
        user = event.request.headers.get("User")
        if user:
            event.request.token = Token(user=user, identifier=user, credential="session", id="s1")


def client() -> KernelClient:
    pool = WorkerPoolSettings(size=2, queue_size=1, queue_timeout=30.0)
    settings = Settings(bundles={"tasks": TasksSettings(store="memory", pool=pool)})
    application = Application(
        bundles=[TasksBundle], controllers=[Jobs], listeners=[Login], settings=settings
    )
    return KernelClient(application)


async def test_job_has_request_user_and_session_of_its_own_call() -> None:
    """RxStack's jobs share the environment of their process."""
    async with client() as calls:
        ids = [f"request-{number}" for number in range(2)]
        responses = await asyncio.gather(
            *(
                calls.http("job", headers={"X-Request-Id": id, "User": f"user of {id}"})
                for id in ids
            )
        )
        for id, response in zip(ids, responses, strict=True):
            expected = Job(request_id=id, user=f"user of {id}", session_id="s1")
            assert response.content == expected
        anonymous = await calls.http("job", headers={"X-Request-Id": "third"})
        assert anonymous.content == Job(request_id="third")


async def test_job_of_a_call_without_a_request_is_empty() -> None:
    async with client() as calls:
        pool = calls.application.injector.get(WorkerPool)
        assert await pool.run(request_jobs.job) == Job()


async def test_records_of_a_worker_have_the_id_of_its_request() -> None:
    handled: list[logging.LogRecord] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            handled.append(record)

    handler = Handler()
    handler.addFilter(RequestIdFilter())
    logger = logging.getLogger("jobs")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        async with client() as calls:
            await asyncio.gather(
                *(
                    calls.http("log", params={"text": id}, headers={"X-Request-Id": id})
                    for id in ("one", "two")
                )
            )
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    found = {(vars(record)["request_id"], record.getMessage()) for record in handled}
    expected = {(id, f"{id} from a worker") for id in ("one", "two")}
    assert found == expected | {(id, "failed") for id in ("one", "two")}
    assert {vars(record)["route"] for record in handled} == {"log"}


@pytest.mark.parametrize("transport", ["HTTP", "SOCKET"])
async def test_full_queue_is_a_503_response_with_retry_after(
    tmp_path: Path, transport: str
) -> None:
    async with client() as calls:
        pool = calls.application.injector.get(WorkerPool)
        names = ("first", "second", "waiting")
        running = [asyncio.create_task(pool.run(jobs.hang, tmp_path / name)) for name in names]
        await asyncio.gather(*(pid_in(tmp_path / name) for name in names[:2]))
        params = {"begun": str(tmp_path / "more")}
        if transport == "HTTP":
            response = await calls.http("hang", params=params)
        else:
            response = await calls.websocket("hang", params=params)
        assert response.status_code == 503
        assert response.content["code"] == "worker_queue_full"
        assert response.headers["Retry-After"] == "30"
        for task in running:
            task.cancel()
        await asyncio.wait(running)


async def test_worker_that_cannot_start_makes_the_process_not_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with client() as calls:
        pool = calls.application.injector.get(WorkerPool)

        async def failures() -> dict[str, str]:
            event = ReadinessEvent()
            await calls.dispatcher.dispatch(ServerEvents.READINESS, event)
            return event.failures

        with monkeypatch.context() as patch:
            patch.setattr("sys.executable", "/missing/python")
            with pytest.raises(WorkerStartError):
                await pool.run(jobs.add, 1, 2)
        assert "cannot be started" in (await failures())["worker pool"]

        await pool.run(jobs.add, 1, 2)
        assert await failures() == {}
        counts = calls.application.servers["tasks"].counts
        assert counts["tasks.pool.done"] == 1


async def test_workers_end_with_the_application(tmp_path: Path) -> None:
    async with client() as calls:
        pool = calls.application.injector.get(WorkerPool)
        idle = await pool.run(jobs.pid)
        call = asyncio.create_task(pool.run(jobs.hang, tmp_path / "begun"))
        busy = await pid_in(tmp_path / "begun")
    await asyncio.wait({call})
    await ended(idle)
    await ended(busy)


PROGRAM = """
import asyncio, sys
from pathlib import Path
from bundles.tasks import WorkerPool, WorkerPoolSettings
from tests.bundles.tasks import jobs

async def main(folder):
    async with WorkerPool(WorkerPoolSettings(size=4, start_at_boot=True)) as pool:
        functions = jobs.hang, jobs.hold_interpreter, jobs.start_program
        calls = [pool.run(one, folder / one.__name__) for one in functions]
        calls.append(pool.run(jobs.begin, folder / "idle"))
        await asyncio.gather(*calls)

asyncio.run(main(Path(sys.argv[1])))
"""


async def test_workers_end_when_the_application_is_killed(tmp_path: Path) -> None:
    """The workers are idle, busy in code that does not return to the interpreter, or wait for
    other programs."""
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, str(tmp_path)), cwd=ROOT
    )
    try:
        names = ("hang", "hold_interpreter", "start_program", "idle")
        pids = [await pid_in(tmp_path / name) for name in names]
    finally:
        program.send_signal(signal.SIGKILL)
        await program.wait()
    for pid in pids:
        await ended(pid)


MAIN = """
import asyncio
from bundles.tasks import NotPicklableError, WorkerPool, WorkerPoolSettings

def double(number):
    return 2 * number

async def main():
    async with WorkerPool(WorkerPoolSettings(size=1)) as pool:
        try:
            await pool.run(double, 2)
        except NotPicklableError as error:
            print(error)

asyncio.run(main())
"""


async def test_function_of_the_program_itself_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(MAIN)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(tmp_path / "program.py")),
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert output.decode() == (
        "double is defined in __main__, which a worker process cannot import; move it to a "
        "module\n"
    )


async def test_caller_that_disconnects_ends_its_worker(tmp_path: Path) -> None:
    async with client() as calls:
        pool = calls.application.injector.get(WorkerPool)
        call = asyncio.create_task(calls.http("hang", params={"begun": str(tmp_path / "begun")}))
        pid = await pid_in(tmp_path / "begun")
        call.cancel()
        await asyncio.wait({call})
        await ended(pid)
        await until(lambda: pool.statistics.busy == 0)
