"""`AdminController`: the routes of ``routes/admin.json``, below ``/admin``."""

from bundles.realtime import Controller
from chat_app.message import now
from chat_app.middlewares import ActivityLog, AdminKey
from rxkernel import Request, Response


class AdminController(Controller, middlewares=[ActivityLog, AdminKey]):
    async def announce(self, request: Request) -> Response:
        """Send a text to all clients of the chat, whatever their rooms are."""
        data = {"content": request.body["content"], "timestamp": now()}
        await self.app_handle.send("announcement", data, namespace="chat")
        return Response({"status": "success"}, 201)
