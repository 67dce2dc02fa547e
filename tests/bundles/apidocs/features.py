"""An application with every feature that the documents describe."""

import enum
from collections.abc import AsyncIterator
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import attrs
import msgspec
from msgspec import UNSET, Meta, UnsetType

from bundles.apidocs import ApidocsBundle
from bundles.contracts import Arguments, ContractsBundle, DomainError, Example, Queue, contract
from bundles.security import CurrentUser, SecurityBundle, UserProvider, access
from rxkernel import (
    Application,
    Body,
    Connection,
    Converter,
    Cookie,
    EventStreamResponse,
    FileResponse,
    Header,
    NotFoundException,
    Query,
    RedirectResponse,
    Request,
    Response,
    Scalar,
    StreamResponse,
    UploadedFile,
    both,
    controller,
    http,
    pushes,
    websocket,
)


@attrs.frozen
class User:
    name: str


class Users(UserProvider[User]):
    identity_field = "name"

    async def load(self, identifier: str) -> User | None:
        return User(identifier)


class Color(enum.Enum):
    """What the eye sees."""

    RED = "red"
    BLUE = "blue"


class Money:
    def __init__(self, text: str) -> None:
        self.text = text


class Point(NamedTuple):
    x: int
    y: int = 0


@attrs.frozen
class Card:
    method: Literal["card"]
    number: Annotated[str, Meta(pattern="^[0-9]{4}$", description="Its digits.")]


@attrs.frozen
class Transfer:
    account: str
    method: Literal["transfer"] = "transfer"


@attrs.frozen
class Item:
    """A thing <b>to buy</b>."""

    id: int
    name: str = attrs.field(validator=attrs.validators.max_len(20))
    price: Money
    color: Color = Color.RED
    place: Point | None = None
    paid_by: Card | Transfer | None = None
    parts: "list[Item]" = attrs.field(factory=list)
    labels: dict[str, Decimal] = attrs.field(factory=dict)


class Change(msgspec.Struct, rename="camel"):
    new_name: str | UnsetType = UNSET
    due_on: date | UnsetType | None = UNSET


@attrs.frozen
class Page:
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    tag: list[str] = attrs.field(factory=list)


@attrs.frozen
class Picture:
    title: str
    file: UploadedFile
    others: list[UploadedFile] = attrs.field(factory=list)


@attrs.frozen
class Signup:
    name: str
    age: int | None = None
    tags: list[str] = attrs.field(factory=list)


@access("public")
class ItemController:
    @both("GET", "/items", "item_list")
    async def find(
        self,
        page: Annotated[Page, Query()],
        color: Color | None = None,
        since: datetime | None = None,
        x_trace: Annotated[str | None, Header()] = None,
        theme: Annotated[Literal["dark", "light"] | None, Cookie()] = None,
    ) -> list[Item]:
        """List the items.

        Only those that are *visible*.

        Args:
            color: only those of a color.
            x_trace: is logged.

        Returns:
            The items, the newest first.
        """
        return []

    @both("POST", "/items", "item_add", status_code=201)
    @pushes("item_added", Item)
    @pushes("stock_changed", dict[str, int])
    @contract(
        errors={"out_of_stock": "There is none left", 409: "It exists", "gone": "It is gone"},
        timeout=1.0,
        queue=Queue(concurrency=1, size=200, timeout=3.0),
        examples=[Example(body={"id": 1, "name": "tea", "price": "1 EUR"}, error="out_of_stock")],
    )
    async def add(self, item: Item) -> Item | DomainError:
        """Add an item.

        Raises:
            NotFoundException: its shop does not exist.
            KeyError: is not an HTTP error.
        """
        return DomainError("out_of_stock")

    @both("GET", "/items/{id}", "item_show")
    async def show(self, id: UUID) -> Item | None:
        return None

    @both("PATCH", "/items/{id:int}", "item_change")
    @contract(deprecated="use item_add")
    async def change(
        self,
        id: Annotated[int, Meta(ge=1)],
        change: Annotated[Change, Body("change")],
        reason: Annotated[str, Body()] = "",
    ) -> Item | NotFoundException:
        return NotFoundException()

    @http("POST", "/covers", "cover_add")
    async def cover(self, signup: Signup, file: UploadedFile) -> None: ...

    @access("authenticated")
    @both("DELETE", "/items/{id:int}", "item_remove", status_code=204)
    async def remove(self, id: int, user: CurrentUser[User]) -> None: ...

    @access(roles=["admin", "editor"])
    @both("PUT", "/items/{slug:slug}", "item_put")
    async def put(self, slug: str, items: list[Item], strict: bool = True) -> dict[str, Any]:
        return {}

    @access(lambda token, request: True)
    @http("POST", "/pictures", "picture_add", status_code=201)
    async def upload(self, picture: Picture) -> None: ...

    @http("POST", "/files", "file_add")
    async def files(
        self,
        file: UploadedFile,
        more: list[UploadedFile] | None,
        title: Annotated[str, Body("title")],
    ) -> None: ...

    @http("POST", "/signups", "signup")
    async def signup(self, signup: Signup, viewer: CurrentUser[User] | None) -> str:
        return "ok"

    @http("POST", "/raw", "raw")
    async def raw(self, body: bytes) -> bytes:
        return body

    @http("POST", "/streams", "stream_add")
    async def stream(self, body: AsyncIterator[bytes]) -> None: ...

    @http("POST", "/texts", "text_add")
    async def text(self, body: Annotated[str, Body()]) -> str | Item:
        return body

    @http("GET", "/files/{path:path}", "file_show")
    async def file(self, path: str) -> FileResponse:
        """Send a file.

        Raises:
            NotFoundException: there is no such file.
        """
        raise NotFoundException

    @http("GET", "/export", "export")
    async def export(self) -> StreamResponse | NotFoundException:
        raise NotFoundException

    @http("GET", "/events", "events")
    async def events(self) -> EventStreamResponse | NotFoundException:
        raise NotFoundException

    @http("GET", "/old", "old")
    async def old(self) -> RedirectResponse:
        """Redirect.

        Responses:
            301: to the new place.
        """
        return RedirectResponse("/items", 301)

    @http("GET", "/plain/{year:/[0-9]{4}/}.{format}", "plain")
    async def plain(self, request: Request) -> Response:
        return Response()

    @http("GET", "/items", "item_list_2", headers={"Accept-Version": "2"})
    async def second(self) -> Any:
        return None

    @http("POST", "/arguments/{id:int}", "arguments")
    @contract(parameters={"id": "number", "name": "string"}, returns={"ok": "boolean"})
    async def arguments(
        self, id: int, given: Annotated[dict[str, Any], Arguments()]
    ) -> dict[str, Any]:
        return {"ok": True}


@access("public")
@controller(namespace="/room/{room}", name="room_")
class RoomController:
    @websocket("say")
    @pushes("said", str)
    @pushes("cleared")
    async def say(self, room: str, text: Annotated[str, Body()], connection: Connection) -> int:
        """Say something in the room."""
        return 1

    @websocket("item_list")
    async def items(self, room: str, place: Point) -> Point:
        return place


def create_application(**given: Any) -> Application:
    return Application(
        bundles=[
            "sessions",
            SecurityBundle(Users, access="authenticated"),
            ContractsBundle(),
            ApidocsBundle(access="public"),
        ],
        controllers=[ItemController, RoomController],
        converters={"slug": Converter("[a-z-]+")},
        scalars=[Scalar(Money, decode=Money, encode=lambda money: money.text)],
        **given,
    )
