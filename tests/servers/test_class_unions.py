"""A union of classes over real HTTP, as JSON, MessagePack and form, and over a socket."""

from dataclasses import dataclass
from typing import Any, Literal

import aiohttp
import attrs
import msgspec
import pytest

from rxkernel import http, websocket
from tests.servers.conftest import Serve, http_url
from tests.servers.socketio_clients import client


@attrs.frozen
class Card:
    method: Literal["card"]
    number: str


@dataclass
class Cash:
    method: Literal["cash"] = "cash"
    coins: list[int] | None = None


@attrs.frozen
class Order:
    payment: Card | Cash | None
    refunds: list[Card | Cash] = attrs.field(factory=list)


class Shop:
    @http("POST", "/pay", "pay")
    @websocket("pay")
    async def pay(self, payment: Card | Cash) -> Card | Cash:
        return payment

    @http("POST", "/order", "order")
    @websocket("order")
    async def order(self, order: Order) -> Order:
        return order


CASH = {"method": "cash", "coins": [1, 2]}
ORDER = {"payment": {"method": "card", "number": "4"}, "refunds": [CASH]}


@pytest.mark.parametrize(("path", "body"), [("/pay", CASH), ("/order", ORDER)])
async def test_union_http_body_is_decoded_and_response_encoded(
    serve: Serve, session: aiohttp.ClientSession, path: str, body: Any
) -> None:
    url = http_url(await serve(Shop), path)

    async with session.post(url, json=body) as response:
        assert (response.status, await response.json()) == (200, body)

    packed = {"Content-Type": "application/msgpack", "Accept": "application/msgpack"}
    async with session.post(url, data=msgspec.msgpack.encode(body), headers=packed) as response:
        assert msgspec.msgpack.decode(await response.read()) == body


async def test_union_http_form_is_decoded(serve: Serve, session: aiohttp.ClientSession) -> None:
    url = http_url(await serve(Shop), "/pay")

    sent = [("method", "cash"), ("coins", "1"), ("coins", "2")]
    async with session.post(url, data=sent) as response:
        assert await response.json() == CASH


async def test_union_http_unknown_tag_is_422(serve: Serve, session: aiohttp.ClientSession) -> None:
    url = http_url(await serve(Shop), "/order")

    async with session.post(url, json={"payment": {}, "refunds": [{"method": "x"}]}) as response:
        assert (response.status, (await response.json())["errors"]) == (
            422,
            [
                {"path": "body.payment.method", "code": "missing", "message": "is missing"},
                {
                    "path": "body.refunds[0].method",
                    "code": "choice",
                    "message": "expected one of 'card', 'cash'",
                    "params": {"choices": ["card", "cash"]},
                },
            ],
        )


async def test_union_socket_body_is_decoded_and_acknowledgement_encoded(serve: Serve) -> None:
    async with client(await serve(Shop)) as socket:
        assert (await socket.call("pay", CASH))["content"] == CASH
        assert (await socket.call("order", {"body": ORDER}))["content"] == ORDER
        failure = await socket.call("pay", {"method": 1})
        assert (failure["statusCode"], failure["errors"][0]["path"]) == (422, "body.method")
