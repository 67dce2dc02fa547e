"""HTTP without a client library, which would correct malformed requests."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from rxkernel import Application

SECONDS = 20.0
"""Ends a test that would wait forever."""


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class RawHttp:
    """One connection to *application*; the test decides what is sent and read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *parts: bytes) -> None:
        """Send each part in a segment of its own, as far as a client can."""
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()
            await asyncio.sleep(0)

    async def answer(self) -> Answer:
        """The next response, also ``100 Continue``."""
        async with asyncio.timeout(SECONDS):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            pairs = (line.split(": ", 1) for line in lines)
            headers = {name.lower(): value for name, value in pairs}
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(int(first.split()[1]), headers, body)

    async def closed(self) -> bytes:
        """Return everything that is received until the server closes the connection."""
        async with asyncio.timeout(SECONDS):
            return await self.reader.read()


@asynccontextmanager
async def raw_http(application: Application) -> AsyncIterator[RawHttp]:
    port = application.servers["http"].port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield RawHttp(reader, writer)
    finally:
        writer.transport.abort()


def chunk(data: bytes) -> bytes:
    """*data* as one chunk (RFC 9112 §7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def post(path: str, *headers: str, body: bytes | None = None) -> bytes:
    """A POST request; with *body* None only its head."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", *headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")
