"""Headers are checked when they are set, by every method that sets them."""

from collections.abc import Callable
from enum import Enum
from typing import Any

import pytest
from multidict import CIMultiDict

from rxkernel import NotFoundException, Response
from rxkernel.headers import Headers

WAYS: dict[str, Callable[[Headers, str, Any], object]] = {
    "constructor": lambda _, name, value: Headers({name: value}),
    "constructor with pairs": lambda _, name, value: Headers([(name, value)]),
    "constructor with names": lambda _, name, value: Headers(**{name: value}),
    "item": lambda headers, name, value: headers.__setitem__(name, value),
    "add": lambda headers, name, value: headers.add(name, value),
    "extend": lambda headers, name, value: headers.extend({name: value}),
    "extend with names": lambda headers, name, value: headers.extend(**{name: value}),
    "update": lambda headers, name, value: headers.update([(name, value)]),
    "update from a bag": lambda headers, name, value: headers.update(CIMultiDict({name: value})),
    "merge": lambda headers, name, value: headers.merge({name: value}),
    "setdefault": lambda headers, name, value: headers.setdefault(name, value),
    "response": lambda _, name, value: Response(headers={name: value}),
    "assigned": lambda _, name, value: setattr(Response(), "headers", {name: value}),
    "exception": lambda _, name, value: NotFoundException(headers={name: value}),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\n", "\0", "\x1b[0m", "\x7f", "\ud800"])
def test_header_value_invalid_raises_error_in_every_method(way: str, value: str) -> None:
    """RFC 9110 §5.5; aiohttp checks only when it sends the response."""
    headers = Headers()

    with pytest.raises(ValueError, match=r"header 'X-Name' is"):
        WAYS[way](headers, "X-Name", value)
    assert not headers


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\n", "é", "X-Evil: 1\r\nX"])
def test_header_name_invalid_raises_error_in_every_method(way: str, name: str) -> None:
    """RFC 9110 §5.6.2."""
    with pytest.raises(ValueError, match="invalid header name"):
        WAYS[way](Headers(), name, "x")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", [5, None, b"x"])
def test_header_value_not_str_raises_error_in_every_method(way: str, value: object) -> None:
    with pytest.raises(TypeError, match=r"header 'X-Name' is .*; its value must be a str"):
        WAYS[way](Headers(), "X-Name", value)


@pytest.mark.parametrize("way", WAYS)
def test_header_value_valid_is_accepted_in_every_method(way: str) -> None:
    WAYS[way](Headers(), "X-Name", "a\tb é \xa0 日本 💡 \"'")


def test_header_name_not_str_raises_error() -> None:
    with pytest.raises(TypeError, match="header name 5 must be a str"):
        Headers()[5] = "x"  # type: ignore[index]


def test_header_error_shows_value_escaped_and_shortened() -> None:
    with pytest.raises(ValueError, match=r"is 'a\\r\\n") as refusal:
        Headers({"X-Name": "a\r\n" + "b" * 1_000_000})
    assert len(str(refusal.value)) < 250


def test_header_update_with_invalid_value_sets_nothing() -> None:
    headers = Headers({"A": "1"})

    with pytest.raises(ValueError, match="'C'"):
        headers.update({"A": "2", "B": "2", "C": "\n"})
    assert dict(headers) == {"A": "1"}


def test_headers_and_copy_are_case_insensitive_multidicts() -> None:
    headers = Headers({"Set-Cookie": "a=1"})
    headers.add("set-cookie", "b=2")
    headers.setdefault("SET-COOKIE", "c=3")
    copied = headers.copy()
    copied["Set-Cookie"] = "d=4"

    assert headers.getall("SET-COOKIE") == ["a=1", "b=2"]
    with pytest.raises(ValueError, match="X-Name"):
        copied["X-Name"] = "\n"


def test_two_responses_share_no_headers() -> None:
    given = Headers({"A": "1"})
    first, second, empty = Response(headers=given), Response(headers=given), Response()
    first.headers["A"] = "2"
    empty.headers["A"] = "3"

    assert (second.headers["A"], given["A"], dict(Response().headers)) == ("1", "1", {})


class Level(str, Enum):  # noqa: UP042 - the text of such a member is its value
    GOLD = "gold"
    NAME = "X-Level"


class Hostile(str):
    """A str whose `str()` returns another text than the checked one."""

    __slots__ = ()

    def __str__(self) -> str:
        return "x\r\nX-Evil: 1"

    def __format__(self, spec: str) -> str:
        return "x\r\nX-Evil: 1"


ADDING = [way for way in WAYS if way not in ("constructor with names", "extend with names")]


@pytest.mark.parametrize("way", ADDING)
@pytest.mark.parametrize("value", [Level.GOLD, Hostile("gold")])
def test_header_value_of_subclass_is_stored_as_plain_text(way: str, value: str) -> None:
    headers, response = Headers(), Response()
    made = WAYS[way](headers, "X-Name", value)

    for found in (made, headers, getattr(made, "headers", None), response.headers):
        if isinstance(found, Headers) and found:
            assert type(found["X-Name"]) is str
            assert f"{found['X-Name']}" == "gold"


@pytest.mark.parametrize("name", [Level.NAME, Hostile("X-Level")])
def test_header_name_of_subclass_is_stored_as_plain_text(name: str) -> None:
    headers = Headers()
    headers[name] = "1"
    headers.add(name, "2")

    assert [f"{key}: {value}" for key, value in headers.items()] == ["X-Level: 1", "X-Level: 2"]
    with pytest.raises(ValueError, match="invalid header name"):
        headers["x\r\nX-Evil"] = "1"


def test_header_update_with_changing_mapping_stores_checked_values() -> None:
    class Changing(dict[str, str]):
        def items(self) -> Any:
            return {"X-Name": "valid"}.items()

    headers = Headers()
    with pytest.raises(ValueError, match="header 'X-Name' is"):
        headers.update(CIMultiDict(dict.items(Changing({"X-Name": "a\r\nb"}))))
    headers.update(Changing({"X-Name": "a\r\nb"}))
    assert "\r" not in headers["X-Name"]
