"""A custom scalar is read and sent as one plain value, wherever its class occurs."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import attrs
import msgspec
import pytest

from rxkernel import (
    Body,
    Broadcaster,
    Bundle,
    ConfigurationError,
    Connection,
    Converter,
    Cookie,
    EventStreamResponse,
    Header,
    Query,
    Request,
    Response,
    Scalar,
    ServerSentEvent,
    ValidationError,
    http,
    websocket,
)
from rxkernel.pytest_plugin import ClientOf


class Money:
    """An amount of cents in a currency; ``2.50 EUR`` as text."""

    def __init__(self, cents: int, currency: str = "EUR") -> None:
        self.cents, self.currency = cents, currency

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and str(other) == str(self)

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        return f"{self.cents / 100:.2f} {self.currency}"

    __repr__ = __str__

    @classmethod
    def parse(cls, text: str) -> Self:
        amount, _, currency = text.partition(" ")
        if currency == "BUG":
            raise KeyError(currency)
        if currency == "TYPE":
            raise TypeError(currency)
        if currency == "OWN":
            raise ValidationError("is not traded here", code="currency")
        if len(currency) != 3:
            raise ValueError(f"no currency: {text}")
        return cls(round(float(amount) * 100), currency)


class Tip(Money):
    """A subclass without a scalar of its own."""


class Rate(Decimal):
    """A subclass of a plain type."""


class Slug(str):
    """A subclass of str, whose text differs on the wire."""


class Track:
    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Track) and other.number == self.number


SCALARS = [
    Scalar(Money, decode=Money.parse, encode=str),
    Scalar(Rate, decode=Rate, encode=Decimal, wire=Decimal),
    Scalar(Slug, decode=lambda text: Slug(text.lower()), encode=lambda slug: f"/{slug}"),
    Scalar(
        Track,
        decode=Track,
        encode=lambda track: track.number,
        wire=Annotated[int, msgspec.Meta(ge=1)],
    ),
]
EUR, ONE, SEVENTH = Money(250), Rate("1"), Track(7)


@attrs.frozen
class Line:
    price: Money
    tip: Money | None = None
    rate: Rate = ONE


@attrs.frozen
class Cash:
    kind: Literal["cash"]
    amount: Money


@attrs.frozen
class Gift:
    kind: Literal["gift"]
    slug: Slug


@attrs.frozen
class Bill:
    lines: list[Line]
    prices: dict[str, Money] = attrs.field(factory=dict)
    by: dict[Money, int] = attrs.field(factory=dict)
    paid: Cash | Gift | None = None
    either: Money | int | list[Money] = 0


class Shop:
    @http("POST", "/bill", "bill")
    @websocket("bill")
    async def bill(self, bill: Bill) -> Bill:
        return bill

    @http("GET", "/money/{price}", "path")
    @websocket("path")
    async def path(self, price: Money) -> Money:
        return price

    @http("GET", "/query", "query")
    @websocket("query")
    async def query(
        self, price: Money, more: list[Money], tip: Money | None = None, track: Track = SEVENTH
    ) -> list[Any]:
        return [price, *more, tip, track]

    @http("GET", "/class", "class")
    async def of_class(self, line: Annotated[Line, Query()]) -> Line:
        return line

    @http("GET", "/sent", "sent")
    async def sent(
        self,
        x_price: Annotated[Money, Header()],
        x_all: Annotated[list[Money], Header("X-All")],
        tip: Annotated[Money, Cookie()],
    ) -> list[Money]:
        return [x_price, *x_all, tip]

    @http("POST", "/whole", "whole")
    @websocket("whole")
    async def whole(self, price: Annotated[Money, Body()]) -> dict[str, Any]:
        return {"price": price, "tip": Tip(1), "slug": Slug("a")}

    @http("GET", "/track/{track:int}", "track")
    async def track(self, track: Track) -> Track:
        return track


def errors_of(response: Response) -> dict[str, str]:
    assert response.status_code == 422, response.content
    return {error["path"]: error["code"] for error in response.content["errors"]}


WIRE = {
    "lines": [{"price": "2.50 EUR", "rate": "0.10"}],
    "prices": {"a": "2.50 EUR"},
    "by": {"2.50 EUR": 1},
    "paid": {"kind": "cash", "amount": "2.50 EUR"},
    "either": ["2.50 EUR"],
}
BILL = Bill([Line(EUR, None, Rate("0.10"))], {"a": EUR}, {EUR: 1}, Cash("cash", EUR), either=[EUR])


async def test_scalar_body_is_decoded_at_every_depth(client_of: ClientOf) -> None:
    client = client_of(Shop, scalars=SCALARS)
    for call in (client.http, client.websocket):
        response = await call("bill", body=WIRE)
        assert (response.status_code, response.content) == (200, BILL)
        assert type(response.content.lines[0].rate) is Rate
        response = await call("bill", body=BILL)
        assert response.content == BILL


@pytest.mark.parametrize(
    ("sent", "value"), [(5, 5), ("2.50 EUR", EUR), (["1.00 EUR"], [Money(100)])]
)
async def test_scalar_in_union_is_chosen_by_wire_type(
    client_of: ClientOf, sent: Any, value: Any
) -> None:
    client = client_of(Shop, scalars=SCALARS)
    response = await client.http("bill", body={"lines": [], "either": sent})
    assert response.content.either == value


async def test_scalar_body_invalid_is_422_with_paths(client_of: ClientOf) -> None:
    client = client_of(Shop, scalars=SCALARS)
    body = {
        "lines": [{"price": "2.50"}, {"price": 5, "tip": "1 TYPE", "rate": True}, {}],
        "prices": {"a": "1 OWN"},
        "by": {"x": 1},
        "paid": {"kind": "cash", "amount": None},
        "either": True,
    }
    for call in (client.http, client.websocket):
        assert errors_of(await call("bill", body=body)) == {
            "body.lines[0].price": "invalid",
            "body.lines[1].price": "type",
            "body.lines[1].tip": "invalid",
            "body.lines[1].rate": "type",
            "body.lines[2].price": "missing",
            "body.prices.a": "currency",
            "body.by.x": "invalid",
            "body.paid.amount": "type",
            "body.either": "type",
        }


async def test_scalar_decode_other_exception_is_500(client_of: ClientOf) -> None:
    client = client_of(Shop, scalars=SCALARS)
    for call in (client.http, client.websocket):
        response = await call("path", params={"price": "1 BUG"})
        assert response.status_code == 500


async def test_scalar_decode_returns_other_class_is_500(client_of: ClientOf) -> None:
    scalar = Scalar(Money, decode=lambda text: None, encode=str)
    client = client_of(Shop, scalars=[scalar, *SCALARS[1:]])
    assert (await client.http("path", params={"price": "1 EUR"})).status_code == 500


async def test_scalar_in_path_query_header_and_cookie_is_decoded(client_of: ClientOf) -> None:
    client = client_of(Shop, scalars=SCALARS)
    one = Money(100)
    for price in (EUR, "2.50 EUR"):
        response = await client.http("path", params={"price": price})
        assert (response.status_code, response.content) == (200, EUR)
        response = await client.websocket("path", params={"price": price})
        assert response.content == EUR
    for call in (client.http, client.websocket):
        response = await call("query", params={"price": EUR, "more": [EUR, one], "track": 3})
        assert response.content == [EUR, EUR, one, None, Track(3)]
    response = await client.http("class", params={"price": EUR, "rate": "0.5"})
    assert response.content == Line(EUR, None, Rate("0.5"))
    headers = {"X-Price": "2.50 EUR", "X-All": "1.00 EUR"}
    response = await client.http("sent", headers=headers, cookies={"tip": "1.00 EUR"})
    assert response.content == [EUR, one, one]
    response = await client.http("track", params={"track": Track(4)})
    assert response.content == Track(4)


async def test_scalar_params_invalid_is_422(client_of: ClientOf) -> None:
    client = client_of(Shop, scalars=SCALARS)
    params = {"price": "x", "more": ["1 EUR", "y"], "track": "0"}
    assert errors_of(await client.http("query", params=params)) == {
        "params.price": "invalid",
        "params.more[1]": "invalid",
        "params.track": "too_small",
    }
    headers = {"X-Price": "x", "X-All": "1.00 EUR"}
    assert errors_of(await client.http("sent", headers=headers)) == {
        "headers.x-price": "invalid",
        "cookies.tip": "missing",
    }


async def test_scalar_form_empty_input_counts_as_not_sent(client_of: ClientOf) -> None:
    class Forms:
        @http("POST", "/form", "form")
        async def form(self, line: Line) -> Line:
            return line

    client = client_of(Forms, scalars=SCALARS)
    response = await client.http("form", form={"price": EUR, "tip": "", "rate": "2"})
    assert response.content == Line(EUR, None, Rate("2"))
    assert errors_of(await client.http("form", form={"price": ""})) == {"body.price": "missing"}


async def test_scalar_as_whole_body_is_decoded(client_of: ClientOf) -> None:
    client = client_of(Shop, scalars=SCALARS)
    for call in (client.http, client.websocket):
        assert (await call("whole", body="2.50 EUR")).content["price"] == EUR
        assert errors_of(await call("whole", body={"a": 1})) == {"body": "type"}


async def test_scalar_value_of_path_converter_is_not_decoded_again(client_of: ClientOf) -> None:
    class Converted:
        @http("GET", "/{price:money}", "price")
        async def price(self, price: Money) -> Money:
            return price

    converters = {"money": Converter(".+", Money.parse, str)}
    client = client_of(Converted, scalars=SCALARS, converters=converters)
    assert (await client.http("price", params={"price": EUR})).content == EUR


async def test_scalar_in_built_path_is_the_wire_value(client_of: ClientOf) -> None:
    class Links:
        @http("GET", "/links/{price}", "links")
        async def links(self, request: Request, price: Money, track: Track) -> str:
            return request.path_for("links", price=price, track=track)

    client = client_of(Links, scalars=SCALARS)
    response = await client.http("links", params={"price": EUR, "track": 2})
    assert response.content == "/links/2.50%20EUR?track=2"


async def test_scalar_in_event_to_clients_is_encoded(client_of: ClientOf) -> None:
    class Events:
        @websocket("emit")
        async def emit(self, connection: Connection) -> None:
            await connection.emit("price", EUR, {"tip": Tip(1)}, Line(EUR))

    client = client_of(Events, scalars=SCALARS)
    async with client.connection() as connection:
        await client.websocket("emit", connection=connection)
        broadcaster = client.application.injector.get(Broadcaster)
        await broadcaster.emit("all", [EUR])
        line = {"price": "2.50 EUR", "tip": None, "rate": "1"}
        assert connection.emitted == [
            ("price", ("2.50 EUR", {"tip": "0.01 EUR"}, line)),
            ("all", (["2.50 EUR"],)),
        ]


async def test_scalar_returned_of_other_type_is_500(client_of: ClientOf) -> None:
    class Wrong:
        @http("GET", "/one", "one")
        async def one(self) -> Money:
            return "2.50 EUR"  # type: ignore[return-value]

        @http("GET", "/line", "line")
        async def line(self) -> Line:
            return {"price": 5}  # type: ignore[return-value]

        @http("GET", "/tip", "tip")
        async def tip(self) -> list[Money]:
            return [Tip(5)]

    client = client_of(Wrong, scalars=SCALARS)
    assert (await client.http("one")).status_code == 500
    assert (await client.http("line")).status_code == 500
    assert (await client.http("tip")).content == [Tip(5)]


async def test_scalar_encode_wrong_result_is_500(client_of: ClientOf) -> None:
    class Shown:
        @http("GET", "/", "show")
        async def show(self) -> list[Any]:
            return [EUR]

    for encode in (lambda money: money, lambda money: 5):
        client = client_of(Shown, scalars=[Scalar(Money, decode=Money.parse, encode=encode)])
        assert (await client.http("show")).status_code == 500


# --- at boot


@attrs.define
class Model:
    x: int


@pytest.mark.parametrize(
    ("scalars", "reason"),
    [
        ([SCALARS[0], SCALARS[0]], "the application: two scalars have the type Money"),
        ([Scalar(str, decode=str, encode=str)], "the scalar of str is not possible"),
        ([Scalar(int, decode=int, encode=int, wire=int)], "the scalar of int is not possible"),
        ([Scalar(Decimal, decode=Decimal, encode=str)], "the scalar of Decimal is not possible"),
        ([Scalar(Model, decode=str, encode=str)], "the scalar of Model is not possible"),
        ([Scalar(object, decode=str, encode=str)], "must be for a class of your own"),
        ([Scalar(list[int], decode=str, encode=str)], "must be for a class of your own"),
        ([Scalar(type("L", (list,), {}), decode=str, encode=str)], "derives from list, tuple"),
        ([Scalar(type("U", (UUID,), {}), decode=str, encode=str)], "UUID or Enum, which msgspec"),
        ([Scalar(Money, decode=5, encode=str)], "has the decode 5; pass a function"),  # type: ignore[arg-type]
        ([Scalar(Money, decode=str, encode=str, wire=Model)], "has the wire type .*Model"),
        ([Scalar(Money, decode=str, encode=str, wire=str | None)], "has the wire type"),
        (
            [Scalar(Money, decode=str, encode=str, wire=Annotated[str, msgspec.Meta(ge=1)])],
            "has an invalid wire type: Can only set `ge`",
        ),
        ([Money], "is not a Scalar; write Scalar"),
        ("Money", "scalars is 'Money'; write scalars="),
    ],
)
async def test_scalar_invalid_is_rejected_at_boot(
    client_of: ClientOf, scalars: Any, reason: str
) -> None:
    class Home:
        @http("GET", "/", "home")
        async def home(self) -> str:
            return ""

    with pytest.raises(ConfigurationError, match=reason):
        await client_of(Home, scalars=scalars).application.boot()


async def test_scalar_with_async_decode_is_rejected_at_boot(client_of: ClientOf) -> None:
    async def decode(text: str) -> Money:
        return EUR

    scalar = Scalar(Money, decode=decode, encode=str)
    with pytest.raises(ConfigurationError, match="has a decode that is an async def"):
        await client_of(Shop, scalars=[scalar, *SCALARS[1:]]).application.boot()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Money | str, r"Money \| str has two members with the same JSON type"),
        (Money | Slug, r"Money \| Slug has two members with the same JSON type"),
        (list[Track | int], r"Track \| int has two members with the same JSON type"),
        (Money | object, "in a union is not supported|cannot be read"),
        (Tip, "Tip cannot be read from a request"),
        (Tip | int, "Tip.* in a union is not supported"),
    ],
)
async def test_scalar_ambiguous_union_is_rejected_at_boot(
    client_of: ClientOf, kind: Any, reason: str
) -> None:
    async def action(self: Any, x: Any) -> None: ...

    action.__annotations__ = {"x": Annotated[kind, Body()], "return": None}
    things = type("Things", (), {"action": http("POST", "/", "thing")(action)})
    with pytest.raises(ConfigurationError, match=reason):
        await client_of(things, scalars=SCALARS).application.boot()


async def test_scalar_unknown_class_error_names_scalar(client_of: ClientOf) -> None:
    with pytest.raises(ConfigurationError, match=r"or add scalars=\[Scalar\(Money, …\)\]"):
        await client_of(Shop).application.boot()


# --- scalars of bundles


class MoneyBundle(Bundle):
    name = "money"
    scalars = SCALARS


async def test_scalar_of_bundle_is_decoded(client_of: ClientOf) -> None:
    client = client_of(Shop, bundles=[MoneyBundle])
    assert (await client.http("path", params={"price": "1.00 EUR"})).content == Money(100)


async def test_scalar_of_bundle_and_application_is_rejected_at_boot(client_of: ClientOf) -> None:
    client = client_of(Shop, bundles=[MoneyBundle], scalars=SCALARS[:1])
    with pytest.raises(
        ConfigurationError, match="the application and bundle 'money': two scalars have the type"
    ):
        await client.application.boot()


async def test_bundle_scalars_wrong_type_is_rejected_at_boot(client_of: ClientOf) -> None:
    class Wrong(Bundle):
        name = "wrong"
        scalars = (Money,)  # type: ignore[assignment]

    with pytest.raises(ConfigurationError, match=r"scalars contains .*Money; it must be a Scalar"):
        await client_of(Shop, bundles=[Wrong]).application.boot()


async def test_scalars_of_two_applications_are_separate(client_of: ClientOf) -> None:
    class Shown:
        @websocket("show")
        async def show(self, connection: Connection) -> None:
            await connection.emit("price", [EUR])

    for encode in (str, lambda money: f"{money.cents}c"):
        scalar = Scalar(Money, decode=Money.parse, encode=encode)
        client = client_of(Shown, scalars=[scalar])
        async with client.connection() as connection:
            await client.websocket("show", connection=connection)
            assert connection.emitted == [("price", ([encode(EUR)],))]


async def test_signature_has_scalars_for_documentation(client_of: ClientOf) -> None:
    client = client_of(Shop, scalars=SCALARS)
    await client.application.boot()
    signature = client.application.kernel.http_definitions["path"].signature
    scalar = signature.scalars.get(signature.parameters[0].type)
    assert scalar is not None
    assert (scalar.type, scalar.wire) == (Money, str)
    assert signature.scalars.get(signature.returns) is scalar


async def test_scalar_of_decimal_reads_exact_numbers(client_of: ClientOf) -> None:
    client = client_of(Shop, scalars=SCALARS)
    raw = b'{"lines": [{"price": "1.00 EUR", "rate": 12345678901234567.89}]}'
    headers = {"Content-Type": "application/json"}
    response = await client.http("bill", body=raw, headers=headers)
    assert response.content.lines[0].rate == Rate("12345678901234567.89")


async def test_scalar_event_stream_of_kernel_client_is_unchanged(client_of: ClientOf) -> None:
    class Streams:
        @http("GET", "/", "stream")
        async def stream(self) -> EventStreamResponse:
            async def events() -> AsyncIterator[ServerSentEvent]:
                yield ServerSentEvent(data=EUR)

            return EventStreamResponse(events())

    client = client_of(Streams, scalars=SCALARS)
    response = await client.http("stream")
    assert [event.data async for event in response.content] == [EUR]
