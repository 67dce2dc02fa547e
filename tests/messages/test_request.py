"""The one request of both transports."""

import pytest
from multidict import CIMultiDict, MultiDict

from rxkernel import BadRequestException, Request, Transport


def test_a_transport_is_enough() -> None:
    request = Request("HTTP")

    assert request.transport == Transport.HTTP == "HTTP"
    assert request.body is None
    assert not request.params
    assert not request.headers
    assert not request.files
    assert request.attributes == {}
    assert request.native is request.connection is request.token is None


def test_an_unknown_transport_is_refused() -> None:
    with pytest.raises(ValueError, match="CARRIER PIGEON"):
        Request("CARRIER PIGEON")


def test_headers_do_not_mind_case_and_params_give_the_first() -> None:
    """RxStack's header bag is case-sensitive."""
    request = Request("HTTP", headers={"X-Mine": "1"}, params=MultiDict([("a", 1), ("a", 2)]))

    assert request.headers["x-mine"] == "1"
    assert request.params["a"] == 1
    assert request.params.getall("a") == [1, 2]


def test_multidicts_are_taken_as_they_are() -> None:
    """Copying aiohttp's would cost more than the kernel does."""
    headers, params = CIMultiDict[str](), MultiDict[str]()
    request = Request("HTTP", headers, params)

    assert request.headers is headers
    assert request.params is params


def test_two_requests_share_no_bag() -> None:
    one, other = Request("HTTP"), Request("HTTP")
    one.attributes["x"] = 1

    assert other.attributes == {}
    assert one != other, "a request is itself, not what is in it"


@pytest.mark.parametrize(
    ("given", "kind", "expected"),
    [("7", int, 7), (7, int, 7), ("1.5", float, 1.5), ("true", bool, True), ("x", None, "x")],
)
def test_a_parameter_is_converted_whichever_transport_it_came_by(
    given: object, kind: type | None, expected: object
) -> None:
    request = Request("HTTP", params={"a": given})

    assert (request.param("a") if kind is None else request.param("a", kind)) == expected


def test_a_parameter_that_is_missing_or_does_not_fit_is_named() -> None:
    request = Request("SOCKET", params={"id": ["x"]})

    with pytest.raises(BadRequestException, match="the parameter 'room' is missing"):
        request.param("room")
    with pytest.raises(
        BadRequestException, match="the parameter 'id' does not fit: Expected `int`"
    ):
        request.param("id", int)
    with pytest.raises(BadRequestException, match="Expected `str`"):
        request.param("id")


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
def test_cookies_are_read_and_bad_ones_left_out(header: str, expected: dict[str, str]) -> None:
    """RFC 6265 §5.4; one bad pair must not hide the others."""
    assert Request("HTTP", headers={"Cookie": header}).cookies == expected


def test_cookies_can_be_given() -> None:
    assert Request("HTTP", cookies={"a": "1"}).cookies == {"a": "1"}
