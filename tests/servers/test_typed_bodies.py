"""Bodies of typed actions over real HTTP: exact decimals, raw bytes, empty forms."""

from collections.abc import AsyncIterator
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any

import aiohttp
import attrs
import pytest

from rxkernel import Body, Request, http, websocket
from tests.servers.conftest import Serve, http_url
from tests.servers.raw_http import raw_http
from tests.servers.socketio_clients import client

JSON = {"Content-Type": "application/json"}


@attrs.frozen
class Line:
    price: Decimal
    weight: float = 0.0
    count: int = 1


@attrs.frozen
class Bill:
    lines: list[Line]


class Shop:
    @http("POST", "/slot/{day}", "slot")
    async def slot(self, day: date, begins: datetime, at: time, until: time | None = None) -> Any:
        return [day, begins, at, until]

    @http("POST", "/bill", "bill")
    @websocket("bill")
    async def bill(self, bill: Bill) -> list[str]:
        return [f"{line.price} {line.weight!r} {line.count}" for line in bill.lines]

    @http("POST", "/any", "any")
    async def any(self, request: Request) -> str:
        return repr(request.body)


@pytest.mark.parametrize(
    "price",
    ["12345678901234567.89", "9007199254740993.0", "0.10", "1.000000000000000000001", "1E+2"],
)
async def test_decimal_of_json_is_exact(
    serve: Serve, session: aiohttp.ClientSession, price: str
) -> None:
    url = http_url(await serve(Shop), "/bill")
    sent = f'{{"lines":[{{"price":{price},"weight":1.5,"count":2}}]}}'

    async with session.post(url, data=sent, headers=JSON) as answer:
        assert await answer.json() == [f"{price} 1.5 2"]


@pytest.mark.parametrize(
    ("field", "status"),
    [
        ('"price":1e400', 400),
        ('"price":1e-99999999999999999999', 400),
        ('"price":1e99999999999999999999', 400),
        ('"price":NaN', 400),
        ('"price":1,"weight":1e400', 400),
        ('"price":1,"count":1.5', 422),
        ('"price":1,"count":1.0', 422),
        ('"price":"NaN"', 422),
        ('"price":1,"weight":7', 200),
    ],
)
async def test_invalid_number_next_to_decimal_is_422(
    serve: Serve, session: aiohttp.ClientSession, field: str, status: int
) -> None:
    url = http_url(await serve(Shop), "/bill")
    async with session.post(url, data=f'{{"lines":[{{{field}}}]}}', headers=JSON) as answer:
        assert answer.status == status


@pytest.mark.parametrize("form", ["urlencoded", "multipart", "query"])
async def test_inputs_of_browsers_for_times_are_read(
    serve: Serve, session: aiohttp.ClientSession, form: str
) -> None:
    """HTML Standard: ``datetime-local`` and ``time`` omit seconds; an empty input is not given."""
    url = http_url(await serve(Shop), "/slot/2024-01-01")
    values = {"begins": "2024-01-01T10:00", "at": "10:00"}
    data = aiohttp.FormData({**values, "until": ""}, default_to_multipart=form == "multipart")
    sent: dict[str, Any] = {"params": values} if form == "query" else {"data": data}

    async with session.post(url, **sent) as response:
        expected = ["2024-01-01", "2024-01-01T10:00:00", "10:00:00", None]
        assert await response.json() == expected


async def test_route_without_decimal_gets_floats(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    url = http_url(await serve(Shop), "/any")
    async with session.post(url, data="[1.50, 1]", headers=JSON) as answer:
        assert await answer.text() == "[1.5, 1]"


FORM = "application/x-www-form-urlencoded"


@attrs.frozen
class Choices:
    dark: bool = False
    word: str = "unset"


class Webhooks:
    @http("POST", "/bytes", "bytes")
    async def raw(self, body: bytes, key: str = "") -> str:
        return f"{key} {body!r}"

    @http("POST", "/choices", "choices")
    async def choices(self, form: Choices) -> Choices:
        return form

    @http("POST", "/request", "request")
    async def request(self, request: Request) -> str:
        return repr(request.body)

    @http("POST", "/stream", "stream")
    async def stream(self, body: AsyncIterator[bytes]) -> int:
        return sum([len(piece) async for piece in body])


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"broken'),
        ("application/json; charset=utf-16", b"{}"),
        ("application/msgpack", b"\xc1"),
        ("text/plain", b"\xff"),
        (FORM, b"key=form&key=%FF"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="key'),
        ("no type", b"x"),
    ],
)
async def test_bytes_parameter_is_received_body(
    serve: Serve, session: aiohttp.ClientSession, content_type: str, body: bytes
) -> None:
    """Signatures of webhooks are computed from the received bytes."""
    url = http_url(await serve(Webhooks), "/bytes?key=query")
    headers = {"Content-Type": content_type}
    async with session.post(url, data=body, headers=headers) as answer:
        assert (answer.status, await answer.text()) == (200, f"query {body!r}")


async def test_bytes_parameter_above_body_limit_is_413(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Webhooks, http={"body_limit": 10})
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    for size, status in ((10, 200), (11, 413), (0, 422)):
        url = http_url(application, "/bytes")
        async with session.post(url, data=b"x" * size, headers=headers) as answer:
            assert answer.status == status


@pytest.mark.parametrize(
    "frame", ["Content-Length: 0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]
)
@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("choices", b'{"dark":false,"word":"unset"}'),
        ("request", b"<MultiDict()>"),
        ("stream", b"0"),
    ],
)
async def test_empty_form_is_a_form(serve: Serve, frame: str, path: str, content: bytes) -> None:
    """A browser sends an empty form if no box is checked."""
    async with raw_http(await serve(Webhooks)) as client:
        head = f"POST /{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM}\r\n"
        await client.send((head + frame).encode())
        answer = await client.answer()
        assert (answer.status, answer.body) == (200, content)


async def test_decimal_as_text_over_socket_is_exact(serve: Serve) -> None:
    """JSON numbers are floats in JavaScript, so clients send exact decimals as texts."""
    application = await serve(Shop)
    lines: list[dict[str, Any]] = [{"price": "12345678901234567.89"}, {"price": 0.1}]
    async with client(application) as socket:
        answer = await socket.call("bill", {"body": {"lines": lines}})
    assert answer["content"] == ["12345678901234567.89 0.0 1", "0.1 0.0 1"]


class Menu:
    @http("POST", "/dishes", "dish")
    async def dish(self, dish: Choices) -> str:
        return dish.word

    @http("POST", "/pairs", "pair")
    async def pair(self, word: Annotated[str, Body()], number: Annotated[int, Body()]) -> str:
        return word * number


HINT = "the body looks like JSON, but is sent as a form; send Content-Type: application/json"


@pytest.mark.parametrize("path", ["/dishes", "/pairs"])
@pytest.mark.parametrize(
    "body", ['{"word":"tea","number":2}', " [1, 2]", '{"word":"a=b&c"}'], ids=str
)
async def test_json_sent_as_form_is_422_with_a_hint(
    serve: Serve, session: aiohttp.ClientSession, path: str, body: str
) -> None:
    """``curl -d`` sends any body as a form, unless it has the option ``-H Content-Type``."""
    url = http_url(await serve(Menu), path)
    async with session.post(url, data=body, headers={"Content-Type": FORM}) as answer:
        assert answer.status == 422
        assert (await answer.json())["message"] == f"validation failed; see errors; {HINT}"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("wrong=1", FORM),
        ("%7B%22a%22=1", FORM),  # a browser encodes braces in the name of a field
        ("", FORM),
        ('{"wrong": 1}', "application/json"),
        ("[1]", "application/json"),
    ],
)
async def test_other_invalid_bodies_get_no_hint(
    serve: Serve, session: aiohttp.ClientSession, body: str, content_type: str
) -> None:
    url = http_url(await serve(Menu), "/pairs")
    async with session.post(url, data=body, headers={"Content-Type": content_type}) as answer:
        assert answer.status == 422
        assert (await answer.json())["message"] == "validation failed; see errors"
