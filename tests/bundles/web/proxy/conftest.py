"""Other servers that a proxy forwards to, and sites that forward."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from tests.bundles.web.conftest import Site

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_upstream(serve: Serve) -> AsyncIterator[str]:
    """A server that calls *serve* with each connection; its origin."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the proxy has closed it
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()


@asynccontextmanager
async def sending(data: bytes) -> AsyncIterator[str]:
    """A server that reads the head of a request, sends *data* and closes; its origin."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        await writer.drain()

    async with raw_upstream(serve) as origin:
        yield origin


@asynccontextmanager
async def upstream(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[str]:
    """A server of aiohttp that calls *handler* with each request; its origin."""
    application = web.Application(client_max_size=64 << 20)
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def forwarding(origin: str, **fields: object) -> dict[str, str]:
    """The files of a site that forwards all paths below ``/there/`` to *origin*."""
    fields_ = "".join(f", {name!r}: {value!r}" for name, value in fields.items())
    return {
        "app/get.py": "async def get(client):\n    return 'own'\n",
        "app/access.py": "guests = True\n",
        "config/routes.py": (
            f"routes = [{{'url': '/there/(.*)', 'target': {origin + '/[1]'!r}{fields_}}}]\n"
        ),
    }


@asynccontextmanager
async def forwarded_to(
    site: Site, handler: Callable[[web.Request], Awaitable[web.StreamResponse]], **settings: object
) -> AsyncIterator[aiohttp.ClientSession]:
    """Serve *site*, which forwards all paths below ``/there/`` to *handler*; yield a session."""
    options = {name.replace("__", "."): value for name, value in settings.items()}
    async with (
        upstream(handler) as origin,
        site.served(forwarding(origin), options=options) as session,
    ):
        yield session


@asynccontextmanager
async def forwarded_to_bytes(
    site: Site, data: bytes, **settings: object
) -> AsyncIterator[aiohttp.ClientSession]:
    """Like `forwarded_to`, for a server that sends *data* and closes."""
    options = {name.replace("__", "."): value for name, value in settings.items()}
    async with (
        sending(data) as origin,
        site.served(forwarding(origin), options=options) as session,
    ):
        yield session


async def settled(number: Callable[[], int]) -> int:
    """Wait until *number* returns the same for half a second, and return it."""
    before = -1
    while before != number():
        before = number()
        for _ in range(50):
            await asyncio.sleep(0.01)
    return before
