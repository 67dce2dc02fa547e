"""Typed actions over real HTTP and a real socket: the same values, the same errors."""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

import aiohttp
import attrs
import pytest

from rxkernel import Connection, Header, Query, UploadedFile, http, websocket
from tests.servers.conftest import Serve, http_url
from tests.servers.socketio_clients import client


@attrs.frozen
class Task:
    title: str
    tags: list[str] = attrs.field(factory=list)


class Tasks:
    @http("POST", "/tasks/{id:int}", "task")
    @websocket("task")
    async def task(
        self,
        id: int,
        task: Task,
        connection: Connection | None,
        tag: Annotated[list[str] | None, Query()] = None,
        user_agent: Annotated[str | None, Header()] = None,
    ) -> dict[str, Any]:
        known = user_agent is not None and (connection is None or bool(connection.id))
        return {"id": id, "task": task, "tag": tag, "known": known}

    @http("POST", "/photos", "photo")
    async def photo(self, title: str, photo: UploadedFile) -> list[Any]:
        return [title, photo.filename, len(photo.content)]


BAD = {"title": 5, "tags": ["a", 1], "secret": 1}
ERRORS = {
    "statusCode": 422,
    "message": "validation failed; see errors",
    "errors": [
        {
            "path": path,
            "code": "type",
            "message": "expected str, got int",
            "params": {"expected": "str", "got": "int"},
        }
        for path in ("body.title", "body.tags[1]")
    ]
    + [
        {"path": "body.secret", "code": "unknown_field", "message": "is not a known field"},
    ],
}


async def test_typed_values_and_errors_are_equal_on_both_transports(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Tasks)
    url = http_url(application, "/tasks/7?tag=a&tag=b")
    async with session.post(url, json={"title": "Tea"}) as answer:
        over_http = await answer.json()
    async with session.post(url, json=BAD) as answer:
        bad_over_http = (answer.status, await answer.json())
    async with client(application) as socket:
        over_socket = await socket.call(
            "task", {"params": {"id": 7, "tag": ["a", "b"]}, "body": {"title": "Tea"}}
        )
        bad_over_socket = await socket.call("task", {"params": {"id": 7}, "body": BAD})

    task = {"title": "Tea", "tags": []}
    expected = {"id": 7, "task": task, "tag": ["a", "b"], "known": True}
    assert over_http == over_socket["content"] == expected
    assert bad_over_http == (422, ERRORS)
    assert bad_over_socket == ERRORS


async def test_typed_action_binds_form_and_files(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Tasks)
    form = aiohttp.FormData({"title": "Sea"})
    form.add_field("photo", b"123", filename="sea.jpg")
    async with session.post(http_url(application, "/photos"), data=form) as answer:
        assert await answer.json() == ["Sea", "sea.jpg", 3]
    async with session.post(http_url(application, "/photos"), data={"x": "1"}) as answer:
        paths = [error["path"] for error in (await answer.json())["errors"]]
    assert paths == ["params.title", "files.photo"]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Content-Type": "text/plain"}, id="text"),
        pytest.param({"Content-Type": "application/octet-stream"}, id="bytes"),
        pytest.param({"Content-Type": "application/xml"}, id="xml"),
        pytest.param({"Content-Type": "x/" + "y" * 2000}, id="unknown-and-long"),
        pytest.param({}, id="missing"),
    ],
)
async def test_typed_body_other_content_type_is_415(
    serve: Serve, session: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    url = http_url(await serve(Tasks), "/tasks/7")
    skipped = {"Content-Type"}
    async with session.post(url, data=b"{}", headers=headers, skip_auto_headers=skipped) as answer:
        assert answer.status == 415
        message = (await answer.json())["message"]
        assert "application/json, application/msgpack" in message
        assert len(message) < 400
    async with session.post(url, skip_auto_headers=skipped) as answer:
        assert (answer.status, (await answer.json())["errors"]) == (
            422,
            [{"path": "body", "code": "missing", "message": "is missing"}],
        )


class Color(Enum):
    RED = "red"


@attrs.frozen
class Paint:
    name: str
    color: Color = Color.RED
    layers: list[dict[str, int]] = attrs.field(factory=list)


class Paints:
    @http("POST", "/paints", "paint")
    @websocket("paint")
    async def paint(self, paint: Paint) -> Paint:
        return paint

    @http("POST", "/wrong", "wrong")
    @websocket("wrong")
    async def wrong(self) -> Paint:
        return {"name": ["s3cret"]}  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        pytest.param({"name": "a", "s3cret": 1}, "body.s3cret", id="unknown"),
        pytest.param(
            {"name": "a", "layers": [{}, {"x": "s3cret"}]}, "body.layers[1].x", id="type"
        ),
        pytest.param({"name": None}, "body.name", id="null"),
        pytest.param({"name": "a", "color": "s3cret" * 9999}, "body.color", id="huge-enum"),
        pytest.param({"name": "a", "color": 10**400}, "body.color", id="huge-number"),
        pytest.param({"name": "a", "z" * 99999: 1}, f"body.{'z' * 50}", id="huge-name"),
        pytest.param(["s3cret"], "body", id="array"),
    ],
)
async def test_typed_body_invalid_is_422_with_path(
    serve: Serve, session: aiohttp.ClientSession, body: Any, path: str
) -> None:
    application = await serve(Paints)
    async with session.post(http_url(application, "/paints"), json=body) as answer:
        over_http = await answer.json()
    async with client(application) as socket:
        over_socket = await socket.call("paint", {"body": body})

    assert over_http == over_socket
    assert over_http["statusCode"] == 422
    assert [error["path"] for error in over_http["errors"]] == [path]
    assert "s3cret" not in str([error["message"] for error in over_http["errors"]])


@pytest.mark.parametrize("name", [pytest.param("wrong", id="wrong-type")])
async def test_typed_result_of_other_type_is_500_without_value(
    serve: Serve,
    session: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    application = await serve(Paints)
    async with session.post(http_url(application, f"/{name}")) as answer:
        over_http = await answer.json()
    async with client(application) as socket:
        over_socket = await socket.call(name, {})

    assert over_http == over_socket == {"statusCode": 500, "message": "Internal Server Error"}
    assert caplog.text.count("Expected `str`, got `array` - at `$.name`") >= 2


@dataclass
class Price:
    amount: int
    currency: str = "EUR"


@dataclass
class Offer:
    name: str
    price: Price
    stock: int = 1


class Offers:
    @http("POST", "/offers", "offer_add")
    @websocket("offer_add")
    async def add(self, offer: Offer) -> Any:
        return offer

    @http("POST", "/offers/shaped", "offer_shaped")
    @websocket("offer_shaped")
    async def shaped(self, offer: Offer) -> Offer:
        return offer

    @http("GET", "/offers/row", "offer_row")
    @websocket("offer_row")
    async def row(self) -> list[Offer]:
        return [{"name": "tea", "price": {"amount": 3}}]  # type: ignore[list-item]

    @http("GET", "/offers/search", "offer_search")
    @websocket("offer_search")
    async def search(self, price: Annotated[Price, Query()]) -> Any:
        return price


async def test_dataclass_fields_with_defaults_are_sent(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """msgspec encodes the ``__dict__`` of a dataclass, without defaults that it did not set."""
    application = await serve(Offers)
    body = {"name": "tea", "price": {"amount": 3}}
    price = {"amount": 3, "currency": "EUR"}
    whole = {"name": "tea", "price": price, "stock": 1}

    over_http = []
    for path in ("/offers", "/offers/shaped"):
        async with session.post(http_url(application, path), json=body) as answer:
            over_http.append(await answer.json())
    for path in ("/offers/row", "/offers/search?amount=3"):
        async with session.get(http_url(application, path)) as answer:
            over_http.append(await answer.json())
    async with client(application) as socket:
        over_socket = [
            (await socket.call(event, message))["content"]
            for event, message in (
                ("offer_add", {"body": body}),
                ("offer_shaped", {"body": body}),
                ("offer_row", {}),
                ("offer_search", {"params": {"amount": 3}}),
            )
        ]

    assert over_http == over_socket == [whole, whole, [whole], price]
