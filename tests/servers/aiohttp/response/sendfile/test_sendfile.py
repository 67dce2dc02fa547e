"""Files larger than the buffers: while one is sent it can change, and clients can disconnect.

The tests run with asyncio and uvloop (`conftest.py`), and on a system without ``sendfile``.
"""

import asyncio
import errno
import logging
import os
import shutil
import ssl
import subprocess
from asyncio import StreamReader
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from rxkernel import (
    Application,
    FileResponse,
    ServerConfigurationEvent,
    ServerEvents,
    observe,
)
from rxkernel.servers.aiohttp.response.file import file_response
from tests.required_tools import skip_missing_tool
from tests.servers.conftest import Serve
from tests.servers.raw_files import Files, ask, connection, read_answer, read_head, request
from tests.waiting import until

SIZE = 20_000_000
CONTENT = (bytes(range(251)) * (SIZE // 251 + 1))[:SIZE]
"""More than the buffers of two sockets; each position has its own content."""


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    path.write_bytes(CONTENT)
    os.utime(path, (1, 1))
    return path


@pytest.fixture
async def site(serve: Serve, large: Path) -> Application:
    return await serve(type("Site", (Files,), {"root": large.parent}))


Sendfile = Callable[[int, int, int, int], int]


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of bytes that each call of ``sendfile`` has sent."""
    sent: list[int] = []
    real: Sendfile = os.sendfile

    def counted(out: int, file: int, offset: int, count: int) -> int:
        sent.append(real(out, file, offset, count))
        return sent[-1]

    monkeypatch.setattr(os, "sendfile", counted)
    return sent


@pytest.fixture
def uncopied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems do not support ``sendfile``."""

    def fail(*_: int) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "sendfile", fail)


def open_files(path: Path) -> int:
    """Return how often this process has opened *path*, also if it was renamed."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        try:
            found += os.readlink(link).removesuffix(" (deleted)") == str(path)
        except FileNotFoundError:
            continue
    return found


def adds(middleware: Any) -> Callable[[ServerConfigurationEvent], Awaitable[None]]:
    """Return a listener that adds *middleware* to aiohttp."""

    @observe(ServerEvents.CONFIGURE)
    async def configure(event: ServerConfigurationEvent) -> None:
        if event.server.name == "http":
            event.server.engine.middlewares.append(middleware)

    return configure


async def begin(site: Application, reader: StreamReader, writer: Any) -> None:
    """Request the large file and read only its head, so that the server has to wait."""
    writer.write(request("/files/large"))
    status, headers = await read_head(reader)
    assert (status, headers["Content-Length"]) == (200, str(SIZE))


async def test_large_file_is_sent_with_sendfile(
    site: Application, large: Path, copied: list[int]
) -> None:
    answer = await ask(site, "/files/large")

    assert answer.body == CONTENT
    assert sum(copied) == SIZE
    await until(lambda: open_files(large) == 0)


@pytest.mark.usefixtures("uncopied")
async def test_file_without_sendfile_support_is_read_and_written(
    site: Application, large: Path
) -> None:
    answer = await ask(site, "/files/large", "Range: bytes=5-")

    assert answer.body == CONTENT[5:]
    await until(lambda: open_files(large) == 0)


async def test_multiple_large_ranges_are_sent_as_parts(
    site: Application, large: Path, copied: list[int]
) -> None:
    answer = await ask(site, "/files/large", "Range: bytes=100-5000099,9000000-19000000")

    assert answer.headers["Content-Length"] == str(len(answer.body))
    boundary = answer.headers["Content-Type"].partition("boundary=")[2].encode()
    before, first, second, end = answer.body.split(b"--" + boundary)
    assert (before, end) == (b"\r\n", b"--\r\n")
    assert first.endswith(b"/20000000\r\n\r\n" + CONTENT[100:5000100] + b"\r\n")
    assert second.endswith(b"/20000000\r\n\r\n" + CONTENT[9000000:19000001] + b"\r\n")
    assert sum(copied) == 15_000_001


async def test_connection_after_a_file_serves_the_next_request(
    site: Application, large: Path
) -> None:
    """The second request arrives before the first response is sent."""
    async with asyncio.timeout(20), connection(site) as (reader, writer):
        writer.write(request("/files/large") + request("/files/large", "Range: bytes=-3"))
        first, second = await read_answer(reader), await read_answer(reader)

    assert first.body == CONTENT
    assert (second.status, second.body) == (206, first.body[-3:])


async def test_file_is_sent_after_the_data_in_the_write_buffer(serve: Serve, large: Path) -> None:
    """``sendfile`` bypasses the write buffer of the transport, which may not be empty."""
    written: list[int] = []

    @web.middleware
    async def middleware(native: web.Request, handler: Any) -> web.StreamResponse:
        assert native.transport is not None
        while not native.transport.get_write_buffer_size():
            native.transport.write(bytes(30_000))
            written.append(30_000)
        response: web.StreamResponse = await handler(native)
        return response

    site = await serve(
        type("Site", (Files,), {"root": large.parent}), listeners=[adds(middleware)]
    )
    async with asyncio.timeout(20), connection(site) as (reader, writer):
        writer.write(request("/files/large"))
        await until(lambda: open_files(large))
        assert await reader.readexactly(sum(written)) == bytes(sum(written))
        assert (await read_answer(reader)).body == CONTENT


async def test_file_over_http10_is_sent(site: Application, large: Path) -> None:
    answer = await ask(site, "/files/large", version="1.0")

    assert (answer.status, len(answer.body)) == (200, SIZE)


async def test_file_replaced_while_it_is_sent_keeps_its_old_content(
    site: Application, large: Path
) -> None:
    async with asyncio.timeout(20), connection(site) as (reader, writer):
        await begin(site, reader, writer)
        (large.parent / "next").write_bytes(bytes(SIZE))
        (large.parent / "next").rename(large)
        assert await reader.readexactly(SIZE) == CONTENT


@pytest.mark.parametrize("way", ["copied", "uncopied"])
async def test_file_truncated_while_it_is_sent_aborts_the_connection(
    site: Application,
    large: Path,
    caplog: pytest.LogCaptureFixture,
    request: pytest.FixtureRequest,
    way: str,
) -> None:
    """The client receives less than Content-Length, which is an error for it."""
    request.getfixturevalue(way)
    async with asyncio.timeout(20), connection(site) as (reader, writer):
        await begin(site, reader, writer)
        os.truncate(large, 10)
        with suppress(ConnectionError):
            assert len(await reader.read()) < SIZE
        await until(lambda: caplog.records)

    assert "sending the file of '/files/large' failed" in caplog.text
    assert "became shorter" in caplog.text
    await until(lambda: open_files(large) == 0)
    assert len(caplog.records) == 1


@pytest.mark.parametrize("way", ["copied", "uncopied"])
async def test_client_disconnect_in_mid_file_logs_one_debug_line(
    site: Application,
    large: Path,
    caplog: pytest.LogCaptureFixture,
    request: pytest.FixtureRequest,
    way: str,
) -> None:
    request.getfixturevalue(way)
    caplog.set_level(logging.DEBUG, logger="rxkernel")
    caplog.set_level(logging.DEBUG, logger="aiohttp")
    async with asyncio.timeout(20), connection(site) as (reader, writer):
        await begin(site, reader, writer)
        assert open_files(large) == 1

    await until(lambda: "client disconnected: GET '/files/large'" in caplog.text)
    await until(lambda: open_files(large) == 0)
    assert len([r for r in caplog.records if r.name.startswith(("rxkernel.servers", "aio"))]) == 1


async def test_client_that_reads_nothing_of_a_file_reaches_the_send_timeout(
    serve: Serve, large: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The send timeout includes data that bypasses the transport."""
    caplog.set_level(logging.DEBUG, logger="rxkernel")
    site = await serve(type("Site", (Files,), {"root": large.parent}), http={"send_timeout": 0.1})
    async with asyncio.timeout(20), connection(site) as (reader, writer):
        await begin(site, reader, writer)
        await until(lambda: "client disconnected: GET '/files/large'" in caplog.text)
        await until(lambda: open_files(large) == 0)
    [line] = [record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG]
    assert line.startswith("http.send_timeout: ")


async def test_connection_aborted_in_mid_file_is_closed(serve: Serve, large: Path) -> None:
    """``sendfile`` uses a duplicate of the socket, which would keep the connection open."""
    connections: list[asyncio.BaseTransport] = []

    @web.middleware
    async def middleware(native: web.Request, handler: Any) -> web.StreamResponse:
        assert native.transport is not None
        connections.append(native.transport)
        response: web.StreamResponse = await handler(native)
        return response

    site = await serve(
        type("Site", (Files,), {"root": large.parent}), listeners=[adds(middleware)]
    )
    async with asyncio.timeout(20), connection(site) as (reader, writer):
        await begin(site, reader, writer)
        connections[0].abort()  # type: ignore[attr-defined]
        with suppress(ConnectionError):
            assert len(await reader.read()) < SIZE
        await until(lambda: open_files(large) == 0)


async def test_server_stop_waits_for_a_file_being_sent(site: Application, large: Path) -> None:
    async with asyncio.timeout(20), connection(site) as (reader, writer):
        await begin(site, reader, writer)
        stopping = asyncio.ensure_future(site.stop())
        assert await reader.readexactly(SIZE) == CONTENT
        assert await stopping


async def test_server_stop_aborts_a_file_at_the_shutdown_timeout(
    serve: Serve, large: Path
) -> None:
    controller = type("Site", (Files,), {"root": large.parent})
    site = await serve(controller, shutdown_timeout=0.1)
    async with asyncio.timeout(20), connection(site) as (reader, writer):
        await begin(site, reader, writer)
        assert not await site.stop()
        await until(lambda: open_files(large) == 0)


async def test_middleware_can_change_or_replace_a_file_response(serve: Serve, large: Path) -> None:
    @web.middleware
    async def middleware(native: web.Request, handler: Any) -> web.StreamResponse:
        response: web.StreamResponse = await handler(native)
        response.headers["X-Middleware"] = "yes"
        return web.Response(status=403) if "refuse" in native.query else response

    controller = type("Site", (Files,), {"root": large.parent})
    site = await serve(controller, listeners=[adds(middleware)])

    answer = await ask(site, "/files/large")
    assert (answer.headers["X-Middleware"], len(answer.body)) == ("yes", SIZE)
    assert (await ask(site, "/files/large?refuse")).status == 403
    await until(lambda: open_files(large) == 0)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and its certificate, for this run only."""
    if shutil.which("openssl") is None:
        skip_missing_tool("no openssl: `apt-get install openssl`")
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += [
        "-nodes",
        "-subj",
        "/CN=localhost",
        "-days",
        "1",
        "-keyout",
        str(path),
        "-out",
        "-",
    ]
    done = subprocess.run(command, capture_output=True, check=True)
    path.write_bytes(path.read_bytes() + done.stdout)
    return path


async def test_file_over_tls_is_sent_without_sendfile(
    large: Path, certificate: Path, copied: list[int]
) -> None:
    """The server has no TLS itself, but an application may add it to its listener."""

    async def send(native: web.Request) -> web.StreamResponse:
        sender = asyncio.current_task()
        assert sender is not None
        return await file_response(native, FileResponse(large), sender)

    engine = web.Application()
    engine.router.add_get("/", send)
    runner = web.AppRunner(engine)
    await runner.setup()
    here = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    here.load_cert_chain(certificate)
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=here)
    await site.start()
    there = ssl.create_default_context(cafile=certificate)
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", site.port, ssl=there, server_hostname="localhost"
    )
    writer.write(request("/", "Connection: close"))
    async with asyncio.timeout(20):
        assert (await read_answer(reader)).body == CONTENT

    assert copied == []
    writer.transport.abort()
    await runner.cleanup()
