"""Workers with Socket.IO that end, or are restarted by SIGHUP."""

import asyncio
import itertools
import os
import resource
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.cli.processes import DEADLINE, Process, get, until
from tests.cli.test_serve_workers import (
    SETTINGS,
    connect,
    exchange,
    pids_of,
    request,
    sessions_of_both,
    start_workers,
)
from tests.node_scripts import report_of

CLIENTS = 16
"""The number of client addresses; so many that both workers serve some."""

SCRIPTS = Path(__file__).parents[1] / "clients"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    process = start_workers(tmp_path)
    yield process
    process.kill()


class Load:
    """Clients of different addresses, which send requests until ``is_over``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.pids: Counter[int] = Counter()
        self.is_over = False

    async def run(self, number: int, *, close: bool) -> None:
        """Send over one connection, or over a new one each time. An error fails the test."""
        headers = {"X-Forwarded-For": f"203.0.113.{number}"}
        connector = aiohttp.TCPConnector(force_close=close)
        async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
            while not self.is_over:
                async with session.get(f"{self.url}/pid") as response:
                    assert response.status == 200
                    self.pids[await response.json()] += 1
                await asyncio.sleep(0.05)  # leaves the CPU to the new workers


@pytest.mark.node
@pytest.mark.parametrize("sockets", [12, pytest.param(500, marks=pytest.mark.soak)])
async def test_sighup_under_load_loses_no_request_and_no_acknowledged_event(
    process: Process, node: Path, tmp_path: Path, sockets: int
) -> None:
    """HTTP requests over kept and new connections; and clients of Socket.IO over all transports,
    which connect to the next worker."""
    before = pids_of(process)
    load = Load(process.url())
    pids = ",".join(map(str, before))
    async with asyncio.TaskGroup() as group:
        for number in range(CLIENTS):
            group.create_task(load.run(number, close=number % 2 == 0))
        arguments = process.url(), str(process.pid), pids, str(sockets)
        report: Any = await report_of(
            node, SCRIPTS / "worker_restarts.mjs", *arguments, patience=2 * DEADLINE
        )
        await asyncio.to_thread(process.line, "all workers were restarted")
        after = {int(process.line(f"worker {n} has pid (\\d+)", number=2)[1]) for n in (1, 2)}
        await _until_served_by(load, after)
        load.is_over = True

    counted = Counter((tmp_path / "counted.txt").read_text().split())
    assert [id for id in report["acknowledged"] if counted[id] != 1] == []
    assert len(report["acknowledged"]) >= 6 * sockets
    assert report["reconnected"] == sockets
    assert not before & after
    assert set(load.pids) == before | after
    process.send(signal.SIGTERM)
    assert await asyncio.to_thread(process.code) == 0


@pytest.mark.node
@pytest.mark.soak
async def test_5000_clients_that_connect_again_at_once_are_served(
    process: Process, node: Path
) -> None:
    """First the clients of one worker, while the other worker serves its own; then all."""
    pids = ",".join(str(process.line(f"worker {n} has pid (\\d+)")[1]) for n in (1, 2))
    arguments = process.url(), str(process.pid), pids, "5000"

    report: Any = await report_of(
        node, SCRIPTS / "reconnect_storm.mjs", *arguments, patience=5 * DEADLINE
    )

    assert report["lost"] == 0
    assert report["half"]["seconds"] < 30
    assert report["all"]["seconds"] < 30


async def _until_served_by(load: Load, pids: set[int]) -> None:
    async with asyncio.timeout(30):
        while not pids <= set(load.pids):  # noqa: ASYNC110 - the clients count
            await asyncio.sleep(0.01)


def test_killed_worker_is_replaced_and_the_other_keeps_its_sessions(process: Process) -> None:
    sids = sessions_of_both(process)
    first, second = (int(process.line(f"worker {n} has pid (\\d+)")[1]) for n in (1, 2))

    os.kill(first, signal.SIGKILL)
    process.line(rf"ERROR .* worker 1 \(pid {first}\) ended with code -9")
    with connect(process) as connection:
        target = "/socket.io/?EIO=4&transport=polling&sid="
        assert "Session ID unknown" in exchange(connection, request(target + sids["1"]))
        assert int(exchange(connection, request("/pid"))) != first
    third = int(process.line(r"worker 1 has pid (\d+)", number=2)[1])

    found = {get_as(process, f"203.0.113.{number}") for number in range(30)}
    assert found == {second, third}
    assert set(sessions_of_both(process)) == {"2", "3"}


def test_worker_that_cannot_be_started_is_started_later(process: Process) -> None:
    """A supervisor without free file descriptors keeps the running workers.

    A former worker completes its requests. A replacement that ends meanwhile is replaced, and a
    stop waits for the former worker.
    """
    before = pids_of(process)
    limits = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
    process.send(signal.SIGHUP)
    process.line("a new worker did not start; keeping the running workers")
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    process.line("worker 1 could not be started: .*Too many open files", number=2)
    process.line("worker 2 could not be started: .*Too many open files")
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, limits)
    former = int(process.line(r"worker 1 has pid (\d+)", number=2)[1])

    clients = (f"203.0.113.{number % 256}" for number in itertools.count())
    client = next(client for client in clients if get_as(process, client) == former)
    with connect(process) as connection:
        exchange(connection, request("/pid", client))
        connection.sendall(b"POST /exit HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n")
        process.send(signal.SIGHUP)
        process.line("INFO .* stopping")
        os.kill(int(process.line(r"worker 1 has pid (\d+)", number=3)[1]), signal.SIGKILL)
        process.line(r"worker 1 has pid (\d+)", number=4)
        os.kill(former, 0)  # the former worker still runs

        process.send(signal.SIGTERM)
        process.line("INFO .* stopped")  # the other workers
        connection.sendall(b"x")
        assert process.code() == 0
    assert not any("Forced" in line for line in (*process.stdout, *process.stderr))


def test_worker_that_ends_repeatedly_restarts_with_growing_delay(process: Process) -> None:
    """Requests wait while no worker runs. While one worker waits for its next start, the other one
    serves, and a stop does not wait for that start."""
    for pid in pids_of(process):
        os.kill(pid, signal.SIGKILL)
    assert until(lambda: get(f"{process.url()}/pid")) not in pids_of(process)

    other = int(process.line(r"worker 2 has pid (\d+)", number=2)[1])
    for number, delay in (2, "0.5"), (3, "1"):
        pid = int(process.line(r"worker 1 has pid (\d+)", number=number)[1])
        os.kill(pid, signal.SIGKILL)
        process.line(f"worker 1 restarts in {delay} s")
        assert get(f"{process.url()}/pid") == other

    process.send(signal.SIGTERM)
    assert process.code() == 0
    assert sum("worker 1 has pid" in line for line in process.stderr) == 3


def get_as(process: Process, client: str) -> int:
    with connect(process) as connection:
        return int(exchange(connection, request("/pid", client)))


def test_sighup_with_invalid_settings_keeps_the_workers(process: Process, tmp_path: Path) -> None:
    before = pids_of(process)

    (tmp_path / "rxkernel.toml").write_text("prot = 1")
    process.send(signal.SIGHUP)
    process.line("a new worker did not start; keeping the running workers")
    assert get(f"{process.url()}/pid") in before

    (tmp_path / "rxkernel.toml").write_text(SETTINGS)
    process.send(signal.SIGHUP)
    process.line("all workers were restarted")
    assert get(f"{process.url()}/pid") not in before

    process.send(signal.SIGHUP)
    process.line(r"worker 1 has pid (\d+)", number=3)
    process.send(signal.SIGTERM)  # during a restart
    assert process.code() == 0
    assert sum("did not start" in line for line in process.stderr) == 1
