"""Controllers that send files, and a client that sends requests unchanged."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from multidict import CIMultiDict

from rxkernel import Application, FileResponse, Request, http


class Files:
    """``/files/…`` is below a root that the test sets; ``/own`` is a response of the test."""

    root = Path()
    own: Callable[[], FileResponse]

    @http("GET", "/files/{path:path}", "file")
    async def file(self, request: Request) -> FileResponse:
        return FileResponse(request.params["path"], root=self.root)

    @http("GET", "/asked", "asked")
    async def asked(self, request: Request) -> FileResponse:
        return FileResponse(request.params["path"], root=self.root)

    @http("GET", "/own", "own")
    @http("POST", "/own", "own_posted")
    async def send_own(self, request: Request) -> FileResponse:
        return self.own()


class Answer(NamedTuple):
    status: int
    headers: CIMultiDict[str]
    body: bytes


@asynccontextmanager
async def connection(
    application: Application,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    server = application.servers["http"]
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()


def request(target: str, *lines: str, method: str = "GET", version: str = "1.1") -> bytes:
    head = (f"{method} {target} HTTP/{version}", "Host: localhost", *lines, "\r\n")
    return "\r\n".join(head).encode()


async def read_head(reader: asyncio.StreamReader) -> tuple[int, CIMultiDict[str]]:
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
    headers: CIMultiDict[str] = CIMultiDict()
    for line in filter(None, lines):
        name, _, value = line.partition(": ")
        headers.add(name, value)
    return int(status.split()[1]), headers


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    status, headers = await read_head(reader)
    return Answer(status, headers, await reader.readexactly(int(headers["Content-Length"])))


async def ask(
    application: Application, target: str, *lines: str, method: str = "GET", version: str = "1.1"
) -> Answer:
    """Send a request and return the response; its body ends with the connection."""
    async with asyncio.timeout(20), connection(application) as (reader, writer):
        lines = (*lines, "Connection: close")
        writer.write(request(target, *lines, method=method, version=version))
        return Answer(*await read_head(reader), await reader.read())
