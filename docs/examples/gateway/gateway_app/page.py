"""The page, as routes of rxkernel."""

from pathlib import Path

from injector import inject

from gateway_app.public_files import PUBLIC, find_socket_client
from rxkernel import (
    FileResponse,
    HttpServer,
    NotFoundException,
    SocketioServer,
    http,
)

_NO_CACHE = {"Cache-Control": "no-cache"}


class Page:
    @inject
    def __init__(self, pages: HttpServer, sockets: SocketioServer) -> None:
        self._pages, self._sockets = pages, sockets

    @http("GET", "/", "page")
    async def page(self) -> FileResponse:
        return self._file(PUBLIC / "index.html")

    @http("GET", "/gateway.js", "script")
    async def script(self) -> FileResponse:
        return self._file(PUBLIC / "gateway.js")

    @http("GET", "/gateway.css", "style")
    async def style(self) -> FileResponse:
        return self._file(PUBLIC / "gateway.css")

    @http("GET", "/icon.svg", "icon")
    async def icon(self) -> FileResponse:
        return self._file(PUBLIC / "icon.svg")

    @http("GET", "/socket.io-client.js", "socket_client")
    async def socket_client(self) -> FileResponse:
        if (client := find_socket_client()) is None:
            raise NotFoundException("run npm install socket.io-client")
        return self._file(client)

    @http("GET", "/sockets.json", "sockets")
    async def sockets(self) -> dict[str, str | None]:
        """The URL of Socket.IO; None: that of the page."""
        own_port = self._sockets.url != self._pages.url
        return {"url": self._sockets.url if own_port else None}

    def _file(self, path: Path) -> FileResponse:
        return FileResponse(path, headers=_NO_CACHE)
