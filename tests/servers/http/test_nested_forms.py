"""Forms with nested names and uploads of one class over real HTTP, as browsers send them."""

from dataclasses import dataclass, field
from typing import Any

import aiohttp
import attrs
import pytest

from rxkernel import UploadedFile, http
from tests.servers.conftest import Serve, http_url


@attrs.define
class Address:
    city: str
    number: int = 0


@dataclass
class Page:
    number: int
    scan: UploadedFile | None = None


@dataclass
class Dossier:
    title: str
    cover: UploadedFile | None = None
    pages: list[Page] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    address: Address | None = None


@attrs.define
class Order:
    customer: str
    address: Address | None = None
    numbers: list[int] = attrs.field(factory=list)


class Desk:
    @http("POST", "/dossiers", "dossier_add")
    async def add(self, dossier: Dossier) -> Any:
        return {
            "cover": dossier.cover and [dossier.cover.filename, dossier.cover.size],
            "pages": [
                [page.number, page.scan and (await page.scan.read()).decode()]
                for page in dossier.pages
            ],
            "tags": dossier.tags,
            "address": dossier.address,
        }

    @http("POST", "/orders", "order_add")
    async def order(self, order: Order) -> Any:
        return order


def form(*parts: tuple[str, str] | tuple[str, str, str], multipart: bool) -> aiohttp.FormData:
    """A form of pairs of name and value; a third item is a file name."""
    data = aiohttp.FormData(default_to_multipart=multipart)
    for name, value, *filename in parts:
        data.add_field(name, value, filename=filename[0] if filename else None)
    return data


async def send(
    serve: Serve,
    session: aiohttp.ClientSession,
    path: str,
    *parts: Any,
    multipart: bool = True,
    limits: dict[str, int] | None = None,
) -> tuple[int, Any]:
    url = http_url(await serve(Desk, http=limits), path)
    async with session.post(url, data=form(*parts, multipart=multipart)) as response:
        return response.status, await response.json()


async def test_uploads_and_nested_fields_fill_one_class(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    parts = (
        ("title", "A"),
        ("cover", "GIF", "a.gif"),
        ("pages[0][number]", "1"),
        ("pages[0][scan]", "one", "1.txt"),
        ("pages[1].number", "2"),
        ("pages[1].scan", "two", "2.txt"),
        ("tags[]", "x"),
        ("tags[]", "y"),
        ("address[city]", "Rome"),
    )

    assert await send(serve, session, "/dossiers", *parts) == (
        200,
        {
            "cover": ["a.gif", 3],
            "pages": [[1, "one"], [2, "two"]],
            "tags": ["x", "y"],
            "address": {"city": "Rome", "number": 0},
        },
    )


async def test_input_without_a_selected_file_is_no_upload(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    status, content = await send(serve, session, "/dossiers", ("title", "A"), ("cover", "", ""))

    assert (status, content["cover"]) == (200, None)


async def test_class_with_uploads_is_limited_by_file_and_upload_limit(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    parts = ("title", "A"), ("cover", "x" * 5000, "a")
    limits = {"body_limit": 1000, "file_limit": 10_000, "upload_limit": 20_000}

    status, content = await send(serve, session, "/dossiers", *parts, limits=limits)

    assert (status, content["cover"]) == (200, ["a", 5000])
    parts = ("title", "A" * 2000), ("cover", "x", "a")
    assert (await send(serve, session, "/dossiers", *parts, limits=limits))[0] == 413


@pytest.mark.parametrize("multipart", [True, False])
async def test_nested_names_are_read_in_both_kinds_of_forms(
    serve: Serve, session: aiohttp.ClientSession, multipart: bool
) -> None:
    parts = (
        ("customer", "Ann"),
        ("address[city]", "Rome"),
        ("address.number", "7"),
        ("numbers[1]", "2"),
        ("numbers[0]", "1"),
    )

    assert await send(serve, session, "/orders", *parts, multipart=multipart) == (
        200,
        {"customer": "Ann", "address": {"city": "Rome", "number": 7}, "numbers": [1, 2]},
    )


@pytest.mark.parametrize("multipart", [True, False])
@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ([("numbers[999999999]", "1")], "body.numbers[999999999]"),
        ([("address", "a"), ("address[city]", "b")], "body.address"),
        ([("address" + "[a]" * 2000, "b")], "body.address"),
        ([(f"numbers[{n}]", "x") for n in range(999)], "body.numbers[0]"),
        ([("x" + "[a]" * n, "b") for n in range(30)], "body.x"),
    ],
    ids=["index", "conflict", "deep", "many", "unknown"],
)
async def test_hostile_nested_names_are_422(
    serve: Serve, session: aiohttp.ClientSession, multipart: bool, parts: Any, path: str
) -> None:
    sent = ("customer", "Ann"), *parts

    status, content = await send(serve, session, "/orders", *sent, multipart=multipart)

    assert status == 422
    assert content["errors"][0]["path"] == path
