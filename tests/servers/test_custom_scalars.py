"""Custom scalars over real HTTP and real sockets, in every kind of message."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Annotated, Any, Self

import aiohttp
import attrs
import msgspec
import pytest
from injector import inject

from rxkernel import (
    Acknowledgement,
    Broadcaster,
    ConflictException,
    Connection,
    ConnectionEvent,
    Cookie,
    EventStreamResponse,
    ExceptionEvent,
    Header,
    KernelEvents,
    Query,
    Response,
    Scalar,
    ServerEvents,
    ServerSentEvent,
    UnauthorizedException,
    http,
    observe,
    websocket,
)
from tests.servers.conftest import Serve, http_url
from tests.servers.socketio_clients import client


class Money:
    def __init__(self, amount: Decimal) -> None:
        self.amount = amount

    def __str__(self) -> str:
        return f"{self.amount} EUR"

    @classmethod
    def parse(cls, text: str) -> Self:
        amount, _, currency = text.partition(" ")
        if currency != "EUR":
            raise ValueError(text)
        return cls(Decimal(amount))


class Slug(str):
    pass


SCALARS = [
    Scalar(Money, decode=Money.parse, encode=str),
    Scalar(Slug, decode=Slug, encode=lambda slug: f"/{slug}"),
]


@attrs.frozen
class Line:
    price: Money
    slug: Slug | None = None
    more: dict[str, list[Money]] = attrs.field(factory=dict)


def money(text: str = "1.50") -> Money:
    return Money(Decimal(text))


class Shop:
    @inject
    def __init__(self, broadcaster: Broadcaster) -> None:
        self.broadcaster = broadcaster

    @http("POST", "/line", "line")
    @websocket("line")
    async def line(self, line: Line) -> Line:
        assert isinstance(line.price, Money)
        return line

    @http("POST", "/untyped", "untyped")
    @websocket("untyped")
    async def untyped(self, price: Money) -> Any:
        return {"price": price, "all": [price], "by": {price: (price,)}, "raw": b"x"}

    @http("GET", "/one/{price}", "one")
    @websocket("one")
    async def one(self, price: Money) -> Money:
        return price

    @http("GET", "/slug", "slug")
    async def slug(self) -> Slug:
        return Slug("a")

    @http("GET", "/sent", "sent")
    async def sent(
        self,
        price: Money,
        x_price: Annotated[Money, Header()],
        tip: Annotated[Money, Cookie()],
        more: Annotated[list[Money], Query()],
    ) -> list[Money]:
        return [price, x_price, tip, *more]

    @http("GET", "/events", "events")
    async def events(self) -> EventStreamResponse:
        async def source() -> AsyncIterator[ServerSentEvent]:
            yield ServerSentEvent(data=money())
            yield ServerSentEvent(data=Slug("a"))
            yield ServerSentEvent(data={"price": money()})

        return EventStreamResponse(source())

    @http("GET", "/conflict", "conflict")
    @websocket("conflict")
    async def conflict(self) -> None:
        raise ConflictException("taken")

    @observe(KernelEvents.KERNEL_EXCEPTION)
    async def shape(self, event: ExceptionEvent) -> None:
        if isinstance(event.exception, ConflictException):
            event.set_response(Response({"price": money()}, 409))

    @websocket("native")
    async def native(self, connection: Connection) -> Acknowledgement:
        return Acknowledgement(money(), [money()])

    @websocket("push")
    async def push(self, connection: Connection) -> list[Any]:
        await connection.emit("to one", money(), Line(money()))
        await self.broadcaster.emit("to all", [money()])
        return [await connection.call("ask", money())]

    @observe(ServerEvents.CONNECTED)
    async def connected(self, event: ConnectionEvent) -> None:
        if event.connection.auth == {"token": 1}:
            raise UnauthorizedException("too little", errors=[{"price": money()}])


LINE = {"price": "1.50 EUR", "slug": "/a", "more": {"a": ["2 EUR"]}}
LINE_SENT = {**LINE, "slug": "a"}


@pytest.mark.parametrize("accept", [None, "*/*"])
async def test_scalar_http_json_is_decoded_and_encoded(
    serve: Serve, session: aiohttp.ClientSession, accept: str | None
) -> None:
    application = await serve(Shop, scalars=SCALARS)
    headers = {} if accept is None else {"Accept": accept}

    async with session.post(
        http_url(application, "/line"), json=LINE_SENT, headers=headers
    ) as response:
        assert (response.status, await response.json()) == (200, LINE)
    url = http_url(application, "/untyped?price=1.50%20EUR")
    async with session.post(url, headers=headers) as response:
        assert await response.json() == {
            "price": "1.50 EUR",
            "all": ["1.50 EUR"],
            "by": {"1.50 EUR": ["1.50 EUR"]},
            "raw": "eA==",
        }
    async with session.get(http_url(application, "/one/3%20EUR")) as response:
        assert response.content_type == "application/json"
        assert await response.json() == "3 EUR"
    async with session.get(http_url(application, "/slug")) as response:
        assert await response.json() == "/a"
    async with session.get(http_url(application, "/conflict")) as response:
        assert (response.status, await response.json()) == (409, {"price": "1.50 EUR"})


async def test_scalar_http_messagepack_is_decoded_and_encoded(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Shop, scalars=SCALARS)
    packed = {"Content-Type": "application/msgpack", "Accept": "application/msgpack"}

    data = msgspec.msgpack.encode(LINE_SENT)
    async with session.post(http_url(application, "/line"), data=data, headers=packed) as response:
        assert msgspec.msgpack.decode(await response.read()) == LINE
    async with session.get(http_url(application, "/one/3%20EUR"), headers=packed) as response:
        assert msgspec.msgpack.decode(await response.read()) == "3 EUR"


async def test_scalar_http_query_header_cookie_and_form_are_decoded(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Shop, scalars=SCALARS)

    url = http_url(application, "/sent?price=1+EUR&more=4+EUR&more=5+EUR")
    headers = {"X-Price": "2 EUR", "Cookie": "tip=3 EUR"}
    async with session.get(url, headers=headers) as response:
        assert await response.json() == ["1 EUR", "2 EUR", "3 EUR", "4 EUR", "5 EUR"]
    form = {"price": "1 EUR", "slug": "a"}
    async with session.post(http_url(application, "/line"), data=form) as response:
        assert await response.json() == {"price": "1 EUR", "slug": "/a", "more": {}}


async def test_scalar_http_invalid_is_422(serve: Serve, session: aiohttp.ClientSession) -> None:
    application = await serve(Shop, scalars=SCALARS)

    async with session.post(
        http_url(application, "/line"), json={"price": "5", "more": {"a": [5]}}
    ) as response:
        errors = (await response.json())["errors"]
        assert [(e["path"], e["code"]) for e in errors] == [
            ("body.price", "invalid"),
            ("body.more.a[0]", "type"),
        ]
    async with session.get(http_url(application, "/one/x")) as response:
        assert response.status == 422


async def test_scalar_http_event_stream_is_encoded(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Shop, scalars=SCALARS)

    async with session.get(http_url(application, "/events")) as response:
        lines = (await response.text()).split("\n\n")
    assert lines[:3] == [
        'data: "1.50 EUR"',
        'data: "/a"',
        'data: {"price":"1.50 EUR"}',
    ]


async def test_scalar_socket_acknowledgement_is_encoded(serve: Serve) -> None:
    async with client(await serve(Shop, scalars=SCALARS)) as socket:
        assert (await socket.call("line", LINE_SENT))["content"] == LINE
        untyped = await socket.call("untyped", {"params": {"price": "1.50 EUR"}})
        assert untyped["content"] == {
            "price": "1.50 EUR",
            "all": ["1.50 EUR"],
            "by": {"1.50 EUR": ["1.50 EUR"]},
            "raw": b"x",
        }
        assert (await socket.call("one", {"params": {"price": "2 EUR"}}))["content"] == "2 EUR"
        conflict = await socket.call("conflict", None)
        assert (conflict["statusCode"], conflict["price"]) == (409, "1.50 EUR")
        assert await socket.call("native", None) == ("1.50 EUR", ["1.50 EUR"])
        failure = await socket.call("line", {"price": "x"})
        assert failure["errors"][0]["path"] == "body.price"


async def test_scalar_socket_event_is_encoded(serve: Serve) -> None:
    application = await serve(Shop, scalars=SCALARS)
    received: asyncio.Queue[Any] = asyncio.Queue()

    async with client(application) as socket:

        @socket.on("*")  # type: ignore[untyped-decorator]
        async def on_event(event: str, *args: Any) -> Any:
            received.put_nowait((event, *args))
            return "5 EUR"

        assert (await socket.call("push", None))["content"] == ["5 EUR"]
        line: dict[str, Any] = {"price": "1.50 EUR", "slug": None, "more": {}}
        assert [await received.get() for _ in range(3)] == [
            ("to one", "1.50 EUR", line),
            ("to all", ["1.50 EUR"]),
            ("ask", "1.50 EUR"),
        ]
        await application.servers["socketio"].engine.emit("of library", money())
        assert await received.get() == ("of library", "1.50 EUR")


async def test_scalar_socket_rejection_is_encoded(serve: Serve) -> None:
    application = await serve(Shop, scalars=SCALARS)
    url = f"{application.servers['socketio'].url}/socket.io/?EIO=4&transport=websocket"

    async with aiohttp.ClientSession() as session, session.ws_connect(url) as websocket:
        await websocket.receive_str()
        await websocket.send_str('40{"token":1}')
        rejected = await websocket.receive_str()
    assert json.loads(rejected.removeprefix("44"))["data"]["errors"] == [{"price": "1.50 EUR"}]
