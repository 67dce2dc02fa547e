"""The test client: it handles input and output like a server, and records what it received."""

from collections.abc import AsyncIterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from injector import inject
from multidict import MultiDict

from rxkernel import (
    Application,
    Broadcaster,
    ExceptionEvent,
    FileResponse,
    HttpSettings,
    KernelClient,
    KernelEvents,
    Request,
    Response,
    Settings,
    UploadedFile,
    http,
    observe,
    websocket,
)
from rxkernel.pytest_plugin import ClientOf
from tests.servers.taking import Taker


class Controller:
    @inject
    def __init__(self, broadcaster: Broadcaster) -> None:
        self.broadcaster = broadcaster

    @http("POST", "/things/{id:int}/{rest:path}", "thing")
    @websocket("thing")
    async def thing(self, request: Request) -> dict[str, Any]:
        return {
            "params": [list(item) for item in request.params.items()],
            "body": request.body,
            "files": list(request.files),
            "cookie": request.cookies.get("a"),
            "header": request.headers.get("x-mine"),
            "method": request.method,
            "url": request.url,
        }

    @websocket("shout")
    async def shout(self, request: Request) -> None:
        await self.broadcaster.emit("heard", request.body, skip=request.connection)
        await self.broadcaster.emit("room", room="red")

    @websocket("ask", namespace="/chat")
    async def ask(self, request: Request) -> Any:
        assert request.connection is not None
        return await request.connection.call("question", 1)


async def test_params_of_path_are_converted_and_others_are_query(client_of: ClientOf) -> None:
    response = await client_of(Controller).http(
        "thing",
        params={"id": "7", "rest": "a/b", "q": 1},
        body={"when": (1, 2)},
        headers={"X-Mine": "yes"},
        cookies={"a": "1"},
    )

    assert response.content == {
        "params": [["id", 7], ["rest", "a/b"], ["q", "1"]],
        "body": {"when": [1, 2]},
        "files": [],
        "cookie": "1",
        "header": "yes",
        "method": "POST",
        "url": "/things/7/a/b?q=1",
    }


async def test_forms_files_and_bytes_are_sent_as_body(client_of: ClientOf) -> None:
    client = client_of(Controller)
    path = {"id": 1, "rest": "x"}
    form = await client.http(
        "thing", params=path, form={"f": "1"}, files={"doc": UploadedFile("x.txt", b"x")}
    )
    raw = await client.http("thing", params=path, body=b"\x00")

    assert form.content["body"] == {"f": "1"}
    assert form.content["files"] == ["doc"]
    assert form.content["params"][-1] == ["f", "1"]
    assert raw.content["body"] == b"\x00"


async def test_body_or_form_above_limit_of_route_is_413(client_of: ClientOf) -> None:
    """As in a server; only timeouts differ."""
    settings = Settings(
        http=HttpSettings(body_limit=10, upload_limit=50, file_limit=20, form_fields_limit=3)
    )
    client = client_of(Taker, settings=settings)

    async def status(name: str, **sent: Any) -> int:
        return (await client.http(name, **sent)).status_code

    async def pieces(number: int) -> AsyncIterator[bytes]:
        for _ in range(number):
            yield b"0123456789"

    def files(*sizes: int) -> list[UploadedFile]:
        return [UploadedFile("x", bytes(size)) for size in sizes]

    assert [await status("take", body=bytes(size)) for size in (10, 11)] == [200, 413]
    assert [await status("take", body="x" * size) for size in (8, 9)] == [200, 413]
    assert [await status("take", body=pieces(number)) for number in (1, 2)] == [200, 413]
    assert [await status("small", body=bytes(size)) for size in (100, 101)] == [200, 413]
    assert [await status("stream", body=pieces(number)) for number in (5, 6)] == [200, 413]
    assert [await status("stream", body=bytes(size)) for size in (50, 51)] == [200, 413]
    assert [await status("upload", files={"f": files(size)}) for size in (20, 21)] == [200, 413]
    assert [await status("upload", files={"f": files(20, 20, n)}) for n in (10, 11)] == [200, 413]
    assert [await status("upload", form={"a": "x" * n}) for n in (8, 9)] == [200, 413]
    assert [await status("upload", files={"f": files(*[1] * n)}) for n in (3, 4)] == [200, 413]


async def test_body_stream_is_passed_to_action(client_of: ClientOf) -> None:
    client = client_of(Taker)

    assert (await client.http("stream", body=b"abc")).content == 3
    assert (await client.http("stream", body=["JSON"])).content == 3 + len('["JSON"]')
    assert (await client.http("stream")).content == 3 + len('["JSON"]')


async def test_files_with_one_name_are_passed(client_of: ClientOf) -> None:
    client = client_of(Taker)
    one, other = UploadedFile("1", b"a"), UploadedFile("2", b"bc", "text/csv")

    response = await client.http("upload", files={"f": [one, other], "g": one})
    assert response.content["files"] == [
        ["f", "1", "application/octet-stream", 1],
        ["f", "2", "text/csv", 2],
        ["g", "1", "application/octet-stream", 1],
    ]
    assert one.content == b"a", "files of the test must not be closed"


class Form:
    @http("POST", "/tags/{id:int}", "tags")
    async def tags(self, request: Request, id: int, tag: list[str] = []) -> Any:  # noqa: B006
        sent = None if request.body is None else list(request.body.items())
        return [tag, sent, request.url]


@pytest.mark.parametrize(
    ("given", "tags"),
    [
        ({"tag": ["a", "b c"]}, ["a", "b c"]),
        ({"tag": ("a", None, 2)}, ["a", "2"]),
        (MultiDict([("tag", "a"), ("tag", "b")]), ["a", "b"]),
        (
            {"tag": [True, False, Decimal("1.5"), date(2026, 1, 2)]},
            ["true", "false", "1.5", "2026-01-02"],
        ),
        ({"tag": None}, []),
        ({"tag": []}, []),
    ],
)
async def test_query_and_form_lists_are_repeated_text(
    client_of: ClientOf, given: Mapping[str, Any], tags: list[str]
) -> None:
    client, query = client_of(Form), urlencode([("tag", tag) for tag in tags])

    asked = await client.http("tags", params=MultiDict([("id", 1), *given.items()]))
    assert asked.content == [tags, None, f"/tags/1?{query}" if tags else "/tags/1"]
    posted = await client.http("tags", params={"id": 1}, form=given)
    assert posted.content == [tags, [("tag", tag) for tag in tags], "/tags/1"]


@pytest.mark.parametrize("value", [{"a": 1}, {1}, object(), b"x", [["a"]]])
async def test_param_without_text_form_raises_value_error(client_of: ClientOf, value: Any) -> None:
    client = client_of(Form)

    with pytest.raises(ValueError, match=r"the parameter 'tag' is .*; pass a str"):
        await client.http("tags", params={"id": 1, "tag": value})
    with pytest.raises(ValueError, match=r"the field 'tag' is .*; pass a str"):
        await client.http("tags", params={"id": 1}, form={"tag": value})


@pytest.mark.parametrize(
    ("sent", "content_type", "body"),
    [
        ("text", "text/plain", "text"),
        ("caf\u00e9", "text/plain; charset=latin-1", "caf\u00e9"),
        (b"caf\xe9", "text/plain; charset=latin-1", "caf\u00e9"),
        (b'{"a": 1}', "application/json", {"a": 1}),
        ({"a": b"\x00"}, "application/msgpack", {"a": b"\x00"}),
        ("a=1&a=2", "application/x-www-form-urlencoded", MultiDict([("a", "1"), ("a", "2")])),
        (b"\x00", None, b"\x00"),
    ],
)
async def test_body_is_decoded_with_its_content_type(
    client_of: ClientOf, sent: Any, content_type: str | None, body: Any
) -> None:
    seen = []

    class Reader:
        @http("POST", "/read", "read")
        async def read(self, request: Request) -> None:
            seen.append(request.body)

    headers = {} if content_type is None else {"Content-Type": content_type}
    assert (await client_of(Reader).http("read", body=sent, headers=headers)).status_code == 200
    assert seen == [body]


async def test_content_type_without_body_is_ignored(client_of: ClientOf) -> None:
    """As in a server, which has no body to decode."""
    response = await client_of(Taker).http("take", headers={"Content-Type": "none"})

    assert response.content == {"body": None, "size": 0}


async def test_body_not_encodable_raises_value_error(
    client_of: ClientOf,
) -> None:
    client = client_of(Taker)

    with pytest.raises(ValueError, match="dict cannot be encoded as text/plain; pass bytes"):
        await client.http("take", body={}, headers={"Content-Type": "text/plain"})
    with pytest.raises(ValueError, match="pass form= and files="):
        await client.http("take", body=b"", headers={"Content-Type": "multipart/form-data"})


class Unsendable:
    @http("GET", "/object", "object")
    @websocket("object")
    async def object(self) -> Any:
        return object()

    @http("GET", "/file", "file")
    @websocket("file")
    async def file(self) -> Response:
        return FileResponse(Path("/nowhere/at/all"))

    @http("GET", "/kept", "kept")
    async def kept(self) -> Any:
        return {"at": date(2026, 1, 2)}


async def test_response_not_encodable_is_error_as_in_server(client_of: ClientOf) -> None:
    errors = []

    class Errors:
        @observe(KernelEvents.KERNEL_EXCEPTION)
        async def note(self, event: ExceptionEvent) -> None:
            errors.append(type(event.exception).__name__)

    client = client_of(Unsendable, listeners=[Errors])

    assert (await client.http("object")).content["message"] == "Internal Server Error"
    assert (await client.http("file")).status_code == 404
    assert (await client.websocket("object")).status_code == 500
    assert (await client.websocket("file")).status_code == 500
    assert errors == [
        "TypeError",
        "NotFoundException",
        "TypeError",
        "StreamNotSupportedException",
    ]
    kept = await client.http("kept")
    assert kept.content == {"at": date(2026, 1, 2)}, (
        "content must be the returned object, not its JSON"
    )


async def test_error_response_not_encodable_is_standard_error(
    client_of: ClientOf,
) -> None:
    class Worse:
        @observe(KernelEvents.KERNEL_EXCEPTION)
        async def answer(self, event: ExceptionEvent) -> None:
            event.set_response(Response(object(), 500))

    response = await client_of(Unsendable, listeners=[Worse]).http("object")
    assert response.content == {"statusCode": 500, "message": "Internal Server Error"}


async def test_path_parameter_missing_raises_value_error(client_of: ClientOf) -> None:
    with pytest.raises(ValueError, match="rest"):
        await client_of(Controller).http("thing", params={"id": 1})


async def test_unknown_name_lists_known_ones(client_of: ClientOf) -> None:
    client = client_of(Controller)

    with pytest.raises(KeyError, match="no definition 'nope'; there is: thing"):
        await client.http("nope")
    with pytest.raises(KeyError, match="there is: thing, shout, /chat:ask"):
        await client.websocket("nope")


async def test_event_values_are_plain_values_as_in_a_packet(client_of: ClientOf) -> None:
    response = await client_of(Controller).websocket(
        "thing", params={"id": [1], "where": Path("x")}, body={"t": (1, b"\x00")}
    )

    assert response.content["params"] == [["id", [1]], ["where", "x"]]
    assert response.content["body"] == {"t": [1, b"\x00"]}
    assert response.content["method"] is None


async def test_client_as_async_context_manager_boots_application(client_of: ClientOf) -> None:
    application = Application(controllers=[Controller])

    async with KernelClient(application) as client:
        assert client.application.kernel
    assert client_of(application).application is application
