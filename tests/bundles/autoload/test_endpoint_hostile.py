"""Names and arguments of hostile clients, over both transports."""

import json
import logging
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from tests.bundles.autoload.conftest import Folder
from tests.servers.socketio_clients import client as socketio_client
from tests.servers.socketio_clients import raw_socket

FILES = {
    "api/unit/add.py": """
        access = "public"
        parameters = {"a": "number", "b": "number"}
        LIMIT = 10

        def helper(a, b): ...

        class Adder: ...

        async def method(a, b):
            return a + b
        """,
    "api/unit/typed.py": """
        access = "public"

        async def method(a: int, b: int = 2) -> int:
            return a + b
        """,
    "api/unit/nothing.py": "access = 'public'\nasync def method(): return 1",
    "api/unit/_private.py": "access = 'public'\nasync def method(): return 1",
    "api/unit/echo.py": """
        import logging

        from bundles.contracts import DomainError
        from rxkernel import ConflictException

        access = "public"
        parameters = {"text": "string", "way": "string"}
        _log = logging.getLogger("unit.echo")

        async def method(text, way):
            _log.info("text is %s", text)
            if way == "domain":
                return DomainError("conflict", text)
            if way == "raise":
                raise ConflictException(text)
            if way == "bug":
                raise ValueError(text)
            return text
        """,
    "api/single.py": """
        from asyncio import sleep

        access = "public"
        LIMIT = 10

        async def call(): return sleep and 1

        async def _private(): return 1

        def plain(): return 1
        """,
}

FORMATS = [
    "{0.__class__}",
    "{self.__init__.__globals__}",
    "{",
    "%n%s%d%(name)s",
    "%",
    "${jndi:ldap://127.0.0.1/a}",
    "{{7*7}}",
    "$text",
]
"""Texts that a formatter or a template would evaluate: F4 of the list of attacks."""

NAMES = [
    "unit/__class__",
    "unit/__init__",
    "unit/add.__globals__",
    "unit/__init__.__globals__",
    "unit/_private",
    "unit/method",
    "unit/helper",
    "unit/Adder",
    "unit/LIMIT",
    "unit/mro",
    "unit/constructor",
    "unit/add/extra",
    "unit//add",
    "/unit/add",
    "unit",
    "unit/",
    "unit.2/add",
    "unit.01/add",
    "unit.-1/add",
    "unit.1.1/add",
    "unit.*/add",
    "unit.x/add",
    "Unit/add",
    "\uff55nit/add",
    "unit/\uff41dd",
    "unit/add\u200b",
    "unit/add\x00",
    "__proto__/x",
    "constructor/name",
    "toString/x",
    "single/sleep",
    "single/_private",
    "single/plain",
    "single/LIMIT",
    "single/endpoints",
    "single/__iter__",
    "a.b.c.d",
    "../lib/x",
    "unit/../unit/add",
    "system/introspect",
    "a" * 1000,
    *FORMATS,
]
"""Names without an endpoint: F1 of the list of attacks.

Metarhia calls ``example/hello`` for ``example/hello/extra``, and does not respond to some names.
"""

NO_TEXTS = [
    *("5", "-1", "1.5", "true", "null", "[]", '["unit/add"]', "{}", '{"name":"unit/add"}'),
    *('"unit/add"]["unit/add"', ""),
]
"""JSON in the place of the name of an event, which must be a text."""

ARGUMENTS: list[Any] = [
    {},
    {"a": 1},
    {"a": 1, "b": 2, "c": 3},
    {"a": 1, "b": 2, "self": 3},
    {"a": 1, "b": 2, "request": 3},
    {"a": 1, "b": 2, "message": 3},
    {"a": 1, "b": 2, "__proto__": {"c": 3}},
    {"a": 1, "b": 2, "__class__": "x"},
    {"a": 1, "b": 2, "": 3},
    {"a": "1", "b": 2},
    {"a": None, "b": 2},
    {"a": [1], "b": {"a": 1}},
    {f"key{number}": number for number in range(10_000)},
    [],
    [1, 2],
    [{"a": 1, "b": 2}],
    "ab",
    5,
    True,
]
"""Values that are not an object of arguments: F2 of the list of attacks."""


async def wire(folder: Folder) -> str:
    application = await folder.boot(FILES)
    await application.start()
    return f"http://127.0.0.1:{application.servers['http'].port}"


# F1
async def test_unknown_name_is_404_over_http(folder: Folder) -> None:
    base = await wire(folder)

    async with aiohttp.ClientSession() as session:
        for name in NAMES:
            url = f"{base}/api/{quote(name, safe='/')}"
            async with session.post(URL(url, encoded=True), json={}) as response:
                assert response.status in (404, 400), (name, response.status)
        async with session.post(f"{base}/api/unit/add", json={"a": 1, "b": 2}) as response:
            assert await response.json() == 3


# F1
async def test_unknown_name_is_404_over_socket_io(folder: Folder) -> None:
    await wire(folder)

    async with socketio_client(folder.application) as client:
        for name in NAMES:
            answer = await client.call(name, {"body": {}})
            assert answer["statusCode"] == 404, (name, answer)
        answer = await client.call("", {"body": {}})
        assert answer["statusCode"] == 404
        answer = await client.call("unit/add", {"body": {"a": 1, "b": 2}})
        assert answer["content"] == 3


# F1
@pytest.mark.parametrize("name", NO_TEXTS)
async def test_event_name_that_is_not_a_text_closes_the_connection(
    folder: Folder, name: str
) -> None:
    """No endpoint is called, and other clients are still served."""
    await wire(folder)

    async with socketio_client(folder.application) as other:
        async with raw_socket(folder.application) as raw:
            await raw.send(f'421[{name},{{"body":{{"a":1,"b":2}}}}]')
            assert await raw.receive() is None
        answer = await other.call("unit/add", {"body": {"a": 1, "b": 2}})
        assert answer["content"] == 3


# F4
@pytest.mark.parametrize("text", FORMATS)
async def test_format_string_is_literal_over_both_transports(
    folder: Folder, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As a value, as the text of an error, as a name, and in the log."""
    caplog.set_level(logging.DEBUG)
    base = await wire(folder)

    async with (
        aiohttp.ClientSession() as session,
        socketio_client(folder.application) as client,
    ):

        async def call(body: dict[str, str]) -> list[tuple[int, Any]]:
            async with session.post(f"{base}/api/unit/echo", json=body) as response:
                is_json = response.content_type == "application/json"
                content = await (response.json() if is_json else response.text())
            answer = await client.call("unit/echo", {"body": body})
            sent = answer.get("content", answer)
            return [(response.status, content), (answer["statusCode"], sent)]

        for status, content in await call({"text": text, "way": ""}):
            assert (status, content) == (200, text)
        for status, content in await call({"text": text, "way": "domain"}):
            assert (status, content["message"]) == (400, text)
        for status, content in await call({"text": text, "way": "raise"}):
            assert (status, content["message"]) == (409, text)
        for status, content in await call({"text": text, "way": "bug"}):
            assert (status, content["message"]) == (500, "Internal Server Error")
        for status, content in await call({"text": "", "way": "", text: ""}):
            assert status == 422
            assert [error["path"].endswith(text) for error in content["errors"]] == [True]

    lines = caplog.messages
    assert lines.count(f"text is {text}") == 8
    bugs = [str(record.exc_info[1]) for record in caplog.records if record.exc_info]
    assert bugs == [text, text]


# F2
@pytest.mark.parametrize("name", ["add", "typed", "nothing"])
async def test_arguments_that_do_not_fit_are_422_over_http(folder: Folder, name: str) -> None:
    base = await wire(folder)

    async with aiohttp.ClientSession() as session:
        for arguments in ARGUMENTS:
            if _fits(name, arguments):
                continue
            url = f"{base}/api/unit/{name}"
            async with session.post(url, json=arguments) as response:
                content = await response.json()
                assert response.status == 422, (arguments, content)
                assert len(content["errors"]) <= 50
        raw = b'{"a": 1, "b": 2, "a": "x"}'
        headers = {"Content-Type": "application/json"}
        async with session.post(f"{base}/api/unit/add", data=raw, headers=headers) as response:
            assert response.status == 422


# F2
@pytest.mark.parametrize("name", ["add", "typed", "nothing"])
@pytest.mark.parametrize("part", ["body", "params"])
async def test_arguments_that_do_not_fit_are_422_over_socket_io(
    folder: Folder, name: str, part: str
) -> None:
    await wire(folder)

    async with socketio_client(folder.application) as client:
        for arguments in ARGUMENTS:
            if not _fits(name, arguments):
                answer = await client.call(f"unit/{name}", {part: arguments})
                assert answer["statusCode"] == 422, (json.dumps(arguments)[:99], answer)


def _fits(name: str, arguments: Any) -> bool:
    return (name, arguments) in (("nothing", {}), ("typed", {"a": 1}))


async def test_get_of_an_endpoint_that_is_not_safe_is_405(folder: Folder) -> None:
    base = await wire(folder)

    async with aiohttp.ClientSession() as session:
        for verb in ("GET", "PUT", "PATCH", "DELETE"):
            async with session.request(verb, f"{base}/api/unit/nothing") as response:
                assert (response.status, response.headers["Allow"]) == (405, "OPTIONS, POST")
