"""The media types in the schemas of returned values are those that HTTP sends."""

import enum
from datetime import date
from typing import Any, Literal, Never, NoReturn

import pytest
from aiohttp import ClientSession

from rxkernel import (
    Application,
    HttpSettings,
    JsonSchemas,
    NotFoundException,
    Scalar,
    Settings,
    http,
)
from rxkernel.pytest_plugin import ClientOf

JSON, TEXT, BYTES = "application/json", "text/plain", "application/octet-stream"
BINARY = {"type": "string", "format": "binary"}


class Level(enum.StrEnum):
    LOW = "low"


class Color(enum.Enum):
    RED = "red"


class Money:
    def __init__(self, text: str) -> None:
        self.text = text


CASES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "text": (str, "a", {TEXT: {"type": "string"}}),
    "text or None": (str | None, None, {TEXT: {"type": "string"}, JSON: {"type": "null"}}),
    "bytes": (bytes, b"a", {BYTES: BINARY}),
    "bytes or None": (bytes | None, None, {BYTES: BINARY, JSON: {"type": "null"}}),
    "bytes or texts": (bytes | str, "a", {BYTES: BINARY, TEXT: {"type": "string"}}),
    "number or text": (
        int | str | None,
        1,
        {TEXT: {"type": "string"}, JSON: {"type": ["integer", "null"]}},
    ),
    "one of texts": (Literal["a", "b"], "b", {TEXT: {"enum": ["a", "b"]}}),
    "one of values": (Literal["a", 1], 1, {TEXT: {"const": "a"}, JSON: {"const": 1}}),
    "enum of texts": (Level, Level.LOW, {TEXT: {"$ref": "#/components/schemas/Level"}}),
    "enum": (Color, Color.RED, {JSON: {"$ref": "#/components/schemas/Color"}}),
    "date": (date, date(2026, 1, 1), {JSON: {"type": "string", "format": "date"}}),
    "scalar with a text on the wire": (Money, Money("1"), {JSON: {"type": "string"}}),
    "any value": (Any, "a", {}),
    "no value": (None, None, {}),
}


@pytest.mark.parametrize("name", CASES)
async def test_returned_contents_have_the_media_type_that_http_sends(name: str) -> None:
    returns, value, expected = CASES[name]

    class Values:
        @http("GET", "/", "value")
        async def get(self) -> Any:
            return value

    Values.get.__annotations__["return"] = returns
    scalars = [Scalar(Money, decode=Money, encode=lambda money: money.text)]
    application = Application(
        controllers=[Values], scalars=scalars, settings=Settings(http=HttpSettings(port=0))
    )
    await application.start()
    try:
        url = application.servers["http"].url
        assert url is not None
        async with ClientSession() as session, session.get(url) as response:
            sent = response.content_type if await response.read() else None
        (definition,) = application.kernel.http_definitions
        schemas = JsonSchemas(application.kernel.serializer.scalars)
        contents = schemas.resolve(dict(schemas.returned(definition.signature).contents))
    finally:
        await application.stop()

    assert contents == expected
    assert sent in contents or not contents


@pytest.mark.parametrize("returns", [NoReturn, Never, NotFoundException, None])
async def test_action_that_returns_no_value_has_no_schema(
    client_of: ClientOf, returns: Any
) -> None:
    class Values:
        @http("GET", "/", "value")
        async def get(self) -> Any:
            raise NotFoundException

    Values.get.__annotations__["return"] = returns
    client = client_of(Values)
    assert (await client.http("value")).status_code == 404
    (definition,) = client.application.kernel.http_definitions

    assert JsonSchemas().returned(definition.signature).schema is None
