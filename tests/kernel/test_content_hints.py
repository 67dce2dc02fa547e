"""Values that cannot be the content of a response: the log names what to return instead."""

import io
import logging
import tempfile
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from multidict import CIMultiDict

from rxkernel import ConfigurationError, NotFoundException, Response, both, http
from rxkernel.kernel.serialization import encode_json, to_plain
from rxkernel.pytest_plugin import ClientOf

FOREIGN = "it is a response of another library; return a Response of rxkernel"
FILE = "return FileResponse(path) for a file, or StreamResponse with pieces of bytes"
PIECES = "return a list, or StreamResponse for pieces of bytes or str"


async def no_pieces() -> Any:
    yield None


CONTENTS: list[tuple[Callable[[], Any], str]] = [
    (lambda: web.Response(text="a"), f"aiohttp.web_response.Response cannot be .*; {FOREIGN}"),
    (lambda: web.json_response({}), FOREIGN),
    (web.StreamResponse, FOREIGN),
    (web.HTTPNotFound, FOREIGN),
    (io.BytesIO, FILE),
    (io.StringIO, FILE),
    (tempfile.NamedTemporaryFile, FILE),
    (lambda: iter([1]), PIECES),
    (lambda: (i for i in [1]), PIECES),
    (no_pieces, PIECES),
    (NotFoundException, "raise it$"),
    (ValueError, "raise it, or an exception with a status, such as NotFoundException$"),
    (object, "builtins.object cannot be encoded as JSON$"),
]


@pytest.mark.parametrize(("make", "message"), CONTENTS)
def test_content_that_cannot_be_sent_is_a_type_error_with_a_hint(
    make: Callable[[], Any], message: str
) -> None:
    for encode in (encode_json, to_plain):
        for content in (make(), [make()], {"a": make()}):
            with pytest.raises(TypeError, match=message.replace("(", r"\(").replace(")", r"\)")):
                encode(content)


def test_mapping_with_keys_of_a_response_is_sent_as_object() -> None:
    assert encode_json(CIMultiDict(headers="a", status="b")) == b'{"headers":"a","status":"b"}'


class Mistakes:
    @both("GET", "/native", "native")
    async def native(self) -> Any:
        return web.Response(text="lost")

    @both("GET", "/file", "file")
    async def file(self) -> Any:
        return Response(io.BytesIO(b"lost"))


@pytest.mark.parametrize("transport", ["http", "websocket"])
@pytest.mark.parametrize(("name", "hint"), [("native", FOREIGN), ("file", FILE)])
async def test_action_content_that_cannot_be_sent_is_500_and_hint_is_logged(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture, transport: str, name: str, hint: str
) -> None:
    client = client_of(Mistakes)

    response = await getattr(client, transport)(name)

    assert (response.status_code, response.content["message"]) == (500, "Internal Server Error")
    (record,) = (record for record in caplog.records if record.levelno >= logging.ERROR)
    assert record.exc_info is not None
    assert hint in str(record.exc_info[1])


@pytest.mark.parametrize("returns", [web.Response, web.StreamResponse, web.Response | None])
async def test_annotation_with_a_response_of_another_library_is_rejected_at_boot(
    client_of: ClientOf, returns: Any
) -> None:
    class Declared:
        @http("GET", "/", "index")
        async def index(self) -> Any: ...

    Declared.index.__annotations__["return"] = returns

    with pytest.raises(ConfigurationError, match=rf"aiohttp\.web_response\.\w+ cannot.*{FOREIGN}"):
        await client_of(Declared).application.boot()
