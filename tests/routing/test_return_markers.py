"""Markers of return annotations: the content sent over both transports, and its schema."""

from typing import Annotated, Any, Generic, TypeVar

import attrs
import msgspec
import pytest

from rxkernel import (
    ConfigurationError,
    JsonSchemas,
    NotFoundException,
    Response,
    ReturnMarker,
    StreamResponse,
    both,
    http,
    object_type,
)
from rxkernel.pytest_plugin import ClientOf

T = TypeVar("T")


@attrs.frozen
class Below(ReturnMarker):
    name: str

    def sent_type(self, declared: Any) -> Any:
        return object_type(self.name, declared)

    def sent_value(self, value: Any) -> Any:
        return {self.name: value}


class _Listed(ReturnMarker):
    def sent_type(self, declared: Any) -> Any:
        (item,) = declared.__args__
        return list[item]  # type: ignore[valid-type]

    def sent_value(self, value: Any) -> Any:
        return Response(value.items, headers={"X-Total": str(value.total)})


class Part(Generic[T]):
    return_marker = _Listed()

    def __init__(self, items: list[T], total: int) -> None:
        self.items = items
        self.total = total


@attrs.frozen
class View:
    name: str


class Row:
    """An object with more attributes than are sent."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.secret = "x"


OneRow = Annotated[View, Below("row")]


class Rows:
    @both("GET", "/one", "one")
    async def one(self) -> Annotated[View, Below("row")]:
        return Row("a")  # type: ignore[return-value]

    @both("GET", "/alias", "alias")
    async def alias(self) -> OneRow:
        return Row("a")  # type: ignore[return-value]

    @both("GET", "/many", "many")
    async def many(self) -> Annotated[list[View], Below("rows")]:
        return [Row("a"), Row("b")]  # type: ignore[list-item]

    @both("GET", "/part", "part")
    async def part(self) -> Part[View]:
        return Part([Row("a")], 7)  # type: ignore[list-item]

    @both("GET", "/enveloped", "enveloped")
    async def enveloped(self) -> Annotated[Part[View], Below("rows")]:
        return Part([Row("a")], 7)  # type: ignore[list-item]

    @both("GET", "/response", "response")
    async def response(self) -> Annotated[View, Below("row")]:
        return Response(Row("a"), 202)  # type: ignore[return-value]

    @both("GET", "/inside", "inside")
    async def inside(self) -> Annotated[View | None, Below("row")]:
        return None

    @both("GET", "/outside", "outside")
    async def outside(self) -> Annotated[View, Below("row")] | None:
        return None

    @both("GET", "/found", "found")
    async def found(self) -> Annotated[View, Below("row")] | NotFoundException:
        return NotFoundException()

    @http("GET", "/plain", "plain")
    def plain(self) -> Annotated[View, Below("row")]:
        return Row("a")  # type: ignore[return-value]

    @http("GET", "/failed", "failed")
    async def failed(self) -> Annotated[View, Below("row")]:
        return Response("gone", 410)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("route", "content"),
    [
        ("one", {"row": {"name": "a"}}),
        ("alias", {"row": {"name": "a"}}),
        ("many", {"rows": [{"name": "a"}, {"name": "b"}]}),
        ("part", [{"name": "a"}]),
        ("enveloped", {"rows": [{"name": "a"}]}),
        ("response", {"row": {"name": "a"}}),
        ("inside", {"row": None}),
        ("outside", None),
    ],
)
async def test_return_marker_changes_the_value_on_both_transports(
    client_of: ClientOf, route: str, content: object
) -> None:
    client = client_of(Rows)

    assert msgspec.to_builtins((await client.http(route)).content) == content
    assert msgspec.to_builtins((await client.websocket(route)).content) == content


async def test_return_marker_keeps_the_response_of_the_value(client_of: ClientOf) -> None:
    client = client_of(Rows)

    assert (await client.http("enveloped")).headers["X-Total"] == "7"
    assert (await client.http("response")).status_code == 202
    assert (await client.http("found")).status_code == 404
    failed = await client.http("failed")
    assert (failed.status_code, failed.content) == (410, "gone")


async def test_return_marker_on_plain_def_changes_the_value(client_of: ClientOf) -> None:
    response = await client_of(Rows).http("plain")
    assert msgspec.to_builtins(response.content) == {"row": {"name": "a"}}


async def test_return_marker_changes_schema_and_signature(client_of: ClientOf) -> None:
    client = client_of(Rows)
    await client.application.boot()
    schemas = JsonSchemas()
    one, part = (client.application.kernel.http_definitions[name] for name in ("one", "part"))

    described = schemas.resolve(schemas.returned(one.signature).schema)
    assert described == {
        "type": "object",
        "properties": {"row": {"$ref": "#/components/schemas/View"}},
        "required": ["row"],
        "additionalProperties": False,
    }
    assert list(schemas.components) == ["View"]
    assert part.signature.returns == list[View]


async def test_return_marker_does_not_change_a_stream(client_of: ClientOf) -> None:
    async def chunks() -> Any:
        yield b"a"

    class Streams:
        @http("GET", "/", "stream")
        async def stream(self) -> Annotated[View, Below("row")]:
            return StreamResponse(chunks())  # type: ignore[return-value]

    assert isinstance(await client_of(Streams).http("stream"), StreamResponse)


@pytest.mark.parametrize(
    ("returns", "problem"),
    [
        (list[Annotated[View, Below("row")]], "its marker is inside of list"),
        (Annotated[View, Below("row")] | int, "its marker is inside of a union"),
        (Annotated[View, Below], "its marker Below is a class"),
    ],
)
async def test_return_marker_in_a_wrong_place_is_an_error_at_boot(
    client_of: ClientOf, returns: Any, problem: str
) -> None:
    async def act(self: object) -> Any:
        """The test sets its return annotation."""

    act.__annotations__["return"] = returns
    controller = type("Wrong", (), {"act": http("GET", "/", "wrong")(act)})

    with pytest.raises(ConfigurationError, match=problem):
        await client_of(controller).application.boot()
