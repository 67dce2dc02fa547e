"""The pages at ``/`` and ``/counter``, and the files that they load."""

from pathlib import Path

import attrs
from injector import inject

from bundles.security import access
from rxkernel import FileResponse, NotFoundException, http, option

STATIC = Path(__file__).parent / "static"
_HEADERS = {"Cache-Control": "no-cache", "Content-Security-Policy": "default-src 'self'"}


@attrs.frozen
class SocketClient:
    """The path of the script of ``socket.io-client`` that npm installs and browsers load."""

    path: Path


@access("public")
class PageController:
    """Serves the pages; without the script of npm, a page that explains how to install it."""

    @inject
    def __init__(self, client: SocketClient) -> None:
        self._client = client.path
        self._files = {
            "board.css": STATIC / "board.css",
            "board.js": STATIC / "board.js",
            "counter.js": STATIC / "counter.js",
            "icon.svg": STATIC / "icon.svg",
            "socket.io-client.js": client.path,
        }

    @http("GET", "/", "page")
    def show(self) -> FileResponse:
        """Return the page of the board.

        A plain ``def`` runs in a thread, so reading the disk does not block other requests.
        """
        return self._page("board.html")

    @http("GET", "/counter", "counter_page")
    def show_counter(self) -> FileResponse:
        """Return the page of the counter."""
        return self._page("counter.html")

    @http("GET", "/static/{name}", "page_file")
    @option("quiet", True)
    async def file(self, name: str) -> FileResponse:
        """Return a file that a page loads.

        Raises:
            NotFoundException: the pages have no such file.
        """
        path = self._files.get(name)
        if path is None:
            raise NotFoundException
        return FileResponse(path, headers=_HEADERS)

    def _page(self, name: str) -> FileResponse:
        page = name if self._client.is_file() else "setup.html"
        return FileResponse(STATIC / page, headers=_HEADERS)
