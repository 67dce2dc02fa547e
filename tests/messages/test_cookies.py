"""Cookies that a client sends."""

import pytest
from multidict import CIMultiDict

from rxkernel import Request, Response


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("a=1; b=2", {"a": "1", "b": "2"}),
        ('a="x y"', {"a": "x y"}),
        ("a=1; bad name=2; c=3", {"a": "1", "c": "3"}),
        ("", {}),
        ("=;;=", {}),
    ],
)
def test_cookies_invalid_are_skipped(header: str, expected: dict[str, str]) -> None:
    """RFC 6265 §5.4; one bad pair must not hide the others."""
    assert Request("HTTP", headers={"Cookie": header}).cookies == expected


def test_cookies_two_hundred_are_read() -> None:
    header = "; ".join(f"c{number}={number}" for number in range(200))

    cookies = Request("HTTP", headers={"Cookie": header}).cookies
    assert (len(cookies), cookies["c199"]) == (200, "199")


def test_cookies_with_one_name_first_is_read() -> None:
    """RFC 6265 §5.4: browsers send the longer path first."""
    headers = CIMultiDict([("Cookie", "a=1; a=2"), ("Cookie", "b=3; a=4")])

    assert Request("HTTP", headers=headers).cookies == {"a": "1", "b": "3"}


@pytest.mark.parametrize(
    "header",
    [
        "\u2000__Host-a=evil",
        "\xa0__Host-a=evil",
        "\x0b__Host-a=evil",
        "\x85__Host-a=evil",
        "__Host-a\u2000=evil",
        "=__Host-a=evil",
        "__Host-a",
        '"__Host-a"=evil',
        "$Version=1,__Host-a=evil",
        "x=1, __Host-a=evil",
        'x="1; y="2, __Host-a=evil',
    ],
)
def test_cookie_name_with_unusual_space_is_not_read_as_host_prefix(header: str) -> None:
    """RFC 6265bis §4.1.3: a browser guards the name; servers that strip or split more undo it."""
    assert "__Host-a" not in Request("HTTP", headers={"Cookie": header}).cookies
    kept = Request("HTTP", headers={"Cookie": f"__Host-a=good; {header}"}).cookies
    assert kept["__Host-a"] == "good"


@pytest.mark.parametrize("value", ["plain", 'a "quoted", text;', "é", "\\", "a=b", "a\tb"])
def test_cookie_written_by_set_cookie_is_read_unchanged(value: str) -> None:
    response = Response()
    response.set_cookie("a:b", value)
    sent = response.headers["Set-Cookie"].partition(";")[0]

    assert Request("HTTP", headers={"Cookie": sent}).cookies == {"a:b": value}


@pytest.mark.parametrize(
    "header",
    [
        *("a=\ud800", "a=\x7f", "a=\x01", "a b=1", "a\tb=1", "a=1\x00"),
        *('a="x\\012Set-Cookie: y"', 'a="\\033[2J"', 'a="\\000"', 'a="\\177"'),
    ],
)
def test_cookie_value_invalid_in_header_is_skipped(header: str) -> None:
    assert Request("HTTP", headers={"Cookie": header}).cookies == {}


@pytest.mark.parametrize("filling", ["\\", '\\"', '"', ";", "=", " ", "\\0", "a=;"])
def test_cookie_header_hostile_is_read_in_linear_time(filling: str) -> None:
    """A reader of quadratic cost would take minutes for this (CVE-2024-7592)."""
    line = 'a="' + filling * 200_000 + '"; b=1'
    assert Request("HTTP", headers={"Cookie": line}).cookies["b"] == "1"
