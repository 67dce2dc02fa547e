"""Socket.IO in an aiohttp application that one runs already: ``python -m gateway_app.mounted``."""

import os

from aiohttp import web

from gateway_app.application import create_application
from gateway_app.public_files import PUBLIC, find_socket_client
from rxkernel import Application, Settings


async def page(request: web.Request) -> web.FileResponse:
    return web.FileResponse(PUBLIC / "index.html")


async def sockets(request: web.Request) -> web.Response:
    return web.json_response({"url": None})


async def socket_client(request: web.Request) -> web.FileResponse:
    if (client := find_socket_client()) is None:
        raise web.HTTPNotFound(text="run npm install socket.io-client")
    return web.FileResponse(client)


def create_native(application: Application | None = None) -> web.Application:
    """The aiohttp application with its routes, and *application* as a part of it."""
    native = web.Application()
    native.router.add_get("/", page)
    native.router.add_get("/sockets.json", sockets)
    native.router.add_get("/socket.io-client.js", socket_client)
    native.router.add_static("/", PUBLIC)
    mounted = application or create_application(Settings())
    mounted.mount_in(native)
    return native


if __name__ == "__main__":
    port = int(os.environ.get("GATEWAY_PORT", "8080"))
    web.run_app(create_native(), host="127.0.0.1", port=port)
