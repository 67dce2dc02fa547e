"""The limits of connections apply before the file descriptors of the process are used up."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import pytest

SERVER = """
import asyncio, logging, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))

from rxkernel import Application, HttpSettings, Request, Settings, http

class Home:
    @http("GET", "/", "home")
    async def home(self, request: Request) -> str:
        return "home"

async def main():
    limits = {} if sys.argv[3] == "default" else {"max_connections": int(sys.argv[3])}
    http = HttpSettings(port=0, max_connections_per_address=900, **limits)
    application = Application(controllers=[Home], settings=Settings(http=http))
    await application.start()
    print(application.servers["http"].port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await application.stop()

logging.basicConfig(level="DEBUG")
asyncio.run(main())
"""


class Limited(NamedTuple):
    process: asyncio.subprocess.Process
    port: int

    async def connect(self, stack: AsyncExitStack, text: bytes) -> asyncio.StreamReader:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        stack.callback(lambda: writer.transport.abort())  # keeps a reference to the writer
        writer.write(text)
        return reader


@asynccontextmanager
async def limited(
    soft: int, hard: int, max_connections: int | str = "default"
) -> AsyncIterator[Limited]:
    """A server with limits of open files."""
    arguments = ("-c", SERVER, str(soft), str(hard), str(max_connections))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield Limited(process, int(await process.stdout.readline()))
    finally:
        process.stdin.close()
        await process.wait()


REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    ("hard", "line"),
    [
        pytest.param(2000, b"HTTP/1.1 200 OK\r\n", id="raised"),
        pytest.param(256, b"HTTP/1.1 429 Too Many Requests\r\n", id="full"),
    ],
)
async def test_connections_of_one_address_never_use_last_descriptor(
    hard: int, line: bytes
) -> None:
    """The soft limit is raised to the hard one; beyond that, the next client gets 429 at once."""
    async with asyncio.timeout(30), limited(128, hard, 1000) as server, AsyncExitStack() as stack:
        for _ in range(150):
            await server.connect(stack, b"")
        assert await (await server.connect(stack, REQUEST)).readline() == line

    assert server.process.stderr is not None
    log = (await server.process.stderr.read()).decode()
    reduced = "allows 106 connections instead of http.max_connections = 1000, and 95 from"
    assert (reduced in log) is (hard == 256)
    assert "Too many open files" not in log


@pytest.mark.parametrize(
    ("hard", "max_connections", "level"),
    [
        pytest.param(2000, "default", "DEBUG", id="many-left"),
        pytest.param(1000, "default", "WARNING", id="few-left"),
        pytest.param(2000, 10_000, "WARNING", id="set"),
    ],
)
async def test_reduced_limit_is_a_warning_if_it_was_set_or_few_connections_are_left(
    hard: int, max_connections: int | str, level: str
) -> None:
    """At a common limit of open files, the default limit is always lowered, and enough is left."""
    async with asyncio.timeout(30), limited(128, hard, max_connections) as server:
        pass

    assert server.process.stderr is not None
    log = (await server.process.stderr.read()).decode()
    [line] = [line for line in log.splitlines() if "the limit of open files" in line]
    assert line.startswith(f"{level}:")
