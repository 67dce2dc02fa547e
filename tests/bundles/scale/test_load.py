"""``serve --workers 2`` and Redis under load, with a blocked event loop, few open files, or a
clock that jumps.

The other rows of the table of faults are in `test_slow_clients`, `test_faults`, `test_processes`
and `tests.cli.test_restart_workers`.

The tests log their figures; `benchmarks/README.md` lists the figures of one run.
"""

import asyncio
import logging
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from email.utils import parsedate_to_datetime
from pathlib import Path
from statistics import linear_regression, median, quantiles
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp
import pytest

from benchmarks.processes import raise_file_limit
from benchmarks.raw_client import RawClient, connect, leave_all
from tests.bundles.redis_servers import running_redis
from tests.bundles.scale.process import SECRET
from tests.cli.processes import Process
from tests.required_tools import ROOT
from tests.waiting import until

pytestmark = pytest.mark.soak

logger = logging.getLogger(__name__)

APP = """
import asyncio
import os
import time
from pathlib import Path
from typing import Annotated

from rxkernel import Application, Broadcaster, Inject, http, websocket


class Site:
    @http("GET", "/pid", "pid")
    @websocket("pid")
    async def pid(self, request):
        return os.getpid()

    @http("GET", "/clients", "clients")
    async def clients(self, request, broadcaster: Annotated[Broadcaster, Inject()]):
        return len(await broadcaster.connections())

    @websocket("news")
    async def news(self, request, broadcaster: Annotated[Broadcaster, Inject()]):
        begin = time.perf_counter()
        sending = broadcaster.emit("news", {"id": 1, "title": "Write it once"})
        await sending
        return time.perf_counter() - begin

    @http("GET", "/work", "work")
    @websocket("work")
    async def work(self, request):
        self.begun.write(b".")
        await asyncio.sleep(0.05)
        return True

    @websocket("block")
    async def block(self, request):
        time.sleep(request.body)

    def __init__(self):
        self.begun = open("begun.txt", "ab", buffering=0)


application = Application(bundles=["redis", "scale"], controllers=[Site])
"""

SETTINGS = f"""
health = true
[http]
trusted_proxies = ["127.0.0.1"]
[scale]
bus = "redis"
secret = "{SECRET}"
"""


class Client(RawClient):
    """A client with its own address, so that no limit per address applies. It counts its
    events."""

    worker: int

    def __init__(self, address: str, number: int) -> None:
        forwarded = f"X-Forwarded-For: 203.0.{number >> 8}.{number & 255}"
        super().__init__(address, offers_deflate=False, headers=[forwarded])
        self.events = 0

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self.closed.done()

    def heard(self, payload: bytes) -> None:
        self.events += 1


class Workers:
    """``serve --workers 2`` in *folder*."""

    def __init__(self, process: Process, folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.url = process.url()
        self.connected: list[Client] = []
        self.pids = [int(process.line(f"worker {n} has pid (\\d+)")[1]) for n in (1, 2)]

    async def clients(self, number: int, *, first: int = 0) -> list[Client]:
        """Connect *number* clients of as many addresses, and ask each for its worker."""
        port = urlsplit(self.url).port
        assert port is not None

        async def one(index: int) -> Client:
            def make(address: str) -> Client:
                client = Client(address, index)
                self.connected.append(client)
                return client

            client = await connect(port, make)
            client.worker = await client.call("pid")
            return client

        clients: list[Client] = []
        for begin in range(first, first + number, 32):
            some = range(begin, min(begin + 32, first + number))
            clients += await asyncio.gather(*map(one, some))
        return clients

    async def get(self, path: str) -> Any:
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as response:
            assert response.status == 200
            return await response.json()

    async def sees(self, number: int) -> None:
        """Wait until a worker knows *number* clients of both."""
        async with asyncio.timeout(30):
            while await self.get("/clients") != number:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)

    async def leave(self) -> None:
        """Close all connections that are still open."""
        left = [client for client in self.connected if client.is_open]
        for client in left:
            client.leave(politely=False)
        await asyncio.gather(*(client.closed for client in left))

    def memory(self) -> int:
        """Bytes of both workers."""
        page = os.sysconf("SC_PAGE_SIZE")
        return page * sum(
            int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.pids
        )

    def files(self) -> int:
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.pids)

    def begun(self) -> int:
        """The number of requests that the workers have begun."""
        return (self.folder / "begun.txt").stat().st_size


class StartWorkers(Protocol):
    def __call__(self, *before: str, settings: str = "") -> Workers: ...


@pytest.fixture
async def start_workers(redis_server: Path, tmp_path: Path) -> AsyncIterator[StartWorkers]:
    """``start_workers("env", "A=b", settings="…")``: what comes before the command line."""
    raise_file_limit()
    async with AsyncExitStack() as stack:

        def start(*before: str, settings: str = "") -> Workers:
            folder = tmp_path / "site"
            folder.mkdir()
            redis = stack.enter_context(running_redis(redis_server, tmp_path))
            (folder / "app.py").write_text(APP)
            (folder / "rxkernel.toml").write_text(SETTINGS + settings)
            variables = [f"RXKERNEL_REDIS_URL={redis.url}", f"PYTHONPATH={ROOT}"]
            serve = [sys.executable, "-m", "rxkernel", "serve", "--port", "0", "--workers", "2"]
            process = Process(["env", *variables, *before, *serve], folder)
            stack.callback(process.kill)
            workers = Workers(process, folder)
            stack.push_async_callback(workers.leave)
            return workers

        yield start


def slowest(seconds: list[float]) -> str:
    """The median and the slowest 1 %, in milliseconds."""
    return f"{median(seconds) * 1e3:.1f} ms, 99 % {quantiles(seconds, n=100)[-1] * 1e3:.1f} ms"


# H1, H3, H4
async def test_thousand_sockets_of_two_workers_receive_all_events(
    start_workers: StartWorkers,
) -> None:
    """The sockets are idle first, then send 200 events a second, then receive broadcasts."""
    workers = start_workers()
    await leave_all(list(await workers.clients(64)))
    await workers.sees(0)
    before = workers.memory()
    clients = await workers.clients(1000)
    await workers.sees(1000)
    each = (workers.memory() - before) / 1000 / 1024
    at = Counter(client.worker for client in clients)
    logger.warning("H1: %.1f KiB for each of 1000 idle sockets, %s", each, sorted(at.values()))
    assert set(at) == set(workers.pids)
    assert each < 40

    taken = await _echoes(clients, rate=200, seconds=30)
    logger.warning("H3: %d echoes, %s", len(taken), slowest(taken))
    assert len(taken) == 200 * 30

    calls, last = [], []
    for _ in range(50):
        for client in clients:
            client.events = 0
        begin = time.perf_counter()
        calls.append(await clients[0].call("news"))
        await until(lambda: all(client.events for client in clients))
        last.append(time.perf_counter() - begin)
    assert all(client.events == 1 for client in clients)
    logger.warning("H4: the call %s; until the last has it %s", slowest(calls), slowest(last))
    assert not any(client.closed.done() for client in clients)


async def _echoes(clients: list[Client], *, rate: int, seconds: int) -> list[float]:
    """Return the seconds of each event. An event without an acknowledgement fails the test."""

    async def one(client: Client) -> float:
        begin = time.perf_counter()
        await client.call("pid")
        return time.perf_counter() - begin

    begin, running = time.monotonic(), []
    for number in range(rate * seconds):
        await asyncio.sleep(begin + number / rate - time.monotonic())
        running.append(asyncio.create_task(one(clients[number % len(clients)])))
    return await asyncio.gather(*running)


# H2
async def test_clients_that_come_and_go_leave_no_memory_and_files(
    start_workers: StartWorkers,
) -> None:
    """100 clients a second come. A third each leaves by DISCONNECT, by a close frame, and by
    closing the connection."""
    workers = start_workers()

    async def visit(number: int) -> None:
        [client] = await workers.clients(1, first=number % 1000)
        if number % 3 == 0:
            client.write(client.frame("41"))
        client.leave(politely=number % 3 != 2)
        await client.closed

    samples: list[tuple[float, float]] = []

    async def come(seconds: int) -> None:
        begin, visits = time.monotonic(), []
        for number in range(100 * seconds):
            await asyncio.sleep(begin + number / 100 - time.monotonic())
            visits.append(asyncio.create_task(visit(number)))
            if number % 100 == 0:
                samples.append((time.monotonic() - begin, workers.memory() / 2**20))
        await asyncio.gather(*visits)

    await come(240)  # what is kept of the last visits has its full size after 3.5 minutes
    await workers.sees(0)
    files = workers.files()
    samples.clear()
    await come(90)
    await workers.sees(0)
    await until(lambda: workers.files() <= files)
    slope = linear_regression(*zip(*samples, strict=True)).slope * 600
    begin, end = samples[0][1], samples[-1][1]
    logger.warning("H2: 9000 visits, %.1f to %.1f MiB, %+.2f per 10 min", begin, end, slope)
    assert end - begin < 2


# H6
async def test_sigterm_under_load_loses_no_acknowledgement(
    start_workers: StartWorkers,
) -> None:
    """1,000 sockets send 500 events a second, beside requests over HTTP. Each takes 50 ms."""
    workers = start_workers()
    clients = await workers.clients(1000)
    counts: Counter[str] = Counter()

    async def event(client: Client) -> None:
        if client.closed.done():
            return
        try:
            await client.call("work")
            counts["acknowledged"] += 1
        except RuntimeError as exc:
            assert "503" in str(exc)  # noqa: PT017 - the other outcomes are counted
            counts["rejected"] += 1
        except ConnectionError:
            counts["closed"] += 1

    async def requests(number: int) -> None:
        headers = {"X-Forwarded-For": f"203.1.113.{number}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            while True:
                try:
                    async with session.get(f"{workers.url}/work") as response:
                        assert response.status == 200
                        await response.read()
                        counts["responses"] += 1
                except aiohttp.ClientConnectorError:
                    return  # the port is closed
                except aiohttp.ServerDisconnectedError:
                    counts["closed before a response"] += 1

    http = [asyncio.create_task(requests(number)) for number in range(10)]
    begin, number, events = time.monotonic(), 0, []
    is_signalled, stopped = 0.0, None
    while not all(client.closed.done() for client in clients):
        client = clients[number % 1000]
        events.append(asyncio.create_task(event(client)))
        number += 1
        if number == 1500:
            workers.process.send(signal.SIGTERM)
            is_signalled = time.monotonic()
            stopped = asyncio.create_task(asyncio.to_thread(workers.process.code))
        await asyncio.sleep(begin + number / 500 - time.monotonic())
    await asyncio.gather(*events, *http)
    assert stopped is not None
    assert await stopped == 0
    logger.warning(
        "H6: %s, %d begun, %.2f s", dict(counts), workers.begun(), time.monotonic() - is_signalled
    )
    assert counts["acknowledged"] + counts["responses"] == workers.begun()
    assert counts["acknowledged"] >= 1000


# H14
async def test_blocked_worker_keeps_its_sockets_and_the_other_one_serves(
    start_workers: StartWorkers,
) -> None:
    """The worker is blocked for five seconds, longer than the timeout of a PONG."""
    workers = start_workers(settings="[socketio]\nping_interval = 1\nping_timeout = 1\n")
    clients = await workers.clients(200)
    blocked = clients[0].worker
    others = [client for client in clients if client.worker != blocked]

    blocking = asyncio.create_task(clients[0].call("block", 5))
    taken: list[float] = []
    while not blocking.done():
        taken += await _echoes(others, rate=100, seconds=1)
    await blocking
    async with asyncio.timeout(20):
        assert [await client.call("pid") for client in clients] == [one.worker for one in clients]
    await asyncio.sleep(3)  # in which a PONG that was missed would end its session
    assert not any(client.closed.done() for client in clients)
    logger.warning("H14: %d of the other worker meanwhile, %s", len(taken), slowest(taken))
    await workers.sees(200)


# H15
async def test_few_open_files_reject_clients_and_recover(start_workers: StartWorkers) -> None:
    """Two workers and the supervisor, with 256 files each, and 400 clients at once.

    A rejected connection uses a file until it is closed, so some connections are lost without
    a response.
    """
    workers = start_workers("sh", "-c", 'ulimit -n 256; exec "$@"', "sh")
    results = await asyncio.gather(
        *(workers.clients(1, first=number) for number in range(400)), return_exceptions=True
    )
    accepted = [client for one in results if isinstance(one, list) for client in one]
    rejected = Counter(
        "503" if str(one).startswith("HTTP/1.1 503 ") else "nothing"
        for one in results
        if isinstance(one, ConnectionError)
    )
    logger.warning("H15: %d of 400 connected, the others got %s", len(accepted), dict(rejected))
    assert accepted
    assert rejected["503"]
    assert len(accepted) + rejected.total() == 400
    assert [await client.call("pid") for client in accepted] == [one.worker for one in accepted]

    await leave_all(list(accepted))
    await workers.sees(0)
    await workers.clients(100)
    lost = [line for line in workers.process.stderr if "too many open files" in line]
    assert len(lost) <= 2  # one line of each worker


# H16
@pytest.mark.parametrize("jump", ["+1h", "-1h"])
async def test_clock_of_workers_that_jumps_closes_no_socket(
    start_workers: StartWorkers, faketime: Path, tmp_path: Path, jump: str
) -> None:
    """The time of day of the workers jumps; their monotonic clock and Redis do not."""
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    workers = start_workers(
        f"LD_PRELOAD={faketime}",
        f"FAKETIME_TIMESTAMP_FILE={clock}",
        "FAKETIME_NO_CACHE=1",
        "FAKETIME_DONT_FAKE_MONOTONIC=1",
        settings="[socketio]\nping_interval = 1\nping_timeout = 1\n",
    )
    clients = await workers.clients(100)
    await workers.sees(100)

    clock.write_text(f"{jump}\n")
    taken = await _echoes(clients, rate=50, seconds=5)
    await clients[0].call("news")
    await until(lambda: all(client.events == 1 for client in clients))
    assert not any(client.closed.done() for client in clients)
    logger.warning("H16: %s, %d echoes, %s", jump, len(taken), slowest(taken))

    client = clients.pop()
    client.leave(politely=False)
    await workers.sees(99)
    async with aiohttp.ClientSession() as session, session.get(f"{workers.url}/readyz") as ready:
        assert ready.status == 200
    date = await _date(workers)
    assert abs(date - time.time()) > 3000


async def _date(workers: Workers) -> float:
    """The time of day of a worker, from the header ``Date``."""

    async with aiohttp.ClientSession() as session, session.get(f"{workers.url}/pid") as response:
        return parsedate_to_datetime(response.headers["Date"]).timestamp()
