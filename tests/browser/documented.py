"""An application with documents written by hand. The page is made of the documents only, so
its tests do not depend on the code that writes them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from injector import inject

from bundles.apidocs.page import Page
from rxkernel import (
    Application,
    Broadcaster,
    Connection,
    ConnectionEvent,
    EventStreamResponse,
    HttpMetadata,
    HttpSettings,
    Request,
    Response,
    RouteSource,
    ServerEvents,
    ServerSentEvent,
    Settings,
    SocketioSettings,
    StreamResponse,
    UnauthorizedException,
    UploadedFile,
    both,
    http,
    observe,
    websocket,
)
from tests.browser.documents import asyncapi, openapi

Document = dict[str, Any]


class Things:
    """The routes and events of the documents; each method does what its entry describes."""

    @inject
    def __init__(self, broadcaster: Broadcaster) -> None:
        self._broadcaster = broadcaster
        self._titles: list[str] = []

    @http("GET", "/things/{id:int}", "thing_show")
    async def show(self, request: Request) -> dict[str, Any]:
        return {
            "id": request.params["id"],
            "tags": request.params.getall("tag", []),
            "trace": request.headers.get("X-Trace"),
            "user": request.headers.get("Authorization"),
            "key": request.headers.get("X-Key"),
        }

    @both("POST", "/things", "thing_create", status_code=201)
    async def create(self, request: Request) -> dict[str, Any]:
        title = request.body["title"]
        self._titles.append(title)
        thing = {"id": len(self._titles), "title": title}
        await self._broadcaster.emit("thing_created", thing)
        return thing

    @http("POST", "/photos", "photo_upload")
    async def upload(self, name: str, photo: UploadedFile) -> dict[str, Any]:
        return {"name": name, "file": photo.filename, "size": len(await photo.read())}

    @http("GET", "/ticks", "tick_stream")
    async def ticks(self) -> EventStreamResponse:
        async def source() -> AsyncIterator[ServerSentEvent]:
            for number in (1, 2, 3):
                yield ServerSentEvent(data=f"tick {number}")

        return EventStreamResponse(source())

    @http("GET", "/broken", "broken_show")
    async def broken(self) -> StreamResponse:
        async def source() -> AsyncIterator[bytes]:
            yield b"the beginning"
            raise RuntimeError("the end is missing")

        return StreamResponse(source(), content_type="text/plain")

    @http("GET", "/endless", "endless_show")
    async def endless(self) -> StreamResponse:
        async def source() -> AsyncIterator[bytes]:
            yield b"the beginning"
            await asyncio.Event().wait()

        return StreamResponse(source(), content_type="text/plain")

    @http("GET", "/bytes", "bytes_show")
    async def bytes(self) -> Response:
        return Response(bytes(range(6)), headers={"Content-Type": "application/octet-stream"})

    @http("GET", "/large", "large_show")
    async def large(self) -> Response:
        return Response(
            b'{"number":9007199254740993}', headers={"Content-Type": "application/json"}
        )

    @websocket("echo")
    async def echo(self, request: Request) -> Any:
        return request.body

    @websocket("ask")
    async def ask(self, connection: Connection) -> Any:
        return await connection.call("question", "ready?", timeout=20)

    @websocket("leave")
    async def leave(self, connection: Connection) -> None:
        await connection.disconnect()

    @websocket("say", namespace="/rooms/{room}")
    async def say(self, request: Request) -> Any:
        return {"room": request.params["room"], "loud": request.params.get("loud")}


class Doorkeeper:
    """Lets clients with a token or a key into rooms."""

    @observe(ServerEvents.CONNECTED)
    async def connected(self, event: ConnectionEvent) -> None:
        connection = event.connection
        token = (connection.auth or {}).get("token") or connection.headers.get("X-Key")
        if connection.namespace.startswith("/rooms/") and token != "open":
            raise UnauthorizedException("no room without a token", code="no_token")


class Documents(RouteSource):
    """The page and its documents, as the bundle serves them."""

    def __init__(self, openapi: Document | None, asyncapi: Document | None) -> None:
        self._documents = {"openapi": openapi, "asyncapi": asyncapi}

    def routes(self) -> Iterator[HttpMetadata]:
        for name, document in self._documents.items():
            if document is not None:
                yield HttpMetadata(self, name, f"/{name}.json", "GET", name)
        yield from Page().routes()

    async def openapi(self) -> Response:
        return Response(self._documents["openapi"])

    async def asyncapi(self) -> Response:
        return Response(self._documents["asyncapi"])


def documented(
    prefix: str = "",
    documents: tuple[Document | None, Document | None] | None = None,
    **socketio: Any,
) -> Application:
    """Return the application, with its own documents or *documents*."""
    settings = Settings(
        http=HttpSettings(port=0, prefix=prefix), socketio=SocketioSettings(**socketio)
    )
    own = openapi(prefix), asyncapi(f"{settings.socketio.path}/")
    return Application(
        controllers=[Things, Documents(*(documents or own))],
        listeners=[Doorkeeper],
        settings=settings,
    )
