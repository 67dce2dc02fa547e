"""Arguments are bound from the request on both transports, or rejected with every error."""

import enum
import math
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, NotRequired, TypedDict
from uuid import UUID

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from injector import Binder, singleton
from multidict import MultiDict

from rxkernel import (
    Body,
    ConfigurationError,
    Connection,
    Cookie,
    Header,
    Inject,
    KernelClient,
    KernelEvents,
    Query,
    Request,
    RequestEvent,
    Response,
    UnauthorizedException,
    UploadedFile,
    ValidationError,
    http,
    observe,
    request_scope,
    websocket,
)
from rxkernel.kernel.binding.validation_errors import ValidationErrors
from rxkernel.kernel.binding.validator import Validator
from rxkernel.kernel.route import Route
from rxkernel.pytest_plugin import ClientOf
from rxkernel.routing.targets import member_of


class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"


@attrs.frozen
class Item:
    name: str
    price: Annotated[float, msgspec.Meta(ge=0)]
    size: Size | None = None


@attrs.frozen
class Order:
    items: list[Item]
    note: str | None = None
    tags: dict[str, Item] = attrs.field(factory=dict)


@dataclass
class Filter:
    limit: int = 10
    tag: list[str] = field(default_factory=list)
    word: str | None = None


class Shop:
    @http("GET", "/orders/{id}", "show")
    @websocket("show")
    async def show(self, id: int, verbose: bool = False) -> dict[str, Any]:
        return {"id": id, "verbose": verbose}

    @http("POST", "/orders", "create")
    @websocket("create")
    async def create(self, order: Order) -> Any:
        return order

    @http("GET", "/search", "search")
    @websocket("search")
    async def search(self, filter: Annotated[Filter, Query()]) -> Any:
        return filter

    @http("POST", "/both", "both")
    @websocket("both")
    async def both(
        self, first: Item, second: Item, count: Annotated[int, Body("how_many")]
    ) -> Any:
        return [first.name, second.name, count]

    @http("GET", "/many", "many")
    @websocket("many")
    async def many(self, id: list[int], size: Size = Size.SMALL, day: date | None = None) -> Any:
        return [id, size, day]

    @http("GET", "/head", "head")
    async def head(
        self,
        x_token: Annotated[str, Header],
        session: Annotated[int | None, Cookie()] = None,
        accept: Annotated[list[str], Header()] = [],  # noqa: B006 - what is tested
        etag: Annotated[str | None, Header("If-None-Match")] = None,
    ) -> Any:
        accept.append("seen")
        return [x_token, session, accept, etag]


@pytest.fixture(params=["http", "websocket"])
def ask(client_of: ClientOf, request: pytest.FixtureRequest) -> Any:
    """Call a route of `Shop` by name over one transport; a test runs once for each."""
    return getattr(client_of(Shop), request.param)


def errors_of(response: Response) -> dict[str, str]:
    """Return the errors of a 422, by path."""
    assert response.status_code == 422, response.content
    assert response.content["message"] == "validation failed; see errors"
    return {error["path"]: error["message"] for error in response.content["errors"]}


class TestParameters:
    async def test_path_and_query_are_bound_by_name_and_converted(self, ask: Any) -> None:
        assert (await ask("show", params={"id": "7"})).content == {"id": 7, "verbose": False}
        given = {"id": "7", "verbose": "true"}
        assert (await ask("show", params=given)).content == {"id": 7, "verbose": True}

    async def test_invalid_input_reports_every_error_without_the_value(self, ask: Any) -> None:
        response = await ask("show", params={"id": "s3cret", "verbose": "s3cret"})

        assert errors_of(response) == {
            "params.id": "expected int",
            "params.verbose": "expected bool",
        }
        assert "s3cret" not in str(response.content)

    async def test_missing_parameter_is_an_error(self, ask: Any) -> None:
        assert errors_of(await ask("many")) == {"params.id": "is missing"}

    async def test_list_gets_all_values_of_its_name(self, client_of: ClientOf) -> None:
        client = client_of(Shop)
        await client.application.boot()
        handler = client.application.kernel.http_definitions["many"].handler
        request = Request("HTTP", params=MultiDict([("id", "1"), ("id", "2"), ("size", "l")]))

        assert (await handler(request)).content == [[1, 2], Size.LARGE, None]
        over_socket = await client.websocket("many", params={"id": [1, "2"], "day": "2026-01-02"})
        assert over_socket.content == [[1, 2], Size.SMALL, date(2026, 1, 2)]
        assert errors_of(await client.websocket("many", params={"id": [1, "x"]})) == {
            "params.id[1]": "expected int"
        }

    async def test_class_in_query_gets_a_parameter_for_each_field(self, ask: Any) -> None:
        assert (await ask("search")).content == Filter()
        found = await ask("search", params={"limit": "3", "tag": "a", "other": "x"})
        assert found.content == Filter(3, ["a"])
        assert errors_of(await ask("search", params={"limit": "x"})) == {
            "params.limit": "expected int"
        }

    async def test_text_null_in_query_is_not_none(self, client_of: ClientOf) -> None:
        class Words:
            @http("GET", "/", "words")
            async def words(self, word: str | None, count: int | None = None) -> Any:
                return [word, count]

        client = client_of(Words)
        assert (await client.http("words", params={"word": "null"})).content == ["null", None]
        assert errors_of(await client.http("words", params={"word": "a", "count": "null"})) == {
            "params.count": "expected int"
        }
        assert errors_of(await client.http("words")) == {"params.word": "is missing"}

    @pytest.mark.parametrize("text", ["nan", "NaN", "-inf", "Infinity", "1e9999"])
    @pytest.mark.parametrize("kind", [float, Decimal, float | None])
    def test_number_not_finite_is_an_error(self, text: str, kind: Any) -> None:
        found = ValidationErrors()
        Validator(kind).read(text, "params.x", found, lenient=True)
        assert len(found.entries) == 1

    @pytest.mark.parametrize(
        ("text", "fits"),
        [
            ("1e400", True),
            ("-1E+6144", True),
            ("1e6145", False),
            ("1e-6176", True),
            ("1e-6177", False),
            ("0e-999999999", False),
            ("1e-999999999", False),
            ("0." + "7" * 6000, True),
            ("7" * 7001, False),
            ("sNaN", False),
            ("0", True),
        ],
    )
    def test_decimal_beyond_decimal128_is_an_error(self, text: str, fits: bool) -> None:
        """1e400 is a valid number, but not a float; sums with 1e-999999999 would fail."""
        for lenient in (False, True):
            found = ValidationErrors()
            value = Validator(Decimal).read(text, "params.x", found, lenient)
            assert (value, found.entries) == (Decimal(text), []) if fits else found.entries

    async def test_mutable_default_is_copied(self, client_of: ClientOf) -> None:
        client = client_of(Shop)
        for _ in range(2):
            response = await client.http("head", headers={"X-Token": "t"})
            assert response.content == ["t", None, ["seen"], None]

    async def test_headers_and_cookies_are_bound_by_name(self, client_of: ClientOf) -> None:
        client = client_of(Shop)
        headers = {"x-token": "t", "Accept": "a", "If-None-Match": "e"}
        response = await client.http("head", headers=headers, cookies={"session": "5"})
        assert response.content == ["t", 5, ["a", "seen"], "e"]
        assert errors_of(await client.http("head", cookies={"session": "x"})) == {
            "headers.x-token": "is missing",
            "cookies.session": "expected int",
        }

    @pytest.mark.parametrize(
        ("kind", "path"),
        [
            (Annotated[str, Header("X-A")], "headers.X-A"),
            (Annotated[UUID, Header("X-A")], "headers.X-A"),
            (Annotated[int | None, Header("X-A")], "headers.X-A"),
            (Annotated[list[str], Header("X-A")], "headers.X-A"),
        ],
        ids=str,
    )
    async def test_header_not_utf_8_is_an_error(
        self, client_of: ClientOf, kind: Any, path: str
    ) -> None:
        """PEP 383: a server passes such bytes as lone surrogates, which cannot be encoded."""

        async def action(self: Any, x: Any) -> Any:
            return x

        action.__annotations__["x"] = kind
        controller = type("C", (), {"action": http("GET", "/", "heads")(action)})
        raw = b"caf\xe9".decode(errors="surrogateescape")

        response = await client_of(controller).http("heads", headers={"X-A": raw})
        assert errors_of(response) == {path: "is not valid UTF-8"}

    async def test_cookie_not_utf_8_is_missing(self, client_of: ClientOf) -> None:
        """`parse_cookies` leaves out values that are invalid in a ``Cookie`` header."""

        class Cookies:
            @http("GET", "/", "heads")
            async def heads(self, x: Annotated[str, Cookie("a")]) -> str:
                return x

        raw = b"caf\xe9".decode(errors="surrogateescape")

        response = await client_of(Cookies).http("heads", cookies={"a": raw})
        assert errors_of(response) == {"cookies.a": "is missing"}

    def test_lone_surrogate_is_an_error(self) -> None:
        for kind in (UUID, date, Item, int):
            found = ValidationErrors()
            Validator(kind).read("\udce9", "params.x", found, lenient=True)
            assert len(found.entries) == 1

    async def test_constraints_and_literals_are_checked(self, client_of: ClientOf) -> None:
        class Limits:
            @http("GET", "/", "limits")
            async def limits(
                self,
                page: Annotated[int, msgspec.Meta(ge=1)],
                order: Literal["up", "down"],
                name: Annotated[str, msgspec.Meta(max_length=3), Query("n")] = "",
            ) -> Any:
                return [page, order, name]

        client = client_of(Limits)
        good = {"page": "1", "order": "up", "n": "abc"}
        assert (await client.http("limits", params=good)).content == [1, "up", "abc"]
        bad = {"page": "0", "order": "hostile", "n": "abcd"}
        assert errors_of(await client.http("limits", params=bad)) == {
            "params.page": "expected int >= 1",
            "params.order": "expected one of 'down', 'up'",
            "params.n": "expected str of length <= 3",
        }

    async def test_value_of_path_converter_is_bound_unchanged(self, client_of: ClientOf) -> None:
        class Things:
            @http("GET", "/{id:uuid}/{n:int}", "thing")
            async def thing(self, id: UUID, n: int) -> Any:
                return [id, n]

        params = {"id": str(UUID(int=7)), "n": "4"}
        response = await client_of(Things).http("thing", params=params)
        assert response.content == [UUID(int=7), 4]


ORDER = {"items": [{"name": "tea", "price": 1.5, "size": "s"}]}


class TestBody:
    async def test_class_is_bound_to_the_body(self, ask: Any) -> None:
        assert (await ask("create", body=ORDER)).content == Order([Item("tea", 1.5, Size.SMALL)])

    async def test_every_error_of_a_body_is_reported_with_its_path(self, ask: Any) -> None:
        """Unknown fields, wrong types, null for str, an invalid enum value."""
        item = {"name": None, "price": "1", "size": "XXL", "secret": 1}
        good = ORDER["items"][0]
        body = {
            "items": [good, good, item, 5, {}],
            "note": 1,
            "tags": {"a": good, "b": {"name": "x", "price": -1}},
            "more": {},
        }

        response = await ask("create", body=body)

        assert errors_of(response) == {
            "body.items[2].name": "expected str, got null",
            "body.items[2].price": "expected float, got str",
            "body.items[2].size": "expected one of 's', 'l'",
            "body.items[2].secret": "is not a known field",
            "body.items[3]": "expected object, got int",
            "body.items[4].name": "is missing",
            "body.items[4].price": "is missing",
            "body.note": "expected str, got int",
            "body.tags.b.price": "expected float >= 0.0",
            "body.more": "is not a known field",
        }
        assert "XXL" not in str(response.content)

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (None, "is missing"),
            ([], "expected object, got array"),
            (5, "expected object, got int"),
            ("x", "expected object, got str"),
            (True, "expected object, got bool"),
        ],
    )
    async def test_body_of_another_type_is_an_error(
        self, ask: Any, body: Any, message: str
    ) -> None:
        assert errors_of(await ask("create", body=body)) == {"body": message}

    async def test_several_classes_are_fields_of_the_body(self, ask: Any) -> None:
        item = ORDER["items"][0]
        body = {"first": item, "second": item, "how_many": 3}
        assert (await ask("both", body=body)).content == ["tea", "tea", 3]
        assert errors_of(await ask("both", body={"first": {"name": "x"}, "third": 1})) == {
            "body.third": "is not a known field",
            "body.first.price": "is missing",
            "body.second": "is missing",
            "body.how_many": "is missing",
        }
        assert errors_of(await ask("both", body=[1]))["body"] == "expected object, got array"
        assert set(errors_of(await ask("both"))) == {"body.first", "body.second", "body.how_many"}

    async def test_allow_unknown_ignores_unknown_fields(self, client_of: ClientOf) -> None:
        class Open:
            @http("POST", "/", "open")
            async def open(self, order: Annotated[Order, Body(allow_unknown=True)]) -> Any:
                return order

        item = {"name": "tea", "price": 1, "more": 1}
        response = await client_of(Open).http("open", body={"items": [item], "more": 2})
        assert response.content == Order([Item("tea", 1.0)])

    async def test_number_of_errors_is_limited(self, ask: Any) -> None:
        body = {"items": [], **{f"{n}{'x' * 500}": 0 for n in range(1000)}}
        errors = (await ask("create", body=body)).content["errors"]
        assert len(errors) == 50
        assert max(len(error["path"]) for error in errors) == len("body.") + 50

    async def test_form_is_read_leniently(self, client_of: ClientOf) -> None:
        class Forms:
            @http("POST", "/", "form")
            async def form(self, filter: Filter) -> Any:
                return filter

        client = client_of(Forms)
        form = {"limit": "3", "tag": "a", "word": "null"}
        assert (await client.http("form", form=form)).content == Filter(3, ["a"], "null")
        assert errors_of(await client.http("form", form={"limit": "x", "z": "1"})) == {
            "body.limit": "expected int",
            "body.z": "is not a known field",
        }

    async def test_empty_form_field_is_absent_unless_it_is_a_text(
        self, client_of: ClientOf
    ) -> None:
        """As in FastAPI, but an empty text is kept for a parameter of type `str`."""

        @attrs.frozen
        class Profile:
            name: str
            age: int | None
            born: date | None = None
            stars: int = 3
            size: Size = Size.SMALL

        class Forms:
            @http("POST", "/class", "class")
            async def whole(self, profile: Profile) -> Any:
                return [profile.name, profile.age, profile.born, profile.stars, profile.size]

            @http("POST", "/params", "params")
            async def params(self, name: str, age: int | None = 1, page: int = 1) -> Any:
                return [name, age, page]

            @http("POST", "/fields", "fields")
            async def fields(
                self,
                name: Annotated[str, Body()],
                age: Annotated[int | None, Body()] = None,
                tags: Annotated[list[int], Body()] = [],  # noqa: B006 - what is tested
            ) -> Any:
                return [name, age, tags]

        client = client_of(Forms)
        empty = dict.fromkeys(("name", "age", "born", "stars", "size"), "")
        assert errors_of(await client.http("class", form=empty)) == {"body.age": "is missing"}
        answer = await client.http("class", form={**empty, "age": "7"})
        assert answer.content == ["", 7, None, 3, Size.SMALL]
        assert (await client.http("params", form={"name": "", "age": ""})).content == ["", 1, 1]
        answer = await client.http("params", params={"page": ""}, form={"name": "", "page": ""})
        assert errors_of(answer) == {"params.page": "expected int"}
        assert (await client.http("fields", form={"name": "", "age": ""})).content == [
            "",
            None,
            [],
        ]
        answer = await client.http("fields", form={"name": "", "tags": ""})
        assert answer.content == ["", None, []]
        assert errors_of(await client.http("class", body={**empty, "age": ""})) == {
            "body.age": "expected int, got str",
            "body.born": "expected date (RFC 3339)",
            "body.stars": "expected int, got str",
            "body.size": "expected one of 's', 'l'",
        }

    async def test_form_fields_are_bound_to_several_parameters(self, client_of: ClientOf) -> None:
        class Forms:
            @http("POST", "/", "form")
            async def form(
                self,
                name: Annotated[str, Body()],
                tags: Annotated[list[int], Body()],
                extra: Annotated[int | None, Body()] = None,
            ) -> Any:
                return [name, tags, extra]

        client = client_of(Forms)
        response = await client.http("form", form=MultiDict(name="a", tags="1"))
        assert response.content == ["a", [1], None]
        assert errors_of(await client.http("form", form={"tags": "x"})) == {
            "body.name": "is missing",
            "body.tags[0]": "expected int",
        }

    async def test_form_fields_and_files_are_bound_by_name(self, client_of: ClientOf) -> None:
        class Forms:
            @http("POST", "/{album}", "add")
            @websocket("add")
            async def add(
                self,
                album: str,
                stars: int,
                photo: UploadedFile | None = None,
                more: list[UploadedFile] | None = None,
            ) -> Any:
                return [album, stars, photo and photo.content, len(more or [])]

        client = client_of(Forms)
        file = UploadedFile("a.jpg", b"123")
        response = await client.http(
            "add",
            params={"album": "sea"},
            form={"stars": "5"},
            files={"photo": file, "more": file},
        )
        assert response.content == ["sea", 5, b"123", 1]
        over_socket = await client.websocket("add", params={"album": "sea", "stars": 5})
        assert over_socket.content == ["sea", 5, None, 0]

    async def test_missing_file_is_an_error(self, client_of: ClientOf) -> None:
        class Forms:
            @http("POST", "/", "add")
            async def add(self, photo: UploadedFile, more: list[UploadedFile]) -> None: ...

        assert errors_of(await client_of(Forms).http("add", form={})) == {
            "files.photo": "is missing",
            "files.more": "is missing",
        }

    async def test_missing_optional_file_is_none(self, client_of: ClientOf) -> None:
        """Like a `Connection`: it needs no default for a transport without files."""

        class Photos:
            @http("POST", "/", "add")
            @websocket("add")
            async def add(
                self, photo: UploadedFile | None, more: list[UploadedFile] | None
            ) -> Any:
                return [photo, more]

        client = client_of(Photos)
        assert (await client.websocket("add")).content == [None, None]
        assert (await client.http("add", form={"a": "1"})).content == [None, None]

    async def test_body_of_any_parameter_type_is_passed(self, client_of: ClientOf) -> None:
        class Raw:
            @http("POST", "/bytes", "bytes")
            @websocket("bytes")
            async def raw(self, body: bytes) -> Any:
                return body

            @http("POST", "/text", "text")
            @websocket("text")
            async def text(self, body: Annotated[str, Body()]) -> Any:
                return body

            @http("POST", "/any", "any")
            @websocket("any")
            async def anything(self, body: Annotated[Any, Body()]) -> Any:
                return body

            @http("POST", "/number", "number")
            async def number(self, body: Annotated[int, Body()]) -> Any:
                return body

            @http("POST", "/stream", "stream")
            async def stream(self, body: AsyncIterator[bytes]) -> Any:
                return [piece async for piece in body]

        client = client_of(Raw)
        for ask in (client.http, client.websocket):
            assert (await ask("bytes", body=b"\x00")).content == b"\x00"
            assert (await ask("text", body="x")).content == "x"
            assert (await ask("any", body=[1, "x"])).content == [1, "x"]
            assert errors_of(await ask("bytes")) == {"body": "is missing"}
            assert errors_of(await ask("text", body=5)) == {"body": "expected str, got int"}
        assert errors_of(await client.websocket("bytes", body="x")) == {
            "body": "expected bytes, got str"
        }
        assert (await client.http("number", body=5)).content == 5
        assert errors_of(await client.http("number", body="5")) == {
            "body": "expected int, got str"
        }
        assert (await client.http("stream", body=b"abc")).content == [b"abc"]

    @pytest.mark.parametrize(
        "kind", [None, "text/plain", "application/octet-stream", "x/" + "x" * 500]
    )
    async def test_unread_content_type_is_415_with_accepted_types(
        self, client_of: ClientOf, kind: str | None
    ) -> None:
        """A wrong or missing content type."""
        headers = {} if kind is None else {"Content-Type": kind}
        for name in ("create", "both"):
            response = await client_of(Shop).http(name, body=b"{}", headers=headers)

            assert response.status_code == 415
            assert (
                "send one of application/json, application/msgpack"
                in (response.content["message"])
            )
            assert len(response.content["message"]) < 400

    async def test_missing_body_is_the_default(self, client_of: ClientOf) -> None:
        class Defaults:
            @http("POST", "/", "maybe")
            @websocket("maybe")
            async def maybe(self, order: Order | None = None) -> Any:
                return order

        client = client_of(Defaults)
        assert (await client.http("maybe")).content is None
        assert (await client.websocket("maybe", body=None)).content is None
        assert (await client.http("maybe", body=ORDER)).content == Order(
            [Item("tea", 1.5, Size.SMALL)]
        )


class Cat(msgspec.Struct, tag="cat", rename="camel"):
    nine_lives: int


class Dog(msgspec.Struct, tag="dog"):
    friends: "list[Cat | Dog]" = []


class Pixel(msgspec.Struct, array_like=True):
    x: int
    color: str = "red"


class Point(NamedTuple):
    x: int
    y: int = 0


class Draft(TypedDict):
    title: str
    point: NotRequired[Point]


def strip(text: str) -> str:
    return text.strip()


@attrs.define
class Account:
    name: str = attrs.field(converter=strip)
    is_admin: bool = attrs.field(init=False, default=False)
    _age: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    color: str = attrs.field(default="red", validator=attrs.validators.in_(["red", "blue"]))
    even: int = attrs.field(default=0)

    @even.validator
    def _check(self, attribute: Any, value: int) -> None:
        if value % 2:
            raise ValidationError("must be even")


@attrs.define
class Member:
    name: str
    count: int | None = None
    is_admin: bool = attrs.field(init=False, default=False)


@attrs.define
class Thread:
    account: Account
    replies: "list[Thread | None]" = attrs.field(factory=list)


@dataclass
class Span:
    begin: int
    end: int

    def __post_init__(self) -> None:
        if self.end < self.begin:
            raise ValidationError("must not end before it begins")


class Circle(msgspec.Struct, tag="circle", array_like=True):
    radius: int


class Square(msgspec.Struct, tag="square", array_like=True):
    side: int


@attrs.define
class Tagged:
    tags: set  # type: ignore[type-arg]


class Holder(msgspec.Struct, array_like=True):
    item: Item


class Envelope(msgspec.Struct, array_like=True):
    number: int
    account: Account
    weight: int = 0


def read(kind: Any, raw: Any, *, lenient: bool = False) -> Any:
    """Return the value, or the errors by path."""
    found = ValidationErrors()
    value = Validator(kind).read(raw, "body", found, lenient)
    return {m["path"]: m["message"] for m in found.entries} or value


class TestTypes:
    """Types of msgspec are converted as msgspec converts them."""

    def test_tagged_and_renamed_structs_are_converted(self) -> None:
        assert read(Cat | Dog, {"type": "cat", "nineLives": 9}) == Cat(9)
        kid = {"type": "cat", "nineLives": 1, "x": 1}
        assert read(Cat | Dog, {"type": "dog", "friends": [kid]}) == {
            "body.friends[0].x": "is not a known field"
        }
        assert read(Cat | Dog, {"type": "fish"}) == {"body.type": "expected one of 'cat', 'dog'"}
        assert read(Cat, {"type": "fish", "nineLives": 1}) == {
            "body.type": "expected one of 'cat'"
        }

    def test_typed_dicts_and_tuples_are_converted(self) -> None:
        assert read(Draft, {"title": "a", "point": [1]}) == {"title": "a", "point": Point(1)}
        assert read(Draft, {"title": "a", "point": ["x", 2], "z": 1}) == {
            "body.point[0]": "expected int, got str",
            "body.z": "is not a known field",
        }
        assert read(Point, [1, 2, 3]) == {"body": "expected array of length <= 2"}
        assert read(tuple[int, str], [1, 2]) == {"body[1]": "expected str, got int"}
        assert read(set[int], [1, 1]) == {1}

    def test_array_like_structs_are_converted(self) -> None:
        assert read(Pixel, [1]) == Pixel(1)
        assert read(list[Pixel | None], [[1, "a"], None]) == [Pixel(1, "a"), None]
        assert read(list[Pixel], [[1], ["x"]]) == {"body[1][0]": "expected int, got str"}
        assert read(Pixel, {"x": 1}) == {"body": "expected array, got object"}
        assert read(Circle | Square, ["square", 2]) == Square(2)
        assert read(Circle | Square, ["square", "x"]) == {"body[1]": "expected int, got str"}

    @pytest.mark.parametrize("kind", [Pixel, Envelope], ids=["in C", "by hand"])
    def test_array_like_struct_with_extra_items_is_an_error(self, kind: Any) -> None:
        """msgspec alone would ignore further elements."""
        assert read(kind, []) == {"body[0]": "is missing"} | (
            {"body[1]": "is missing"} if kind is Envelope else {}
        )
        assert read(kind, [1, "a", 2, 3]) == {
            "body": f"expected array of length <= {2 if kind is Pixel else 3}"
        }

        validator = Validator(kind, allow_unknown=True)
        validator.read(
            [1, "a" if kind is Pixel else {"name": "a"}, 2, 3], "body", found := ValidationErrors()
        )
        assert not found.entries

    def test_class_in_array_like_struct_is_constructed(self) -> None:
        assert read(Envelope, [1, {"name": " a "}]) == Envelope(1, Account("a"))
        assert read(Envelope, [1, {"name": "a"}, 5]) == Envelope(1, Account("a"), 5)
        assert read(Envelope, [1, {"name": "a", "is_admin": True}]) == {
            "body[1].is_admin": "is not a known field"
        }
        assert read(Holder, [{"name": "a", "price": 1, "x": 1}]) == {
            "body[0].x": "is not a known field"
        }

    def test_union_is_chosen_by_json_type(self) -> None:
        kind = dict[str, int] | list[int] | str | None
        assert read(kind, {"a": 1}) == {"a": 1}
        assert read(kind, ["x"]) == {"body[0]": "expected int, got str"}
        assert read(kind, {"a": "x"}) == {"body.a": "expected int, got str"}
        assert read(kind, 5) == {"body": "expected str, got int"}
        assert read(Order | list[int], "x") == {"body": "expected array | object, got str"}
        assert read(Size | int, "y") == {"body": "is not an allowed value"}

    def test_keys_of_mapping_are_converted(self) -> None:
        assert read(dict[int, str], {"1": "a"}) == {1: "a"}
        assert read(dict[int, str], {"x": "a"}) == {"body.x": "expected int"}
        assert read(dict[str, Item], [1]) == {"body": "expected object, got array"}
        few = Annotated[dict[str, int], msgspec.Meta(max_length=1)]
        assert read(few, {"a": 1, "b": 2}) == {"body": "expected object of length <= 1"}

    def test_unhashable_item_of_set_is_an_error(self) -> None:
        raw, message = [1, [2], {}], "cannot be an item of a set"
        assert read(set, raw) == {"body[1]": message, "body[2]": message}
        assert read(list[set[Any]], [[1], raw]) == {"body[1][1]": message, "body[1][2]": message}
        assert read(Tagged, {"tags": raw}).keys() == {"body.tags[1]", "body.tags[2]"}
        assert read(Tagged, {"tags": [1, 1]}) == Tagged({1})
        assert read(set[tuple[Any, ...]], [[1], [[1]]]) == {"body[1]": message}

    @pytest.mark.parametrize(
        "kind",
        [
            set[Account],
            frozenset[Account | int],
            set[list[int]],
            set[tuple[Account, ...]],
            dict[Account, int],
            set[Draft],
            list[set[Span]],
        ],
        ids=str,
    )
    def test_set_of_unhashable_type_is_rejected_at_boot(self, kind: Any) -> None:
        with pytest.raises(TypeError, match="has no hash and cannot be"):
            Validator(kind)
        assert read(set[Point], [[1, 2]]) == {Point(1, 2)}
        assert read(set[Item], [{"name": "a", "price": 1}]) == {Item("a", 1)}

    def test_length_of_items_out_of_range_is_an_error(self) -> None:
        few = Annotated[list[int], msgspec.Meta(min_length=1, max_length=2)]
        assert read(few, []) == {"body": "expected array of length >= 1"}
        assert read(few, [1, 2, 3]) == {"body": "expected array of length <= 2"}

    def test_converters_run_and_fields_without_init_are_unknown(self) -> None:
        """msgspec alone would run no converter, and a client could set ``is_admin``."""
        assert read(Account, {"name": " Ada ", "_age": 3}) == Account("Ada", 3)
        assert read(Account, {"name": "Ada", "is_admin": True}) == {
            "body.is_admin": "is not a known field"
        }
        ada = {"account": {"name": " Ada "}}
        made = read(Thread, {**ada, "replies": [None, ada, ada]})
        assert made.replies == [None, *[Thread(Account("Ada"))] * 2]

    def test_field_without_init_is_never_set(self) -> None:
        found = ValidationErrors()
        validator = Validator(Member, allow_unknown=True)
        assert validator.read({"name": "a", "is_admin": True}, "body", found) == Member("a")

    def test_text_null_is_never_none(self) -> None:
        assert read(Filter, {"word": "null"}, lenient=True) == Filter(word="null")
        assert read(list[int | None], ["1", "null"], lenient=True) == {"body[1]": "expected int"}

    def test_validator_of_attrs_does_not_send_the_value(self) -> None:
        assert read(Account, {"name": "a", "_age": -77}) == {"body._age": "expected int >= 0"}
        (message,) = read(Account, {"name": "a", "color": "hostile"}).values()
        assert "hostile" not in message

    def test_validation_error_of_class_sends_its_text(self) -> None:
        assert read(Account, {"name": "a", "even": 3}) == {"body.even": "must be even"}
        assert read(list[Span], [{"begin": 2, "end": 1}]) == {
            "body[0]": "must not end before it begins"
        }

    def test_decimal_of_json_not_finite_is_an_error(self) -> None:
        assert read(list[Decimal], ["1.5", "NaN", "1e999999"]) == {
            "body[1]": "expected a finite number",
            "body[2]": "expected a finite number",
        }

    def test_errors_among_many_values_are_found(self) -> None:
        items = [{"name": "a", "price": 1}] * 1000
        assert read(Order, {"items": items, "tags": {str(n): items[0] for n in range(1000)}})
        assert read(Order, {"items": [*items, 5, *items, {"name": "a", "price": 1, "x": 1}]}) == {
            "body.items[1000]": "expected object, got int",
            "body.items[2001].x": "is not a known field",
        }
        assert read(dict[str, list[int | None]], {"a": [*[1, None] * 500, "x"]}) == {
            "body.a[1000]": "expected int, got str"
        }

    def test_deep_nesting_is_an_error(self) -> None:
        body: dict[str, Any] = {"type": "dog"}
        thread: dict[str, Any] = {"account": {"name": "a"}}
        for _ in range(5000):
            body = {"type": "dog", "friends": [body]}
            thread = {"account": {"name": "a"}, "replies": [thread]}
        assert read(Dog, body) == {"body": "is nested too deeply"}
        assert read(Thread, thread) == {"body": "is nested too deeply"}

    KINDS = (Order, Filter, Cat | Dog, Draft, Account, list[Decimal | None], dict[str, int | str])

    @given(
        st.sampled_from(KINDS),
        st.booleans(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["items", "name", "price", "type", "nineLives", "friends", "title", "tag"]
                    )
                    | st.text(max_size=3),
                    inner,
                    max_size=4,
                )
            ),
        ),
    )
    def test_any_input_is_a_value_or_an_error(self, kind: Any, lenient: bool, raw: Any) -> None:
        found = ValidationErrors()
        value = Validator(kind).read(raw, "body", found, lenient)
        try:
            msgspec.convert(raw, kind, strict=not lenient)
        except msgspec.ValidationError:
            if kind is not Account:  # its converters accept more than msgspec
                assert found.entries
        if not found.entries:
            again = msgspec.to_builtins(value)
            assert not _has_nan(again) or not lenient


def _has_nan(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_nan, value.values()))
    if isinstance(value, list):
        return any(map(_has_nan, value))
    return isinstance(value, float) and not math.isfinite(value)


class Clock:
    made = 0

    def __init__(self) -> None:
        Clock.made += 1


class Work:
    made = 0

    def __init__(self) -> None:
        Work.made += 1
        self.closed = False

    async def aclose(self) -> None:
        self.closed = True


def configure(binder: Binder) -> None:
    binder.bind(Clock, scope=singleton)
    binder.bind(Work, scope=request_scope)


class Served:
    works: ClassVar[list[Work]] = []

    @http("GET", "/{id}", "served")
    @websocket("served")
    def served(
        self,
        request: Request,
        clock: Annotated[Clock, Inject()],
        work: Annotated[Work, Inject()],
        connection: Connection | None,
        *,
        id: int,
    ) -> Any:
        """A plain ``def`` with a service, the request, the connection and a keyword-only value."""
        self.works.append(work)
        return [
            request.params["id"],
            id,
            isinstance(clock, Clock),
            work.closed,
            connection is request.connection,
            threading.current_thread() is not threading.main_thread(),
        ]


class TestServices:
    async def test_services_request_and_connection_are_passed(self, client_of: ClientOf) -> None:
        client = client_of(Served, modules=[configure])
        for ask in (client.http, client.websocket):
            response = await ask("served", params={"id": "7"})
            assert response.content == ["7", 7, True, False, True, True]
        one, other = Served.works[-2:]
        assert one is not other
        assert one.closed
        assert Clock.made == 1

    async def test_service_is_not_built_for_invalid_input(self, client_of: ClientOf) -> None:
        client = client_of(Served, modules=[configure])
        before = Work.made
        assert errors_of(await client.http("served", params={"id": "x"})) == {
            "params.id": "expected int"
        }
        assert Work.made == before

    async def test_unbound_service_is_rejected_at_boot(self, client_of: ClientOf) -> None:
        with pytest.raises(
            ConfigurationError, match=r"served\) asks for Clock, which nothing binds"
        ):
            await client_of(Served).application.boot()


async def test_request_listeners_run_before_binding(client_of: ClientOf) -> None:
    """A client without access gets no errors that describe the input."""

    class Guard:
        @observe(KernelEvents.KERNEL_REQUEST)
        async def guard(self, event: RequestEvent) -> None:
            raise UnauthorizedException

    response = await client_of(Shop, listeners=[Guard]).http("create", body={"x": 1})
    assert response.status_code == 401


async def test_action_with_request_only_is_called_without_binding(client_of: ClientOf) -> None:
    class Plain:
        @http("GET", "/", "plain")
        async def plain(self, request: Request) -> Response:
            return Response("x")

        @http("GET", "/any", "untyped")
        async def untyped(self, _):  # type: ignore[no-untyped-def]
            return "x"

        @http("GET", "/none", "none")
        async def none(self, request: Request) -> None: ...

    client = client_of(Plain)
    await client.application.boot()
    kernel = client.application.kernel
    for definition in kernel.http_definitions:
        route = definition.pipeline
        assert isinstance(route, Route)
        assert route.action == member_of(route.controller, definition.metadata.action)


async def test_definition_has_signature_for_descriptions(client_of: ClientOf) -> None:
    class Described:
        @http("POST", "/", "made", status_code=201)
        @websocket("made", status_code=202)
        async def made(self, at: datetime, limit: Annotated[int, msgspec.Meta(ge=1)] = 5) -> str:
            """Makes it.

            Indented.
            """
            return "made"

    client: KernelClient = client_of(Described)
    assert (await client.http("made", params={"at": "2026-01-01T00:00:00Z"})).status_code == 201
    assert (
        await client.websocket("made", params={"at": "2026-01-01T00:00:00Z"})
    ).status_code == 202
    definition = client.application.kernel.http_definitions["made"]
    assert definition.status_code == 201
    assert definition.description == "Makes it.\n\nIndented."
    at, limit = definition.signature.parameters
    assert (at.type, limit.default) == (datetime, 5)
    assert limit.type == Annotated[int, msgspec.Meta(ge=1)]
    assert definition.signature.returns is str


@pytest.mark.parametrize(("transport", "place"), [("http", "the query"), ("websocket", "params")])
async def test_missing_parameter_sent_in_the_body_error_says_where_to_send_it(
    client_of: ClientOf, transport: str, place: str
) -> None:
    class Notes:
        @http("POST", "/notes", "add")
        @websocket("add")
        async def add(self, title: str, text: str) -> str:
            return title + text

    client = client_of(Notes)
    sent = {"title": "tea", "params.text": "x"}

    call = getattr(client, transport)
    response = await call("add", body=sent)

    assert response.status_code == 422
    assert response.content["errors"] == [
        {
            "path": "params.title",
            "code": "missing",
            "message": f"is missing; it was sent in the body: send it in {place}",
        },
        {"path": "params.text", "code": "missing", "message": "is missing"},
    ]
    response = await call("add", body=["title"])
    assert response.content["errors"][0]["message"] == "is missing"


async def test_empty_form_field_of_required_number_is_reported_as_missing_only(
    client_of: ClientOf,
) -> None:
    """An empty input of a form is not sent, and a form is where parameters are read from."""

    class People:
        @http("POST", "/people", "add")
        async def add(self, age: int) -> int:
            return age

    response = await client_of(People).http("add", form={"age": ""})

    assert response.content["errors"] == [
        {"path": "params.age", "code": "missing", "message": "is missing"}
    ]


async def test_parameter_and_fields_of_a_body_are_read_from_one_form(
    client_of: ClientOf,
) -> None:
    class Orders:
        @http("POST", "/orders/{id}", "order")
        @websocket("order")
        async def order(self, id: int, note: str, item: Annotated[Item, Body("item")]) -> Any:
            return [id, note, item.name]

    client = client_of(Orders)
    item = {"item[name]": "tea", "item[price]": "1"}
    form = await client.http("order", params={"id": 7}, form={"note": "milk", **item})
    assert form.content == [7, "milk", "tea"]

    sent = {"item": {"name": "tea", "price": 1}, "note": "milk"}
    params = {"id": 7, "note": "rum"}
    event = await client.websocket("order", params=params, body=sent)
    assert [error["path"] for error in event.content["errors"]] == ["body.note"]
