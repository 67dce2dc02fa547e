"""The request class of all transports."""

from collections.abc import AsyncIterator
from contextlib import closing
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal, NewType

import pytest
from msgspec import Meta
from multidict import CIMultiDict, MultiDict

from rxkernel import (
    Application,
    KernelClient,
    Request,
    Transport,
    UnprocessableEntityException,
    http,
)


def test_request_with_transport_only_has_defaults() -> None:
    request = Request("HTTP")

    assert request.transport == Transport.HTTP == "HTTP"
    assert request.body is None
    assert not request.params
    assert not request.headers
    assert not request.files
    assert request.attributes == {}
    assert request.native is request.connection is request.token is None


def test_request_transport_invalid_raises_error() -> None:
    with pytest.raises(ValueError, match="CARRIER PIGEON"):
        Request("CARRIER PIGEON")


def test_request_headers_ignore_case_and_params_return_first() -> None:
    """RxStack's header bag is case-sensitive."""
    request = Request("HTTP", headers={"X-Mine": "1"}, params=MultiDict([("a", 1), ("a", 2)]))

    assert request.headers["x-mine"] == "1"
    assert request.params["a"] == 1
    assert request.params.getall("a") == [1, 2]


def test_request_multidicts_are_not_copied() -> None:
    """Copying the multidicts of aiohttp would take longer than the kernel."""
    headers, params = CIMultiDict[str](), MultiDict[str]()
    request = Request("HTTP", headers, params)

    assert request.headers is headers
    assert request.params is params


def test_two_requests_share_no_multidict() -> None:
    one, other = Request("HTTP"), Request("HTTP")
    one.attributes["x"] = 1

    assert other.attributes == {}
    assert one != other, "requests are compared by identity"


@pytest.mark.parametrize(
    ("given", "kind", "expected"),
    [
        *[("7", int, 7), (7, int, 7), ("1.5", float, 1.5), ("true", bool, True), ("x", None, "x")],
        *[
            ("on", bool, True),
            ("on", None, "on"),
            ("10:00", time, time(10)),
            ("10:00", str, "10:00"),
        ],
        ("2024-01-01T10:00", datetime, datetime(2024, 1, 1, 10)),
    ],
)
def test_param_is_converted_on_every_transport(
    given: object, kind: type | None, expected: object
) -> None:
    request = Request("HTTP", params={"a": given})

    assert (request.param("a") if kind is None else request.param("a", kind)) == expected


def test_param_missing_or_invalid_raises_error_with_name() -> None:
    request = Request("SOCKET", params={"id": ["x"]})

    for name, kind, message in (
        ("room", str, "is missing"),
        ("id", int, "expected int, got array"),
        ("id", str, "expected str, got array"),
    ):
        with pytest.raises(UnprocessableEntityException, match="see errors") as refused:
            request.param(name, kind)
        (error,) = refused.value.errors
        assert (error["path"], error["message"]) == (f"params.{name}", message)


@pytest.mark.parametrize("raw", ["2026", 2026, "1e3"])
def test_param_number_for_datetime_is_an_error(raw: object) -> None:
    with pytest.raises(UnprocessableEntityException) as refused:
        Request("HTTP", params={"at": raw}).param("at", datetime)
    assert refused.value.errors[0]["path"] == "params.at"


Number = NewType("Number", int)
INT_TYPES = [int, Number, int | None, Number | None, Annotated[int, Meta(ge=0)], int | Decimal]


@pytest.mark.parametrize("kind", INT_TYPES, ids=str)
def test_param_of_each_int_type_accepts_the_same_texts(kind: Any) -> None:
    def read(raw: object) -> object:
        return Request("SOCKET", params={"a": raw}).param("a", kind)

    assert [read("7"), read(7)] == [7, 7]
    for raw in ["", " 7", "1_0", "null", "x", [7]]:
        with pytest.raises(UnprocessableEntityException):
            read(raw)
    if kind != int | Decimal:
        for inexact in ["1e3", "1.0", "9007199254740993.0", 9007199254740993.0, 1.5]:
            with pytest.raises(UnprocessableEntityException):
                read(inexact)


@pytest.mark.parametrize(
    ("kind", "raw", "expected"),
    [
        (bool | None, "on", True),
        (NewType("Flag", bool), "yes", True),
        (bool | int, "off", False),
        (time | None, "10:00", time(10)),
        (Annotated[datetime | None, "text"], "2024-01-01T10:00", datetime(2024, 1, 1, 10)),
        (str | None, "null", "null"),
        (str | int, "1e3", "1e3"),
        (int | None, None, None),
        (Literal["on"] | bool, "on", "on"),
        (Annotated[int, Meta(extra={"a": 1})], "7", 7),
        (list[int], [1, "2"], [1, 2]),
        (list[int] | None, None, None),
    ],
    ids=str,
)
def test_param_of_a_composed_type_is_converted(kind: Any, raw: object, expected: object) -> None:
    assert Request("SOCKET", params={"a": raw}).param("a", kind) == expected


@pytest.mark.parametrize(
    ("kind", "raw", "code"),
    [
        (Decimal | None, " 1_000", "format"),
        (Decimal | None, "1e-999999999", "out_of_range"),
        (float | None, "nan", "out_of_range"),
        (datetime | None, "2026", "format"),
        (Literal["a", None], "null", "choice"),
        (list[int], [1, "1e3"], "type"),
        (int | None, "null", "type"),
    ],
    ids=str,
)
def test_param_of_a_composed_type_is_rejected(kind: Any, raw: object, code: str) -> None:
    with pytest.raises(UnprocessableEntityException) as refused:
        Request("SOCKET", params={"a": raw}).param("a", kind)
    (error,) = refused.value.errors
    assert error["path"].startswith("params.a")
    assert error["code"] == code


def test_request_cookies_can_be_passed() -> None:
    assert Request("HTTP", cookies={"a": "1"}).cookies == {"a": "1"}


async def pieces_of(request: Request) -> list[bytes]:
    return [piece async for piece in request.stream()]


async def test_stream_returns_body_as_sent() -> None:
    assert await pieces_of(Request("HTTP", body={"a": 1}, raw_body=b'{"a":1}')) == [b'{"a":1}']
    assert await pieces_of(Request("HTTP")) == []
    assert await pieces_of(Request("SOCKET", body=b"ab")) == [b"ab"]
    assert await pieces_of(Request("SOCKET")) == []


async def test_stream_returns_pieces_of_source() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b"

    assert await pieces_of(Request("HTTP", source=pieces())) == [b"a", b"b"]


def test_stream_of_form_or_event_object_raises_error() -> None:
    with pytest.raises(RuntimeError, match="the body was read as a form; use"):
        Request("HTTP", body=MultiDict()).stream()
    with pytest.raises(UnprocessableEntityException) as refused:
        Request("SOCKET", body={"a": 1}).stream()
    assert refused.value.errors == [
        {
            "path": "body",
            "code": "type",
            "message": "expected bytes, got object",
            "params": {"expected": "bytes", "got": "object"},
        }
    ]


def test_stream_called_twice_raises_error() -> None:
    request = Request("HTTP", raw_body=b"x")
    request.stream()

    with pytest.raises(RuntimeError, match="can be called only once"):
        request.stream()


@pytest.mark.parametrize("kind", [set[int], frozenset[str], list[set[int]] | None, dict[int, str]])
def test_param_of_a_set_or_of_keys_that_are_not_texts_is_a_type_error(kind: Any) -> None:
    """Items may have equal hashes; only typed parameters are checked for that."""
    request = Request("SOCKET", params={"ids": [1]})

    with pytest.raises(TypeError, match="declare a parameter of the action"):
        request.param("ids", kind)


def test_param_of_a_list_or_of_texts_is_read() -> None:
    request = Request("SOCKET", params={"ids": [1], "names": {"a": 1}})

    assert request.param("ids", list[int]) == [1]
    assert request.param("names", dict[str, int]) == {"a": 1}


async def test_inner_request_has_the_client_and_the_services_of_the_message() -> None:
    class Two:
        @http("POST", "/inner", "inner")
        async def inner(self, request: Request) -> str:
            return ""

        @http("POST", "/outer", "outer")
        async def outer(self, request: Request) -> None:
            request.token, request.attributes["seen"] = "token", True
            definition = application.kernel.http_definitions["inner"]

            inner = request.inner(definition, {"a": 1})
            inner.attributes["own"] = True

            assert (inner.id, inner.token, inner.headers) == (request.id, "token", request.headers)
            assert (inner.body, [*inner.params], inner.route_name) == ({"a": 1}, [], "inner")
            assert inner.definition is definition
            assert "seen" in inner.attributes
            assert "own" not in request.attributes
            assert await inner.enter(closing(closed)) is closed

    class Closed:
        is_closed = False

        def close(self) -> None:
            self.is_closed = True

    closed = Closed()
    application = Application(controllers=[Two])
    client = KernelClient(application)

    response = await client.http("outer", params={"x": "1"}, body={})

    assert response.status_code == 200
    assert closed.is_closed
    await client.close()


def _message(method: str | None, query: Any, form: Any = None) -> Request:
    params = MultiDict([*query, *(form or ())])
    body = None if form is None else MultiDict(form)
    return Request("SOCKET" if method is None else "HTTP", params=params, body=body, method=method)


EMPTY = [("a", ""), ("a", "1"), ("b", ""), ("c", "")]


def _filled(request: Request) -> list[tuple[str, Any]]:
    return list(request.filled_params(lambda name: name != "c").items())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_filled_params_of_get_omit_empty_values_of_the_query(method: str) -> None:
    """HTML, form submission: method="get" sends all inputs as the query."""
    assert _filled(_message(method, EMPTY)) == [("a", "1"), ("c", "")]


@pytest.mark.parametrize("method", ["POST", "DELETE", None])
def test_filled_params_of_other_messages_keep_empty_values(method: str | None) -> None:
    request = _message(method, EMPTY)

    assert request.filled_params(lambda _: True) is request.params


def test_filled_params_of_a_form_omit_empty_inputs_of_its_body_only() -> None:
    request = _message("POST", [("a", ""), ("d", "")], EMPTY)

    assert _filled(request) == [("a", ""), ("d", ""), ("a", "1"), ("c", "")]


def test_filled_params_without_empty_values_are_the_params() -> None:
    request = _message("GET", [("a", "1")])

    assert request.filled_params(lambda _: True) is request.params


def test_param_that_is_empty_in_the_query_of_get_is_missing() -> None:
    request = _message("GET", EMPTY)

    assert request.param("a", int) == 1
    assert request.param("b") == ""
    for kind in (int, date, bool):
        with pytest.raises(UnprocessableEntityException) as caught:
            request.param("b", kind)
        assert caught.value.errors == [
            {"path": "params.b", "code": "missing", "message": "is missing"}
        ]
    with pytest.raises(UnprocessableEntityException) as caught:
        _message("DELETE", EMPTY).param("b", int)
    assert caught.value.errors[0]["code"] == "type"
