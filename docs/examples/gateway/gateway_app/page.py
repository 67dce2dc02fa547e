"""The routes of the page, beside its files."""

from injector import inject

from gateway_app.public_files import find_socket_client
from rxkernel import FileResponse, HttpServer, NotFoundException, SocketioServer, http


class Page:
    @inject
    def __init__(self, pages: HttpServer, sockets: SocketioServer) -> None:
        self._pages, self._sockets = pages, sockets

    @http("GET", "/socket.io-client.js", "socket_client")
    async def socket_client(self) -> FileResponse:
        if (client := find_socket_client()) is None:
            raise NotFoundException("run npm install socket.io-client")
        return FileResponse(client, headers={"Cache-Control": "no-cache"})

    @http("GET", "/sockets.json", "sockets")
    async def sockets(self) -> dict[str, str | None]:
        """The URL of Socket.IO; None: that of the page."""
        own_port = self._sockets.url != self._pages.url
        return {"url": self._sockets.url if own_port else None}
