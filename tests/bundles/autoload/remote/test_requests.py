"""The requests that remote methods send."""

from typing import Any

import pytest
from aiohttp import web

from bundles.autoload import ArgumentsError
from tests.bundles.autoload.remote.conftest import MethodOf, ServiceOf
from tests.bundles.autoload.remote.stub import Stub

CURRENT_TIME = {"method": {"get": "timezone", "path": ["area", "location"]}}


# T56
@pytest.mark.parametrize("is_mapping", [True, False])
async def test_method_with_a_path_sends_its_arguments_as_segments(
    method_of: MethodOf, stub: Stub, is_mapping: bool
) -> None:
    """The example of Metarhia's documentation, which fails in Metarhia."""
    current_time = method_of(CURRENT_TIME)
    if is_mapping:
        result = await current_time({"area": "Europe", "location": "Rome"})
    else:
        result = await current_time(area="Europe", location="Rome")
    assert result == {"ok": True}
    assert stub.lines == ["GET /timezone/Europe/Rome"]
    assert stub.last.body == b""
    assert not {"content-length", "content-type", "transfer-encoding"} & stub.last.headers.keys()


# T56
async def test_path_of_a_method_is_appended_to_the_url_of_the_service(
    method_of: MethodOf, service_of: ServiceOf, stub: Stub
) -> None:
    current_time = method_of(CURRENT_TIME, service_of(url=f"{stub.url}/api/"))
    await current_time(area="Europe", location="Rome")
    assert stub.lines == ["GET /api/timezone/Europe/Rome"]


# T57
async def test_method_with_query_and_body_sends_both_and_its_headers(
    method_of: MethodOf, service_of: ServiceOf, stub: Stub
) -> None:
    evaluate = method_of(
        {
            "method": {"post": "v4", "body": ["expr"]},
            "query": {"suffix": "_s", "params": ["expr", "q"]},
            "headers": {"X-Own": "method"},
        },
        service_of(headers={"X-Own": "service", "Authorization": "Bearer t0ken"}),
    )
    await evaluate({"expr": "1+1", "q": "z"})
    assert stub.lines == ["POST /v4?expr_s=1%2B1&q_s=z"]
    assert stub.last.body == b'{"expr":"1+1"}'
    assert stub.last.headers["content-type"] == "application/json"
    assert stub.last.headers["x-own"] == "method"
    assert stub.last.headers["authorization"] == "Bearer t0ken"


# T57
@pytest.mark.parametrize("verb", ["get", "head", "options", "post", "put", "patch", "delete"])
async def test_method_sends_every_verb(method_of: MethodOf, stub: Stub, verb: str) -> None:
    result = await method_of({"method": {verb: "things", "path": ["id"]}})(id=7)
    assert stub.lines == [f"{verb.upper()} /things/7"]
    assert result == (None if verb == "head" else {"ok": True})


# T57
async def test_query_contains_falsy_values_except_none(method_of: MethodOf, stub: Stub) -> None:
    names = ["zero", "empty", "no", "none", "list", "missing"]
    search = method_of({"method": {"get": ""}, "query": {"prefix": "p_", "params": names}})
    await search(zero=0, empty="", no=False, none=None, list=["a b", "&=", None])
    assert stub.lines == ["GET /?p_zero=0&p_empty=&p_no=false&p_list=a%20b&p_list=%26%3D"]


# T57
async def test_body_that_json_cannot_hold_is_rejected(method_of: MethodOf, stub: Stub) -> None:
    with pytest.raises(ArgumentsError):
        await method_of({"method": {"post": "", "body": ["a"]}})(a="\ud800")
    assert stub.received == []


# T57
@pytest.mark.parametrize("value", [{"a": 1}, [[1]], "\ud800", float("inf")], ids=repr)
async def test_query_value_that_has_no_text_is_rejected(
    method_of: MethodOf, stub: Stub, value: Any
) -> None:
    with pytest.raises(ArgumentsError) as caught:
        await method_of({"method": {"get": ""}, "query": {"params": ["q"]}})(q=value)
    assert [error["path"] for error in caught.value.errors] == ["arguments.q"]
    assert stub.received == []


# T57
async def test_body_sends_null_and_no_missing_argument(method_of: MethodOf, stub: Stub) -> None:
    change = method_of({"method": {"patch": "x", "body": ["a", "b", "c"]}})
    await change(a=None, b=0)
    assert stub.last.body == b'{"a":null,"b":0}'


# T56
@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("a/b", "a%2Fb"),
        ("a b?c#d", "a%20b%3Fc%23d"),
        ("%2e%2e", "%252e%252e"),
        ("Zürich", "Z%C3%BCrich"),
        ("http://evil.example", "http%3A%2F%2Fevil.example"),
        ("@evil.example", "%40evil.example"),
        (0, "0"),
        (True, "true"),
        ("...", "..."),
    ],
)
async def test_segment_is_percent_encoded(
    method_of: MethodOf, stub: Stub, value: Any, segment: str
) -> None:
    await method_of({"method": {"get": "a", "path": ["x"]}})(x=value)
    assert stub.lines == [f"GET /a/{segment}"]


# T56
@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        "..",
        "../x",
        "x/../y",
        "..\\x",
        "a\r\nb",
        "a\0b",
        "\ud800",
        None,
        [],
        {},
        float("nan"),
    ],
    ids=repr,
)
async def test_segment_that_leaves_the_path_is_rejected(
    method_of: MethodOf, stub: Stub, value: Any
) -> None:
    with pytest.raises(ArgumentsError) as caught:
        await method_of({"method": {"get": "a", "path": ["x"]}})(x=value)
    assert [error["path"] for error in caught.value.errors] == ["arguments.x"]
    assert stub.received == []


# T57
async def test_arguments_that_do_not_fit_are_rejected_before_sending(
    method_of: MethodOf, stub: Stub
) -> None:
    """Invalid arguments raise; they are not returned as errors."""
    evaluate = method_of(
        {
            "method": {"post": "v4", "body": ["expr", "precision"]},
            "parameters": {"expr": "string", "precision": "?number"},
        }
    )
    with pytest.raises(ArgumentsError) as caught:
        await evaluate(precision="x", other=1)
    assert {error["path"] for error in caught.value.errors} == {
        "arguments.expr",
        "arguments.precision",
        "arguments.other",
    }
    assert stub.received == []


# T57
async def test_unknown_argument_without_schema_is_rejected(
    method_of: MethodOf, stub: Stub
) -> None:
    with pytest.raises(ArgumentsError) as caught:
        await method_of(CURRENT_TIME)({"area": "a", "location": "b", "aera": "c"})
    assert [error["path"] for error in caught.value.errors] == ["arguments.aera"]
    assert stub.received == []


# T57
async def test_query_params_with_schemas_are_checked(method_of: MethodOf, stub: Stub) -> None:
    """The notation of Metarhia's own example `books`."""
    books = method_of(
        {
            "method": {"get": "books", "path": ["shelf"]},
            "query": {"prefix": "_", "params": {"quantity": "?number"}},
        }
    )
    await books(shelf=1, quantity=2)
    await books(shelf=1)
    assert stub.lines == ["GET /books/1?_quantity=2", "GET /books/1"]
    with pytest.raises(ArgumentsError):
        await books(shelf=1, quantity="many")


# T57
async def test_parameters_refer_to_named_schemas(method_of: MethodOf, stub: Stub) -> None:
    create = method_of(
        {"method": {"post": "", "body": ["name"]}, "parameters": "City"},
        schemas={"City": {"name": "string"}},
    )
    await create(name="Rome")
    assert stub.last.body == b'{"name":"Rome"}'
    with pytest.raises(ArgumentsError):
        await create(name=1)


async def test_mapping_and_names_together_are_rejected(method_of: MethodOf) -> None:
    with pytest.raises(TypeError, match="not both"):
        await method_of(CURRENT_TIME)({"area": "a"}, location="b")


async def test_service_reuses_its_connection(method_of: MethodOf, stub: Stub) -> None:
    method = method_of({"method": {"get": ""}})
    for _ in range(5):
        await method()
    assert len(stub.connections) == 1


async def test_service_keeps_no_cookies(method_of: MethodOf, stub: Stub) -> None:
    """A cookie of one user must not be sent with the call of another user."""
    stub.reply(web.Response(headers={"Set-Cookie": "user=1"}, body=b"{}"))
    method = method_of({"method": {"get": ""}})
    await method()
    await method()
    assert "cookie" not in stub.last.headers


async def test_closed_service_still_serves_a_call_and_keeps_no_connection(
    method_of: MethodOf, service_of: ServiceOf, stub: Stub
) -> None:
    """A call in flight during a reload may make another one with the old version."""
    service = service_of()
    method = method_of({"method": {"get": ""}}, service)
    await method()
    await service.close()
    assert await method() == {"ok": True}
    assert await method() == {"ok": True}
    assert len(stub.connections) == 3
