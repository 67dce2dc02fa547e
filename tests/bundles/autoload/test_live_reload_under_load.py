"""Many reloads while clients call over both transports."""

import asyncio
import gc
import itertools
import tracemalloc
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
import socketio

from bundles.autoload import domain
from tests.bundles.autoload.live_folder import LiveFolder, root_of
from tests.servers.socketio_clients import client
from tests.waiting import until, until_collected

_RATE = 100
"""Calls each second."""

_MOST_RUNNING = 50
"""The limit of calls in flight. On a slow machine, more calls would only wait."""

_CONNECTIONS = 5
"""The limit of HTTP connections of the client, which stay open."""

_GROWTH = 800_000
"""Bytes by which the memory may grow between two measurements, for buffers of clients and the log
of this test. The modules of ten reloads would need a million."""

READ = """
    import asyncio
    from bundles.autoload import domain

    NUMBER = {0}
    access = "public"

    async def method():
        before = domain.state.NUMBER
        await asyncio.sleep(0.02)
        return [NUMBER, before, domain.state.NUMBER]
    """

STATE = """
    NUMBER = {0}
    calls = [bytes(100_000)]

    class State:
        def __init__(self) -> None:
            self.me = self

    state = State()

    async def start(): pass
    async def stop(): pass
    """


def files(number: int) -> dict[str, str | bytes]:
    return {"api/chat/read.py": READ.format(number), "domain/state.py": STATE.format(number)}


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[LiveFolder]:
    folder = LiveFolder(root_of(tmp_path))
    yield folder
    await folder.stop()


@attrs.define(eq=False)
class Load:
    """Calls at a steady rate, over HTTP and sockets in turn, and their failures. A slow machine
    makes fewer calls."""

    live: LiveFolder
    session: aiohttp.ClientSession
    sockets: list[socketio.AsyncClient]
    problems: list[str] = attrs.field(factory=list)
    calls: int = 0
    _running: set[asyncio.Task[None]] = attrs.field(factory=set)

    async def run(self, ended: asyncio.Event) -> None:
        url = f"{self.live.application.servers['http'].url}/api/chat/read"
        loop, begin = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        for socket in itertools.cycle(self.sockets):
            while len(self._running) >= _MOST_RUNNING:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            if ended.is_set():
                break
            self._call(self._over_http(url) if self.calls % 2 else self._over_socket(socket))
            await asyncio.sleep(max(begin + self.calls / _RATE - loop.time(), 0))
        await asyncio.gather(*self._running)

    async def more(self) -> None:
        """Wait for some more calls."""
        calls = self.calls
        await until(lambda: self.calls > calls + 5)

    def _call(self, work: Any) -> None:
        self.calls += 1
        task = asyncio.create_task(self._checked(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _checked(self, work: Any) -> None:
        least = self.live.snapshot.number
        try:
            status, content = await work
        except Exception as exc:  # noqa: BLE001 - a failed call is what the test looks for
            self.problems.append(repr(exc))
            return
        if status != 200 or len({*content}) != 1 or content[0] < least:
            self.problems.append(f"{status}: {content}, at least {least}")

    async def _over_http(self, url: str) -> tuple[int, Any]:
        async with self.session.post(url, json={}) as response:
            return response.status, await response.json()

    async def _over_socket(self, socket: socketio.AsyncClient) -> tuple[int, Any]:
        response = await socket.call("chat/read", {})
        return response["statusCode"], response["content"]


@pytest.fixture
def used() -> Iterator[Callable[[], int]]:
    """Return a function that measures the bytes in use, without objects from before the test."""

    def measure() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        yield measure
    finally:
        tracemalloc.stop()


# F6
@pytest.mark.parametrize(
    ("reloads", "sockets"), [(20, 10), pytest.param(200, 100, marks=pytest.mark.soak)]
)
async def test_reloads_under_load_fail_no_call_and_close_no_connection(
    used: Callable[[], int], live: LiveFolder, reloads: int, sockets: int
) -> None:
    """Memory does not grow with each reload either. A table of the interpreter, such as interned
    texts, may grow once."""
    application = await live.serve(files(1))
    closed: list[str] = []
    opened = 0

    async def count(*_: Any) -> None:
        nonlocal opened
        opened += 1

    def note_close(reason: str) -> None:
        closed.append(reason)

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(count)
    snapshots: list[weakref.ref[object]] = []
    modules: list[weakref.ref[object]] = []
    ways = itertools.cycle((live.replace, live.recreate, live.move_away))
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(client(application)) for _ in range(sockets)]
        for socket in clients:
            socket.on("disconnect", note_close)
        session = await stack.enter_async_context(
            aiohttp.ClientSession(
                trace_configs=[trace], connector=aiohttp.TCPConnector(limit=_CONNECTIONS)
            )
        )
        load, ended = Load(live, session, clients), asyncio.Event()
        loading = asyncio.create_task(load.run(ended))
        memory: list[int] = []
        for number in range(2, reloads + 2):
            snapshots.append(weakref.ref(live.snapshot))
            modules.append(weakref.ref(domain.state))
            way = next(ways)
            for key, content in files(number).items():
                way(key, str(content))
            await live.loaded(number)
            await load.more()
            if number in (reloads // 2, reloads + 1):
                memory.append(used())
        ended.set()
        await loading
        assert load.problems == []
        assert closed == []
        assert all(socket.connected for socket in clients)
    assert load.calls > 5 * reloads
    assert opened <= _CONNECTIONS
    assert live.snapshot.number == reloads + 1
    assert min(after - before for before, after in itertools.pairwise(memory)) < _GROWTH
    await until_collected(lambda: not any(ref() for ref in (*snapshots, *modules)))
