"""JSON parts of multipart forms through `KernelClient`, which reads them as a server does."""

from dataclasses import dataclass
from typing import Any

import pytest

from rxkernel import Request, UploadedFile, http
from rxkernel.pytest_plugin import ClientOf


@dataclass
class Meta:
    title: str
    stars: int = 0


class Albums:
    @http("POST", "/albums", "album_add")
    async def add(self, meta: Meta, photo: UploadedFile) -> Any:
        return [meta, photo.size]

    @http("POST", "/any", "any")
    async def any(self, request: Request) -> Any:
        return [dict(request.body), list(request.files)]


def json(content: bytes, filename: str = "blob") -> UploadedFile:
    return UploadedFile(filename, content, "application/json")


PHOTO = UploadedFile("a.gif", b"GIF", "image/gif")


async def test_json_part_fills_parameter(client_of: ClientOf) -> None:
    client = client_of(Albums)

    response = await client.http(
        "album_add", files={"meta": json(b'{"title":"a"}'), "photo": PHOTO}
    )

    assert response.content == [Meta("a"), 3]


async def test_json_part_of_untyped_action_is_decoded(client_of: ClientOf) -> None:
    client = client_of(Albums)
    files = {"a": [json(b"1"), json(b"{}", "data.json")], "b": [PHOTO]}

    response = await client.http("any", form={"c": "d"}, files=files)

    assert response.content == [{"c": "d", "a": 1}, ["a", "b"]]


@pytest.mark.parametrize(
    ("raw", "status", "path"), [(b"{", 400, None), (b'{"title":1}', 422, "body.meta.title")]
)
async def test_json_part_invalid_is_an_error(
    client_of: ClientOf, raw: bytes, status: int, path: str | None
) -> None:
    client = client_of(Albums)

    response = await client.http("album_add", files={"meta": json(raw), "photo": PHOTO})

    assert response.status_code == status
    assert [e["path"] for e in response.content.get("errors", [])] == ([path] if path else [])
