"""An application with everything that a client can send and receive."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import attrs
import msgspec
from injector import inject

from bundles.apidocs import ApidocsBundle
from bundles.contracts import DomainError, contract
from rxkernel import (
    Application,
    Body,
    Broadcaster,
    Connection,
    ConnectionEvent,
    FileResponse,
    ForbiddenException,
    Header,
    HttpSettings,
    Query,
    Request,
    ServerEvents,
    Settings,
    StreamResponse,
    UploadedFile,
    both,
    controller,
    http,
    observe,
    pushes,
    websocket,
)


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


class Circle(msgspec.Struct, tag="circle"):
    radius: float


class Square(msgspec.Struct, tag="square"):
    side: float


Shape = Circle | Square


@attrs.frozen
class Branch:
    """A tree of names."""

    name: str
    branches: list["Branch"] = attrs.field(factory=list)


@attrs.frozen
class Thing:
    """A thing with */ in its docstring."""

    size: Size
    shape: Shape
    tree: Branch
    day: date
    point: tuple[int, int | None]
    counts: dict[str, int]
    level: Literal[1, 2] = 1
    note: str | None = None
    data: bytes = b""


@attrs.frozen
class Page:
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    tag: list[str] = attrs.field(factory=list)


@attrs.frozen
class Passenger:
    name: str
    passport: UploadedFile | None = None


@attrs.frozen
class Booking:
    city: str
    passengers: list[Passenger]
    tags: list[str] = attrs.field(factory=list)


@attrs.frozen
class Login:
    name: str
    remember: bool = False


class Values:
    @both("POST", "/things/{id}", "thing_echo")
    async def echo(self, id: int, thing: Thing, tag: list[str] | None = None) -> Thing:
        """Return the thing.

        Args:
            id: any number.
        """
        return attrs.evolve(thing, note=f"{id} {tag}")

    @both("GET", "/search/{text}", "search")
    async def search(self, text: str, page: Annotated[Page, Query()]) -> list[Any]:
        return [text, page.limit, page.tag]

    @http("GET", "/files/{path:path}", "file_path")
    async def file_path(self, path: str, x_token: Annotated[str, Header()]) -> list[str]:
        return [path, x_token]

    @both("DELETE", "/things/{id}", "thing_delete", status_code=204)
    async def delete(self, id: int) -> None: ...

    @both("PUT", "/bytes", "bytes_echo")
    async def bytes_echo(self, data: bytes) -> bytes:
        return data[::-1]

    @both("GET", "/hello", "hello")
    async def hello(self, name: str = "you") -> str:
        return f"hello {name}"

    @both("GET", "/maybe", "maybe")
    async def maybe(self) -> Branch | None:
        return None

    @both("PUT", "/text", "text_length")
    async def text_length(self, text: Annotated[str, Body()]) -> int:
        return len(text)


class Errors:
    @both("POST", "/orders", "order_create")
    @contract(errors={"out_of_stock": "There is none left", "closed": "The shop is closed"})
    async def order(self, amount: Annotated[int, Query()]) -> int:
        if amount > 5:
            raise DomainError("out_of_stock")
        return amount

    @both("GET", "/slow", "slow")
    async def slow(self) -> str:
        await asyncio.sleep(3600)
        return "never"

    @both("GET", "/token", "token")
    async def token(self, request: Request) -> Any:
        if request.connection is None:
            return request.headers.get("Authorization")
        return request.connection.auth


class Files:
    @http("POST", "/bookings", "booking_add")
    async def booking(self, booking: Booking) -> list[Any]:
        passengers = [[p.name, p.passport and p.passport.filename] for p in booking.passengers]
        return [booking.city, booking.tags, passengers]

    @http("POST", "/photos", "photo_add")
    async def photo(self, title: str, photo: UploadedFile) -> str:
        return f"{title}: {photo.filename} {len(photo.content)}"

    @http("POST", "/login", "login")
    async def login(self, login: Login) -> list[Any]:
        return [login.name, login.remember]

    @http("POST", "/lengths", "stream_length")
    async def length(self, pieces: AsyncIterator[bytes]) -> int:
        return sum([len(piece) async for piece in pieces])

    @http("GET", "/numbers", "number_stream")
    async def numbers(self) -> StreamResponse:
        async def lines() -> AsyncIterator[str]:
            for number in range(3):
                yield f"{number}\n"

        return StreamResponse(lines(), content_type="text/csv")

    @http("GET", "/source", "source_file")
    async def source(self) -> FileResponse:
        return FileResponse(Path(__file__), filename="gallery.py")


class Versions:
    """Two routes of one path, and three actions of one name."""

    @http("GET", "/version", "version_one", headers={"Accept-Version": "1"})
    async def one(self, name: str) -> str:
        return f"{name} 1"

    @http("GET", "/version", "version_two", headers={"Accept-Version": "2"})
    async def two(self, name: str) -> str:
        return f"{name} 2"

    @http("GET", "/same", "same")
    async def same(self) -> str:
        return "over HTTP"


class OtherVersions:
    @websocket("same")
    async def same(self) -> str:
        return "an event"


@controller(namespace="/other")
class Namespaced:
    @both("GET", "/other", "same_other")
    async def other(self) -> str:
        return "both"

    @websocket("hello")
    async def hello(self) -> str:
        return "another hello"


@controller(namespace="/rooms/{room}")
class Rooms:
    """A namespace with a parameter; the room "closed" rejects its clients."""

    @inject
    def __init__(self, broadcaster: Broadcaster) -> None:
        self._broadcaster = broadcaster

    @observe(ServerEvents.CONNECTED)
    async def connected(self, event: ConnectionEvent) -> None:
        if event.connection.params.get("room") == "closed":
            raise ForbiddenException("this room is closed", code="closed")

    @websocket("say")
    @pushes("said", Branch)
    @pushes("sent", bytes)
    async def say(self, room: str, text: str, connection: Connection) -> str:
        await connection.emit("said", Branch(text, [Branch(room)]))
        await connection.emit("sent", text.encode())
        return f"{text} in {room}"


class Hostile:
    @http("GET", "/delete", "delete")
    async def delete(self) -> int:
        """Ends */ here, and has @deprecated and `${code}`."""
        return 1

    @http("GET", "/one", "task-list")
    async def one(self) -> int:
        return 2

    @http("GET", "/two", "task_list")
    async def two(self, delete: int = 0) -> int:
        return 3 + delete

    @http("GET", "/three", "then")
    async def three(self) -> int:
        return 4


def create_gallery() -> Application:
    return Application(
        bundles=["contracts", ApidocsBundle()],
        controllers=[Values, Errors, Files, Rooms, Hostile, Versions, OtherVersions, Namespaced],
        settings=Settings(http=HttpSettings(port=0), request_id_header=None, shutdown_timeout=0.1),
    )
