"""Values whose class derives from str, int, datetime and so on are sent as their base class.

Template engines (`Markup`), SQLAlchemy (`quoted_name`), numpy (`float64`) and freezegun
(`FakeDatetime`) return such values.
"""

import datetime as dt
import json
from collections import OrderedDict
from collections.abc import Callable
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import aiohttp
import attrs
import msgspec
import pytest

from rxkernel import (
    Acknowledgement,
    EventStreamResponse,
    Response,
    ServerSentEvent,
    encode_json,
    http,
    websocket,
)
from rxkernel.kernel.binding.response_shape import shape_of
from rxkernel.kernel.messagepack import encode_msgpack
from rxkernel.kernel.serialization import to_plain
from tests.servers.conftest import Serve, http_url
from tests.servers.socketio_clients import client


class Text(str):
    def __str__(self) -> str:
        return self  # as in Django's SafeString


class Count(int):
    def __int__(self) -> int:
        return 99


class Ratio(float):
    pass


class Price(Decimal):
    pass


class Day(dt.date):
    pass


class Moment(dt.datetime):
    pass


class Hour(dt.time):
    pass


class Span(dt.timedelta):
    pass


class Id(UUID):
    pass


class Raw(bytes):
    pass


class Buffer(bytearray):
    pass


class Items(list[Any]):
    pass


class Pair(tuple[Any, ...]):
    pass


class Table(dict[Any, Any]):
    pass


class Distinct(set[Any]):
    pass


class Frozen(frozenset[Any]):
    pass


_ZONE = dt.timezone(dt.timedelta(hours=2))
_VALUES: list[tuple[Any, Any]] = [
    (Text("a"), "a"),
    (Count(7), 7),
    (Count(2**70), 2**70),
    (Ratio(1.5), 1.5),
    (Price("1.50"), Decimal("1.50")),
    (Day(2024, 2, 29), dt.date(2024, 2, 29)),
    (Moment(2024, 1, 1, 10), dt.datetime(2024, 1, 1, 10)),
    (Moment(2024, 1, 1, 10, 0, 0, 5, _ZONE), dt.datetime(2024, 1, 1, 10, 0, 0, 5, _ZONE)),
    (Hour(10, 0, 0, 5), dt.time(10, 0, 0, 5)),
    (Hour(10, tzinfo=dt.UTC), dt.time(10, tzinfo=dt.UTC)),
    (Span(-1, 5), dt.timedelta(-1, 5)),
    (Id(int=1), UUID(int=1)),
    (Raw(b"x"), b"x"),
    (Buffer(b"x"), b"x"),
    (Items([Text("a"), Count(1)]), ["a", 1]),
    (Pair([Text("a"), Count(1)]), ["a", 1]),
    (Table({Text("a"): Count(1)}), {"a": 1}),
    (OrderedDict(a=Moment(2024, 1, 1)), {"a": dt.datetime(2024, 1, 1)}),
    (Distinct([Text("a")]), ["a"]),
    (Frozen([Count(1)]), [1]),
    ({Count(1): 1}, {"1": 1}),
    ({Day(2024, 1, 1): 1}, {"2024-01-01": 1}),
    ({Raw(b"k"): Raw(b"x")}, {"aw==": b"x"}),
]
_IDS = [f"{type(value).__name__}-{place}" for place, (value, _) in enumerate(_VALUES)]

with_values = pytest.mark.parametrize(("value", "plain"), _VALUES, ids=_IDS)


def _is_exact(value: Any) -> bool:
    if isinstance(value, dict):
        return type(value) is dict and all(map(_is_exact, value.values()))
    if isinstance(value, list):
        return type(value) is list and all(map(_is_exact, value))
    return type(value) in (str, int, float, bytes, bytearray)


@with_values
@pytest.mark.parametrize("around", [lambda v: v, lambda v: [v], lambda v: {"a": {"b": v}}])
def test_value_of_subclass_is_encoded_as_base_class(
    value: Any, plain: Any, around: Callable[[Any], Any]
) -> None:
    assert encode_json(around(value)) == encode_json(around(plain))
    assert to_plain(around(value)) == to_plain(around(plain))
    assert _is_exact(to_plain(around(value)))


def test_fold_of_datetime_of_subclass_is_kept() -> None:
    """The second 02:30 of the night when summer time ends has another offset."""

    class Zone(dt.tzinfo):
        def utcoffset(self, when: dt.datetime | None) -> dt.timedelta:
            return dt.timedelta(hours=1 if when is not None and when.fold else 2)

        def dst(self, when: dt.datetime | None) -> None:
            return None

        def tzname(self, when: dt.datetime | None) -> None:
            return None

    value = Moment(2024, 10, 27, 2, 30, tzinfo=Zone(), fold=1)

    assert encode_json(value) == b'"2024-10-27T02:30:00+01:00"'


def test_bool_as_key_is_not_encoded_as_int() -> None:
    with pytest.raises(TypeError, match="bool cannot be encoded as JSON"):
        encode_json({True: 1})


def test_value_of_freezegun_is_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """freezegun replaces the class in the module ``datetime`` and in each module that uses it."""
    monkeypatch.setattr(dt, "datetime", Moment)
    monkeypatch.setattr("rxkernel.kernel.plain_types.datetime", Moment)

    assert encode_json([Moment(2024, 1, 1)]) == b'["2024-01-01T00:00:00"]'


@attrs.frozen
class Holder:
    held: Any


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({b"k": b"x"}, {"aw==": b"x"}),
        ([{"a": {b"k": {b"k": 1, 7: 1}}}], [{"a": {"aw==": {"aw==": 1, "7": 1}}}]),
        (Holder({b"k": [Holder({b"k": 1})]}), {"held": {"aw==": [{"held": {"aw==": 1}}]}}),
        (MappingProxyType({b"k": (1, 2)}), {"aw==": [1, 2]}),
    ],
)
def test_key_of_bytes_is_base64_in_every_format(value: Any, plain: Any) -> None:
    assert json.loads(encode_json(value)) == json.loads(encode_json(plain))
    assert to_plain(value) == plain
    assert msgspec.msgpack.decode(encode_msgpack(value)) == plain


@pytest.mark.parametrize("key", [True, None, (1, 2)], ids=repr)
def test_key_without_text_is_rejected_in_every_format(key: Any) -> None:
    for encode in (encode_json, to_plain, encode_msgpack):
        with pytest.raises(TypeError):
            encode([{key: 1}])


# --- typed


@attrs.frozen
class Entry:
    name: str
    at: dt.datetime
    count: int = 1
    ratio: float = 1.0
    price: Decimal | None = None
    day: dt.date | None = None


class Row:
    """An object of an ORM."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values, secret="s3cret")


_FIELDS: dict[str, Any] = {
    "name": Text("a"),
    "at": Moment(2024, 1, 1),
    "count": Count(7),
    "ratio": Ratio(1.5),
    "price": Price("1.50"),
    "day": Day(2024, 1, 1),
}
_SENT = {
    "name": "a",
    "at": "2024-01-01T00:00:00",
    "count": 7,
    "ratio": 1.5,
    "price": "1.50",
    "day": "2024-01-01",
}


@pytest.mark.parametrize("make", [Entry, dict, Row, Table])
def test_typed_object_with_values_of_subclasses_is_sent(make: Callable[..., Any]) -> None:
    value = make(**_FIELDS)
    for type_, returned, sent in (
        (Entry, value, _SENT),
        (list[Entry], [value], [_SENT]),
        (list[Entry], Pair([value]), [_SENT]),
        (list[Entry | None], [value, None], [_SENT, None]),
        (dict[str, Entry], Table({Text("a"): value}), {"a": _SENT}),
    ):
        shape = shape_of(type_, "action")
        assert shape is not None
        assert json.loads(encode_json(shape(returned))) == sent


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (str, Text("a")),
        (int, Count(7)),
        (float, Ratio(1.5)),
        (float, Count(7)),
        (Decimal, Price("1.50")),
        (dt.date, Day(2024, 1, 1)),
        (dt.datetime, Moment(2024, 1, 1)),
        (dt.time, Hour(10)),
        (dt.timedelta, Span(1)),
        (UUID, Id(int=1)),
        (bytes, Raw(b"x")),
        (bytearray, Buffer(b"x")),
    ],
)
def test_typed_value_of_subclass_is_sent(type_: Any, value: Any) -> None:
    item: Any = msgspec.json.decode(encode_json(value))
    for declared, returned, sent in (
        (type_, value, item),
        (type_ | None, value, item),
        (list[type_], [value], [item]),
        (tuple[type_, ...], Pair([value]), [item]),
        (dict[str, type_], {Text("a"): value}, {"a": item}),
    ):
        shape = shape_of(declared, "action")
        assert shape is not None
        assert json.loads(encode_json(shape(returned))) == sent


# --- over HTTP and Socket.IO


class Values:
    @http("GET", "/values", "values")
    @websocket("values")
    async def values(self) -> Any:
        return {Text("a"): [value for value, _ in _VALUES]}

    @http("GET", "/typed", "typed")
    @websocket("typed")
    async def typed(self) -> list[Entry]:
        return [Entry(**_FIELDS), _FIELDS]  # type: ignore[list-item]

    @http("GET", "/key", "key")
    @websocket("key")
    async def key(self) -> Any:
        return {b"k": 1}

    @http("GET", "/typed-key", "typed_key")
    @websocket("typed_key")
    async def typed_key(self) -> dict[bytes, int]:
        return {b"k": 1}

    @http("GET", "/text", "text")
    async def text(self) -> Response:
        return Response(Text("a"))

    @http("GET", "/raw", "raw")
    async def raw(self) -> Response:
        return Response(Raw(b"x"))

    @http("GET", "/events", "events")
    async def events(self) -> EventStreamResponse:
        async def source() -> Any:
            yield ServerSentEvent(data=[Moment(2024, 1, 1)])

        return EventStreamResponse(source())

    @websocket("plain")
    async def plain(self) -> Acknowledgement:
        return Acknowledgement(Moment(2024, 1, 1), Raw(b"x"), Text("a"))


async def test_http_values_of_subclasses_are_sent(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Values)
    plain = {"a": [plain for _, plain in _VALUES]}

    async with session.get(http_url(application, "/values")) as response:
        assert await response.read() == encode_json(plain)
    async with session.get(http_url(application, "/typed")) as response:
        assert await response.json() == [_SENT, _SENT]
    async with session.get(http_url(application, "/text")) as response:
        assert await response.read() == b"a"
    async with session.get(http_url(application, "/raw")) as response:
        assert await response.read() == b"x"
    async with session.get(http_url(application, "/events")) as response:
        assert await response.read() == b'data: ["2024-01-01T00:00:00"]\n\n'


async def test_http_msgpack_values_of_subclasses_are_sent(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    headers = {"Accept": "application/msgpack"}

    async with session.get(http_url(await serve(Values), "/typed"), headers=headers) as response:
        assert response.content_type == "application/msgpack"
        assert msgspec.msgpack.decode(await response.read()) == [_SENT, _SENT]


async def test_acknowledgement_values_of_subclasses_are_sent(serve: Serve) -> None:
    async with client(await serve(Values)) as sio:
        values = (await sio.call("values"))["content"]["a"]
        assert values == to_plain([plain for _, plain in _VALUES])
        assert (await sio.call("typed"))["content"] == [_SENT, _SENT]
        assert await sio.call("plain") == ("2024-01-01T00:00:00", b"x", "a")


async def test_key_of_bytes_is_sent_alike_over_every_transport(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Values)
    headers = {"Accept": "application/msgpack"}

    for name in ("key", "typed_key"):
        url = http_url(application, f"/{name.replace('_', '-')}")
        async with session.get(url) as response:
            assert await response.json() == {"aw==": 1}
        async with session.get(url, headers=headers) as response:
            assert msgspec.msgpack.decode(await response.read()) == {"aw==": 1}
        async with client(application) as sio:
            assert (await sio.call(name))["content"] == {"aw==": 1}
