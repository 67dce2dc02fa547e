"""`FormData` of the Fetch Standard, sent by Node: a Blob is JSON, a File is an upload."""

from dataclasses import dataclass
from datetime import time
from typing import Any

from rxkernel import UploadedFile, http
from tests.clients.conftest import RunNode, Served


@dataclass
class Meta:
    title: str
    stars: int = 0


@dataclass
class Row:
    at: time
    photo: UploadedFile | None = None


@dataclass
class Sent:
    meta: Meta
    rows: list[Row]
    document: UploadedFile


class Forms:
    @http("POST", "/sent", "sent")
    async def add(self, sent: Sent) -> Any:
        rows = [[row.at, row.photo and row.photo.filename] for row in sent.rows]
        document = sent.document
        return [sent.meta, rows, [document.filename, document.content_type, document.size]]


async def test_form_data_of_fetch_fills_a_class(served: Served, run_node: RunNode) -> None:
    async with served(Forms) as url:
        report = await run_node("form_data.mjs", f"{url}/sent")

    assert report == [
        200,
        [
            {"title": "Sea", "stars": 3},
            [["10:00:00", "a.gif"], ["11:30:00", None]],
            ["data.json", "application/json", 5],
        ],
    ]
