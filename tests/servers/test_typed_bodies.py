"""Bodies of typed actions over real HTTP: what is lost in reading them, and what is not."""

from decimal import Decimal
from typing import Any

import aiohttp
import attrs
import pytest

from rxkernel import Request, http, websocket
from tests.servers.conftest import Serve, http_url
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
async def test_a_decimal_is_the_number_that_was_written(
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
async def test_what_is_no_number_of_its_type_is_refused_beside_a_decimal_too(
    serve: Serve, session: aiohttp.ClientSession, field: str, status: int
) -> None:
    url = http_url(await serve(Shop), "/bill")
    async with session.post(url, data=f'{{"lines":[{{{field}}}]}}', headers=JSON) as answer:
        assert answer.status == status


async def test_other_routes_get_floats(serve: Serve, session: aiohttp.ClientSession) -> None:
    url = http_url(await serve(Shop), "/any")
    async with session.post(url, data="[1.50, 1]", headers=JSON) as answer:
        assert await answer.text() == "[1.5, 1]"


async def test_over_a_socket_a_text_is_exact(serve: Serve) -> None:
    """A number has been a float there, at the latest in the browser that wrote it."""
    application = await serve(Shop)
    lines: list[dict[str, Any]] = [{"price": "12345678901234567.89"}, {"price": 0.1}]
    async with client(application) as socket:
        answer = await socket.call("bill", {"body": {"lines": lines}})
    assert answer["content"] == ["12345678901234567.89 0.0 1", "0.1 0.0 1"]
