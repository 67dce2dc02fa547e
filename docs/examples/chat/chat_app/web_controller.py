"""`WebController`: the routes of ``routes/web.json``, which have no prefix."""

from typing import Any

from injector import inject

from bundles.realtime import AppHandle, Controller, IOServerError
from chat_app.database import Database
from chat_app.message import now
from chat_app.options import ChatOptions
from rxkernel import FileResponse, Response


class WebController(Controller, prefix=""):
    """The page itself is ``public/index.html``, by the setting ``realtime.root_dir``."""

    @inject
    def __init__(self, app_handle: AppHandle, database: Database, options: ChatOptions) -> None:
        super().__init__(app_handle)
        self._database = database
        self._client = options.socket_client

    async def get_health(self) -> Response:
        """For monitors of the process: 503 without the database."""
        content: dict[str, Any] = {"timestamp": now(), "service": "chat", "version": "1.0.0"}
        try:
            await self._database.ping()
        except IOServerError:
            return Response({"status": "ERROR", **content, "database": "disconnected"}, 503)
        return Response({"status": "OK", **content})

    async def get_socket_client(self) -> FileResponse:
        """Return the script that npm installs."""
        if self._client is None:
            raise IOServerError("run npm install socket.io-client, and start the chat again", 404)
        return FileResponse(self._client, headers={"Cache-Control": "no-cache"})
