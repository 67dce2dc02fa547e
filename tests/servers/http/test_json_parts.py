"""JSON parts of multipart forms over real HTTP, as browsers and HTTP libraries send them."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

import aiohttp
import pytest

from rxkernel import Body, Request, UploadedFile, http
from tests.servers.conftest import Serve, http_url

BLOB = "blob"
"""The file name that browsers send for a Blob in FormData (XMLHttpRequest Standard)."""

JSON = "application/json"


@dataclass
class Meta:
    title: str
    stars: int = 0
    price: Decimal = Decimal(0)


@dataclass
class Line:
    sku: str
    count: int = 1


@dataclass
class Order:
    customer: str
    lines: list[Line]
    ready: bool = False


class Albums:
    @http("POST", "/whole", "whole")
    async def whole(self, meta: Meta, photo: UploadedFile) -> Any:
        return [meta.title, meta.stars, str(meta.price), photo.size]

    @http("POST", "/fields", "fields")
    async def fields(self, meta: Meta, lines: Annotated[list[Line], Body()]) -> Any:
        return [meta.title, [line.sku for line in lines]]

    @http("POST", "/order", "order")
    async def order(self, order: Order, scan: UploadedFile | None = None) -> Any:
        return [order, scan and scan.size]

    @http("POST", "/simple", "simple")
    async def simple(
        self,
        count: int,
        tags: list[str],
        photo: UploadedFile,
        extra: Annotated[dict[str, Any], Body()],
    ) -> Any:
        return [count, tags, extra, photo.size]

    @http("POST", "/document", "document")
    async def document(self, document: UploadedFile) -> Any:
        return [document.filename, document.content_type, document.content.decode()]

    @http("POST", "/untyped", "untyped")
    async def untyped(self, request: Request) -> Any:
        body = {name: repr(value) for name, value in request.body.items()}
        return [body, {name: file.filename for name, file in request.files.items()}]


def form(*parts: tuple[str, str, str | None, str | None]) -> aiohttp.FormData:
    """A multipart form of *parts*: name, content, content type, file name."""
    data = aiohttp.FormData(default_to_multipart=True)
    for name, content, content_type, filename in parts:
        data.add_field(name, content, content_type=content_type, filename=filename)
    return data


PHOTO = ("photo", "GIF", "image/gif", "a.gif")


async def send(
    serve: Serve, session: aiohttp.ClientSession, path: str, *parts: Any, **http: Any
) -> tuple[int, Any]:
    application = await serve(Albums, http=http)
    async with session.post(http_url(application, path), data=form(*parts)) as response:
        return response.status, await response.json()


@pytest.mark.parametrize("kind", [JSON, "text/json", "application/vnd.api+json"])
@pytest.mark.parametrize("filename", [BLOB, None, "meta.json"])
async def test_json_part_sent_with_a_file_fills_parameter_of_its_name(
    serve: Serve, session: aiohttp.ClientSession, kind: str, filename: str | None
) -> None:
    part = ("meta", '{"title":"Sea","stars":3,"price":0.10}', kind, filename)

    assert await send(serve, session, "/whole", part, PHOTO) == (200, ["Sea", 3, "0.10", 3])


async def test_form_with_the_fields_of_the_class_is_still_read(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    parts = ("title", "Sea", None, None), ("stars", "3", None, None), PHOTO

    assert await send(serve, session, "/whole", *parts) == (200, ["Sea", 3, "0", 3])


async def test_json_parts_fill_fields_of_the_body(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    parts = (
        ("meta", '{"title":"Sea"}', JSON, BLOB),
        ("lines", '[{"sku":"a"},{"sku":"b"}]', JSON, None),
    )

    assert await send(serve, session, "/fields", *parts) == (200, ["Sea", ["a", "b"]])


async def test_json_parts_and_texts_fill_fields_of_one_class(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    parts = (
        ("customer", "Ann", None, None),
        ("lines", '[{"sku":"a","count":2}]', JSON, BLOB),
        ("ready", "true", JSON, BLOB),
        ("scan", "{}", JSON, "scan.json"),
    )

    order = {"customer": "Ann", "lines": [{"sku": "a", "count": 2}], "ready": True}
    assert await send(serve, session, "/order", *parts) == (200, [order, 2])


async def test_json_parts_fill_numbers_lists_and_objects(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    parts = (
        ("count", "7", JSON, BLOB),
        ("tags", '["a","b"]', JSON, BLOB),
        ("extra", '{"x":[1]}', JSON, BLOB),
        PHOTO,
    )

    assert await send(serve, session, "/simple", *parts) == (200, [7, ["a", "b"], {"x": [1]}, 3])


async def test_json_part_of_an_upload_is_a_file(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """A JSON document that a user uploads is not read, valid or not."""
    for filename in ("data.json", BLOB):
        part = ("document", "{oops", JSON, filename)
        assert await send(serve, session, "/document", part) == (200, [filename, JSON, "{oops"])


async def test_json_part_of_an_upload_without_file_name_is_not_a_file(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    status, content = await send(serve, session, "/document", ("document", "{}", JSON, None))

    assert status == 422
    assert [e["path"] for e in content["errors"]] == ["files.document"]


async def test_json_part_of_untyped_action_is_decoded_unless_it_has_a_file_name(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """Browsers name a Blob "blob"; a part with another file name is a file of the user."""
    parts = (
        ("a", '{"x":1}', JSON, BLOB),
        ("b", "[1]", JSON, None),
        ("c", '{"x":1}', JSON, "data.json"),
        ("d", "text", "text/plain", None),
    )

    body = {"a": "{'x': 1}", "b": "[1]", "d": "'text'"}
    assert await send(serve, session, "/untyped", *parts) == (200, [body, {"c": "data.json"}])


@pytest.mark.parametrize("path", ["/whole", "/untyped"])
@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ('{"title":', "is not valid JSON"),
        ("", "is not valid JSON"),
        ("NaN", "is not valid JSON"),
        ("[" * 100 + "]" * 100, "nested more than 64 deep"),
    ],
)
async def test_json_part_malformed_is_400_with_its_name(
    serve: Serve, session: aiohttp.ClientSession, path: str, raw: str, reason: str
) -> None:
    status, content = await send(serve, session, path, ("meta", raw, JSON, BLOB), PHOTO)

    assert status == 400
    assert content["message"].startswith("the part 'meta' is not valid JSON")
    assert reason in content["message"]


async def test_json_part_in_another_charset_is_415(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    part = ("meta", "{}", f"{JSON}; charset=iso-8859-1", BLOB)

    status, content = await send(serve, session, "/whole", part, PHOTO)

    assert (status, content["message"]) == (415, "JSON must be encoded in UTF-8")


@pytest.mark.parametrize(
    ("path", "parts", "errors"),
    [
        (
            "/whole",
            [("meta", '{"title":1,"stars":"3","x":0}', JSON, BLOB), PHOTO],
            {
                "body.meta.title": "expected str, got int",
                "body.meta.stars": "expected int, got str",
                "body.meta.x": "is not a known field",
            },
        ),
        (
            "/whole",
            [("meta", "[]", JSON, BLOB), PHOTO],
            {"body.meta": "expected object, got array"},
        ),
        (
            "/fields",
            [("meta", '{"title":"a","stars":"3"}', JSON, BLOB), ("lines", "[1]", JSON, BLOB)],
            {
                "body.meta.stars": "expected int, got str",
                "body.lines[0]": "expected object, got int",
            },
        ),
        (
            "/order",
            [
                ("customer", "7", JSON, BLOB),
                ("lines", '[{"sku":"a","count":"2"}]', JSON, BLOB),
                ("ready", "1", JSON, BLOB),
            ],
            {
                "body.customer": "expected str, got int",
                "body.lines[0].count": "expected int, got str",
                "body.ready": "expected bool, got int",
            },
        ),
    ],
)
async def test_json_part_of_wrong_types_is_422_without_conversion_of_texts(
    serve: Serve, session: aiohttp.ClientSession, path: str, parts: Any, errors: Any
) -> None:
    status, content = await send(serve, session, path, *parts)

    assert status == 422
    assert {e["path"]: e["message"] for e in content["errors"]} == errors


async def test_json_part_counts_as_field_for_the_limits(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    part = ("meta", '{"title":"' + "a" * 2000 + '"}', JSON, BLOB)

    status, content = await send(serve, session, "/whole", part, PHOTO, body_limit=1000)

    assert status == 413
    assert content["message"] == "the form without its files is larger than 1000 bytes"
