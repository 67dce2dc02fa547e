"""Services of the bundle realtime, and an event of a controller with an envelope."""

from typing import Annotated, Any

import attrs

from bundles.apidocs import ApidocsBundle
from bundles.realtime import Data, IOServerError, Middleware, RealtimeBundle, Service, event
from rxkernel import (
    Application,
    Body,
    ConflictException,
    Connection,
    HttpSettings,
    Request,
    Settings,
    controller,
    http,
    pushes,
    websocket,
)


@attrs.frozen
class Message:
    text: str
    urgent: bool = False


class Login(Middleware):
    async def connect(self, connection: Connection) -> None:
        if (connection.auth or {}).get("token") == "stranger":
            raise IOServerError("log in first", 401, data={"url": "/login"})


class ChatService(Service, namespace="/chat", middlewares=[Login]):
    @event
    @pushes("joined", str)
    async def join_room(self, room: str, connection: Connection, seat: int = 0) -> dict[str, Any]:
        """Enter a room."""
        if not room:
            raise IOServerError("a room has a name", 400, data={"field": "room"})
        await connection.emit("joined", room)
        return {"status": "success", "room": room, "seat": seat}

    @event("send message")
    async def send(self, message: Message) -> Message:
        return message

    @event
    async def wrap(self, params: list[int], body: list[str]) -> list[Any]:
        """Fields with the names of those of an envelope."""
        return [params, body]

    @event
    async def page(self, limit: int = 20) -> int:
        return limit

    @event
    async def reverse(self, data: Annotated[bytes, Body()]) -> bytes:
        return data[::-1]

    @event
    async def echo(self, data: Data = None) -> Any:
        return data

    @event
    async def leave(self) -> None: ...

    @event
    async def broken(self) -> None:
        raise ValueError("secret")

    async def unknown_event(self, request: Request) -> Any:
        """Any other event."""
        return f"{request.url} is unknown"


class RoomService(Service, namespace="/rooms/{room}"):
    @event
    async def say(self, room: str, text: str) -> str:
        return f"{text} in {room}"


@controller(namespace="/chat")
class Statistics:
    @websocket("count")
    async def count(self, start: int = 0) -> int:
        return start + 1


class Messages:
    """An action over both transports, whose event has no envelope; it is not a service."""

    @http("POST", "/messages", "post_message")
    @websocket("post_message", arguments="value")
    async def post(self, message: Message) -> str:
        if not message.text:
            raise ConflictException("nothing to post", code="empty")
        return message.text.upper()


def create_services() -> Application:
    return Application(
        bundles=[
            RealtimeBundle(services=[ChatService, RoomService]),
            ApidocsBundle(access="public"),
        ],
        controllers=[Statistics, Messages],
        settings=Settings(http=HttpSettings(port=0), request_id_header=None, shutdown_timeout=0.1),
    )
