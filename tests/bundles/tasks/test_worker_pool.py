"""`WorkerPool`: results, errors, limits, and processes that die. RxStack's pool
(`worker-threads-pool`) starts a thread for each call."""

import asyncio
import logging
import os
import signal
import traceback
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import uvloop

from bundles.tasks import (
    NotPicklableError,
    WorkerCallError,
    WorkerDiedError,
    WorkerPool,
    WorkerPoolClosedException,
    WorkerPoolFullException,
    WorkerStartError,
    WorkerTimeoutException,
)
from rxkernel import NotFoundException
from tests.bundles.tasks import jobs, request_jobs
from tests.bundles.tasks.conftest import running_pool
from tests.bundles.tasks.processes import children, ended, is_running, pid_in
from tests.waiting import until


async def test_run_returns_result_of_another_process(pool: WorkerPool) -> None:
    assert await pool.run(jobs.add, 1, 2) == 3
    assert await pool.run(jobs.pid) != os.getpid()


async def test_run_uses_a_process_again(pool: WorkerPool) -> None:
    assert await pool.run(jobs.pid) == await pool.run(jobs.pid)
    assert pool.statistics.workers == 1


async def test_run_takes_keywords_by_a_partial(pool: WorkerPool) -> None:
    assert await pool.run(partial(jobs.add, second=2), 1) == 3


async def test_run_sends_and_returns_megabytes(pool: WorkerPool) -> None:
    data = b"ab" * 4_000_000
    assert await pool.run(jobs.reverse, data) == data[::-1]


async def test_run_copies_arguments_when_it_is_called(tmp_path: Path) -> None:
    """A waiting call does not see changes that its caller makes meanwhile."""
    async with running_pool() as pool:
        numbers = [1, 2]
        call = asyncio.create_task(pool.run(jobs.total, numbers))
        await asyncio.sleep(0)
        assert pool.statistics.waiting == 1
        numbers.append(3)
        assert await call == 3


async def test_exception_of_a_function_has_its_class_and_traceback(pool: WorkerPool) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        await pool.run(jobs.divide, 1)
    text = "".join(traceback.format_exception(caught.value))
    assert "in divide" in text
    assert "return number / 0" in text
    assert "worker_process.py" not in text
    assert pool.statistics.failed == 1


async def test_http_exception_of_a_function_keeps_its_values(pool: WorkerPool) -> None:
    with pytest.raises(NotFoundException, match="no tea") as caught:
        await pool.run(request_jobs.missing, "tea")
    assert caught.value.code == "missing"


@pytest.mark.parametrize(
    ("function", "text"),
    [(jobs.picky, "PickyError: tea 3"), (jobs.leave, "SystemExit: 3")],
    ids=["constructor", "exit"],
)
async def test_exception_that_cannot_be_raised_here_is_reported(
    pool: WorkerPool, function: Callable[[], None], text: str
) -> None:
    pid = await pool.run(jobs.pid)
    with pytest.raises(WorkerCallError, match=text) as caught:
        await pool.run(function)
    assert f"in {function.__name__}" in str(caught.value.__cause__)
    assert await pool.run(jobs.pid) == pid


async def test_stop_iteration_reaches_the_caller(pool: WorkerPool) -> None:
    """A coroutine of Python cannot raise StopIteration."""
    with pytest.raises(RuntimeError, match="StopIteration"):
        await pool.run(jobs.stop_iteration)


async def test_argument_that_cannot_be_pickled_is_named(pool: WorkerPool) -> None:
    with pytest.raises(NotPicklableError, match=r"argument 2 of add, a lock, cannot be pickled"):
        await pool.run(jobs.add, 1, jobs.lock())  # type: ignore[arg-type]
    assert pool.statistics.workers == 0


async def test_function_that_cannot_be_imported_is_named(pool: WorkerPool) -> None:
    with pytest.raises(NotPicklableError, match="at the top level of a module"):
        await pool.run(lambda: 1)


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (jobs.lock, "a lock, cannot be pickled"),
        (jobs.coroutine, "a coroutine, cannot be pickled.* plain def"),
        (jobs.one_way, "cannot be unpickled: ZeroDivisionError"),
    ],
    ids=["lock", "coroutine", "one way"],
)
async def test_result_that_cannot_be_pickled_is_an_error_and_keeps_the_worker(
    pool: WorkerPool, function: Callable[[], object], text: str
) -> None:
    pid = await pool.run(jobs.pid)
    with pytest.raises(NotPicklableError, match=text):
        await pool.run(function)
    assert await pool.run(jobs.pid) == pid


DEATHS = {
    "SIGKILL": (partial(jobs.kill_self), "SIGKILL", -signal.SIGKILL),
    "exit 0": (partial(jobs.exit_with, 0), "status 0", 0),
    "exit 3": (partial(jobs.exit_with, 3), "status 3", 3),
    "segfault": (partial(jobs.crash), "SIGSEGV", -signal.SIGSEGV),
}


@pytest.mark.parametrize(("function", "text", "code"), DEATHS.values(), ids=DEATHS)
async def test_worker_that_dies_fails_its_own_call_only(
    tmp_path: Path, function: Callable[[], None], text: str, code: int
) -> None:
    """`ProcessPoolExecutor` fails all running and later calls."""
    os.mkfifo(go := tmp_path / "go")
    async with running_pool(2) as pool:
        other = asyncio.create_task(pool.run(jobs.wait_for, tmp_path / "begun", go))
        pid = await pid_in(tmp_path / "begun")

        with pytest.raises(WorkerDiedError, match=text) as caught:
            await pool.run(function)
        assert caught.value.exit_code == code

        assert await pool.run(jobs.add, 1, 2) == 3
        await asyncio.to_thread(go.write_bytes, b"1")
        assert await other == pid
        assert pool.statistics.restarts == 1


async def test_log_of_a_died_worker_contains_no_arguments(
    pool: WorkerPool, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(WorkerDiedError):
        await pool.run(partial(partial(jobs.exit_with, 13)))
    assert "exit_with: the worker process exited with status 13" in caplog.text
    assert "partial" not in caplog.text


async def test_idle_worker_that_is_killed_is_replaced(pool: WorkerPool) -> None:
    pid = await pool.run(jobs.pid)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not pool.statistics.workers)
    assert await pool.run(jobs.pid) != pid
    assert pool.statistics.restarts == 1


async def test_sigterm_and_sigint_do_not_end_a_worker(pool: WorkerPool) -> None:
    """systemd sends SIGTERM to all processes, while the application still finishes its calls."""
    pid = await pool.run(jobs.pid)
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGINT)
    assert await pool.run(jobs.pid) == pid


@pytest.mark.parametrize(
    "function",
    [jobs.hang, jobs.hold_interpreter, jobs.start_program],
    ids=lambda one: one.__name__,
)
async def test_timeout_kills_the_worker_and_its_child_processes(
    tmp_path: Path, function: Callable[[Path], None]
) -> None:
    async with running_pool() as pool:
        await pool.run(jobs.add, 1, 2)
        call = asyncio.create_task(pool.run(function, tmp_path / "begun", timeout=1.0))
        pid = await pid_in(tmp_path / "begun")
        with pytest.raises(WorkerTimeoutException) as caught:
            await call
        assert (caught.value.status_code, caught.value.code) == (408, "worker_timeout")
        assert str(caught.value) == "the call did not end within 1.0 seconds"
        await ended(pid)
        assert await pool.run(jobs.add, 1, 2) == 3


async def test_caller_that_is_cancelled_ends_its_worker(tmp_path: Path) -> None:
    async with running_pool() as pool:
        call = asyncio.create_task(pool.run(jobs.hang, tmp_path / "begun"))
        pid = await pid_in(tmp_path / "begun")
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await ended(pid)
        assert await pool.run(jobs.add, 1, 2) == 3
        assert pool.statistics.busy == 0


# row 65
async def test_full_queue_rejects_a_call_with_503(tmp_path: Path) -> None:
    """RxStack: at most ``max`` calls run, up to ``maxWaiting`` wait, further ones are rejected."""
    os.mkfifo(go := tmp_path / "go")
    async with running_pool(1, queue_size=2, queue_timeout=30.0) as pool:
        first = asyncio.create_task(pool.run(jobs.wait_for, tmp_path / "begun", go))
        await pid_in(tmp_path / "begun")
        waiting = [asyncio.create_task(pool.run(jobs.add, n, n)) for n in (1, 2)]
        await until(lambda: pool.statistics.waiting == 2)

        with pytest.raises(WorkerPoolFullException) as caught:
            await pool.run(jobs.add, 3, 3)
        assert (caught.value.status_code, caught.value.code) == (503, "worker_queue_full")
        assert caught.value.headers["Retry-After"] == "30"

        await asyncio.to_thread(go.write_bytes, b"1")
        await first
        assert await asyncio.gather(*waiting) == [2, 4]
        assert pool.statistics.done == 3


async def test_call_that_waits_too_long_is_rejected_with_503(tmp_path: Path) -> None:
    async with running_pool(queue_timeout=0.2, start_at_boot=True) as pool:
        begin = asyncio.create_task(pool.run(jobs.hang, tmp_path / "begun"))
        await pid_in(tmp_path / "begun")
        with pytest.raises(WorkerPoolFullException) as caught:
            await pool.run(jobs.add, 1, 2)
        assert caught.value.code == "worker_queue_timeout"
        assert pool.statistics.waiting == 0
        begin.cancel()


async def test_waiting_calls_run_in_the_order_of_arrival(tmp_path: Path) -> None:
    os.mkfifo(go := tmp_path / "go")
    finished: list[int] = []

    async def call(pool: WorkerPool, number: int) -> None:
        finished.append(await pool.run(jobs.add, number, 0))

    async with running_pool() as pool:
        first = asyncio.create_task(pool.run(jobs.wait_for, tmp_path / "begun", go))
        await pid_in(tmp_path / "begun")
        calls = [asyncio.create_task(call(pool, number)) for number in range(5)]
        await until(lambda: pool.statistics.waiting == 5)
        calls[1].cancel()
        await asyncio.wait({calls[1]})
        assert pool.statistics.waiting == 4
        await asyncio.to_thread(go.write_bytes, b"1")
        await asyncio.gather(first, *calls, return_exceptions=True)
    assert finished == [0, 2, 3, 4]


async def test_workers_start_with_the_calls_that_need_them() -> None:
    async with running_pool(2) as pool:
        assert pool.statistics.workers == 0
        await pool.run(jobs.add, 1, 2)
        assert pool.statistics.workers == 1


async def test_workers_start_at_boot_and_again_after_a_death() -> None:
    async with running_pool(2, start_at_boot=True) as pool:
        assert pool.statistics.workers == 2
        with pytest.raises(WorkerDiedError):
            await pool.run(jobs.kill_self)
        await until(lambda: pool.statistics.workers == 2)
        assert pool.statistics.restarts == 1


async def test_boot_with_a_worker_that_cannot_start_leaves_no_other_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, starts = children(), 0
    start = asyncio.create_subprocess_exec

    async def start_one(*args: Any, **kwargs: Any) -> asyncio.subprocess.Process:
        nonlocal starts
        starts += 1
        if starts > 1:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return await start(*args, **kwargs)

    monkeypatch.setattr("asyncio.create_subprocess_exec", start_one)
    with pytest.raises(WorkerStartError, match="temporarily unavailable"):
        async with running_pool(2, start_at_boot=True):
            pytest.fail("the pool was opened")
    assert children() <= before


async def test_pool_starts_no_more_workers_than_its_size() -> None:
    async with running_pool(2) as pool:
        pids = await asyncio.gather(*(pool.run(jobs.pid) for _ in range(50)))
        assert len(set(pids)) <= 2


async def test_closing_pool_ends_its_processes_and_calls(tmp_path: Path) -> None:
    """RxStack's promises of queued calls never settle, and its threads go on."""
    before = children()
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(running_pool(2))
        await asyncio.gather(*(pool.run(jobs.add, 1, n) for n in range(4)))
        calls = [
            asyncio.create_task(pool.run(jobs.hang, tmp_path / str(number))) for number in range(3)
        ]
        pids = [await pid_in(tmp_path / str(number)) for number in (0, 1)]
        await until(lambda: pool.statistics.waiting == 1)
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(result) for result in results] == [WorkerPoolClosedException] * 3
    assert not any(map(is_running, pids))
    assert children() <= before
    with pytest.raises(WorkerPoolClosedException):
        await pool.run(jobs.add, 1, 2)


async def test_closing_pool_with_a_cancelled_call_in_the_queue_ends_all_calls(
    tmp_path: Path,
) -> None:
    """The caller has not run since, so its place in the queue is still taken."""
    async with running_pool() as pool:
        hanging = asyncio.create_task(pool.run(jobs.hang, tmp_path / "begun"))
        await pid_in(tmp_path / "begun")
        calls = [asyncio.create_task(pool.run(jobs.add, 1, 2)) for _ in range(2)]
        await until(lambda: pool.statistics.waiting == 2)
        calls[0].cancel()
    results = await asyncio.gather(hanging, *calls, return_exceptions=True)
    closed = WorkerPoolClosedException
    assert [type(result) for result in results] == [closed, asyncio.CancelledError, closed]


async def test_closing_pool_leaves_no_idle_workers(tmp_path: Path) -> None:
    before = children()
    async with running_pool(2, start_at_boot=True) as pool:
        await pool.run(jobs.add, 1, 2)
    assert children() <= before


async def test_worker_that_cannot_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/missing/python")
    async with running_pool() as pool:
        with pytest.raises(
            WorkerStartError, match=r"a worker process cannot be started: .*missing"
        ):
            await pool.run(jobs.add, 1, 2)
        monkeypatch.undo()
        assert await pool.run(jobs.add, 1, 2) == 3


async def test_worker_that_ends_at_its_start_is_an_error_and_is_not_started_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For example, the machine has no memory for the process."""
    program, starts = tmp_path / "python", tmp_path / "starts"
    program.write_text(f"#!/bin/sh\necho >> {starts}\nexit 3\n")
    program.chmod(0o755)
    async with running_pool(start_at_boot=True) as pool:
        monkeypatch.setattr("sys.executable", str(program))
        with pytest.raises(WorkerDiedError):
            await pool.run(jobs.kill_self)
        await until(lambda: pool.start_failure is not None)
        assert pool.start_failure == "a worker process cannot be started: it exited with status 3"
        assert starts.stat().st_size == 1

        monkeypatch.undo()
        await until(lambda: pool.start_failure is None)

        assert pool.statistics.workers == 1
        assert starts.stat().st_size <= 2


def test_pool_on_uvloop_returns_results_and_errors(tmp_path: Path) -> None:
    before = children()

    async def use() -> None:
        async with running_pool(2) as pool:
            assert await pool.run(jobs.reverse, b"ab" * 1_000_000) == b"ba" * 1_000_000
            with pytest.raises(WorkerDiedError, match="SIGKILL"):
                await pool.run(jobs.kill_self)
            with pytest.raises(WorkerTimeoutException):
                await pool.run(jobs.hang, tmp_path / "begun", timeout=0.5)
            assert await asyncio.gather(*(pool.run(jobs.add, 1, n) for n in (1, 2))) == [2, 3]
            assert pool.statistics.restarts == 2

    uvloop.run(use())
    assert children() <= before


async def test_log_records_reach_the_loggers_of_the_application(
    pool: WorkerPool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        await pool.run(jobs.log, "hello")
    [first, second] = [record for record in caplog.records if record.name == "jobs"]
    assert first.getMessage() == "hello from a worker"
    assert first.process != os.getpid()
    assert "ZeroDivisionError" in (second.exc_text or "")
