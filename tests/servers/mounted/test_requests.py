"""Events and requests of a mounted application, with real clients."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
import socketio

from rxkernel import (
    FileResponse,
    KernelClient,
    Request,
    Settings,
    UploadedFile,
    http,
)
from tests.servers.mounted.hosts import (
    PREFIX,
    Calls,
    Connect,
    Host,
    Pages,
    mount,
    over_each_transport,
)
from tests.waiting import until


@over_each_transport
async def test_mounted_socketio_acknowledges_on_port_of_host(
    host: Host, connect: Connect, transport: str
) -> None:
    application = mount(host, Calls)
    client = await connect(await host.start(), transport)

    acknowledged = await client.call("add", {"params": {"a": 1, "b": 2}})

    assert acknowledged["content"] == 3
    assert [server.url for server in application.servers.values()] == [None, None]
    assert [server.port for server in application.servers.values()] == [None, None]


async def test_polling_client_upgrades_to_websocket(host: Host) -> None:
    mount(host, Calls)
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(await host.start())

    await until(lambda: client.transport() == "websocket")

    assert (await client.call("add", {"params": {"a": 1, "b": 2}}))["content"] == 3
    await client.disconnect()


@pytest.mark.parametrize("coding", ["identity", "gzip"])
async def test_body_is_read_once_decompressed(
    host: Host, session: aiohttp.ClientSession, coding: str
) -> None:
    """aiohttp's parser decompresses it; Socket.IO and the kernel must not do it again."""
    mount(host, Pages, settings=Settings(http=PREFIX))
    body = json.dumps({"a": "b" * 1000}).encode()
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    data = gzip.compress(body) if coding == "gzip" else body

    async with session.post(
        f"{await host.start()}/api/echo", data=data, headers=headers
    ) as response:
        assert await response.json() == {"a": "b" * 1000}


async def test_body_above_limit_is_413(host: Host, session: aiohttp.ClientSession) -> None:
    mount(host, Pages, settings=Settings(http=attrs.evolve(PREFIX, body_limit=10)))

    async with session.post(f"{await host.start()}/api/echo", json="x" * 100) as response:
        assert response.status == 413


async def test_upload_is_received(host: Host, session: aiohttp.ClientSession) -> None:
    class Uploads:
        @http("POST", "/files", "upload")
        async def upload(self, file: UploadedFile) -> dict[str, Any]:
            return {"name": file.filename, "size": file.size}

    mount(host, Uploads, settings=Settings(http=PREFIX))
    form = aiohttp.FormData()
    form.add_field("file", b"x" * 300_000, filename="a.bin")

    async with session.post(f"{await host.start()}/api/files", data=form) as response:
        assert await response.json() == {"name": "a.bin", "size": 300_000}


async def test_disconnected_client_ends_its_stream(
    host: Host, session: aiohttp.ClientSession
) -> None:
    application = mount(host, Pages, settings=Settings(http=PREFIX))
    response = await session.get(f"{await host.start()}/api/events")
    pages = application.injector.get(Pages)
    await pages.is_streaming.wait()

    response.close()

    async with asyncio.timeout(20):
        await pages.is_closed.wait()


async def test_disconnect_is_noticed_on_connection_that_host_has_used(
    host: Host, session: aiohttp.ClientSession
) -> None:
    application = mount(host, Pages, settings=Settings(http=PREFIX))
    url = await host.start()
    async with session.get(url) as response:
        await response.read()
    for _ in range(2):
        async with session.get(f"{url}/api/hello/Ada") as response:
            await response.read()
    stream = await session.get(f"{url}/api/events")
    pages = application.injector.get(Pages)
    await pages.is_streaming.wait()

    stream.close()

    async with asyncio.timeout(20):
        await pages.is_closed.wait()


async def test_file_is_sent(host: Host, session: aiohttp.ClientSession, tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"x" * 3_000_000)

    class Files:
        @http("GET", "/file", "file")
        async def file(self, request: Request) -> FileResponse:
            return FileResponse(file)

    mount(host, Files, settings=Settings(http=PREFIX))

    async with session.get(f"{await host.start()}/api/file") as response:
        assert len(await response.read()) == 3_000_000


async def test_mounted_application_is_called_by_kernel_client(host: Host) -> None:
    application = mount(host, Calls)

    async with KernelClient(application) as client:
        response = await client.websocket("add", params={"a": 1, "b": 2})

    assert response.content == 3
