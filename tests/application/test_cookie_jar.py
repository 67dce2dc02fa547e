"""The cookie jar of a test client (RFC 6265), without a client."""

from http.cookies import CookieError

import pytest

from rxkernel import Response
from rxkernel.application.cookie_jar import CookieJar, cookie_header
from rxkernel.messages.cookies import parse_cookies


def test_jar_is_a_mapping_of_names_and_values() -> None:
    jar = CookieJar({"a": "1"})
    jar["b"] = "2"
    jar["a"] = "3"

    assert dict(jar) == {"b": "2", "a": "3"}
    assert (len(jar), "a" in jar, "c" in jar) == (2, True, False)
    assert repr(jar) == "CookieJar({'b': '2', 'a': '3'})"
    del jar["b"]
    with pytest.raises(KeyError, match="b"):
        del jar["b"]
    with pytest.raises(KeyError, match="b"):
        jar["b"]
    jar.clear()
    assert jar.sent_to("/") == {}


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/", ["root"]),
        ("/login", ["login", "root"]),
        ("/login/", ["below", "login", "root"]),
        ("/login/now", ["below", "login", "root"]),
        ("/logins", ["root"]),
        ("/Login", ["root"]),
    ],
)
def test_cookie_is_sent_to_its_path_and_below(path: str, names: list[str]) -> None:
    """RFC 6265 §5.1.4; cookies with longer paths first (§5.4)."""
    jar = CookieJar()
    jar.keep("root=1; Path=/", "/")
    jar.keep("login=1; Path=/login", "/")
    jar.keep("below=1; Path=/login/", "/")

    assert list(jar.sent_to(path)) == names


def test_cookie_without_path_has_folder_of_response() -> None:
    """RFC 6265 §5.1.4, default-path."""
    jar = CookieJar()
    jar.keep("a=1", "/shop/cart")
    jar.keep("b=1; Path=relative", "/shop/cart")
    jar.keep("c=1", "/shop")

    assert jar.sent_to("/shop/other") == {"a": "1", "b": "1", "c": "1"}
    assert jar.sent_to("/") == {"c": "1"}


def test_cookie_of_longest_path_precedes_and_assignment_replaces_all() -> None:
    jar = CookieJar()
    jar.keep("a=root; Path=/", "/")
    jar.keep("a=shop; Path=/shop", "/")

    assert (jar.sent_to("/"), jar.sent_to("/shop")) == ({"a": "root"}, {"a": "shop"})
    assert len(jar) == 1
    jar["a"] = "mine"
    assert jar.sent_to("/shop") == {"a": "mine"}


@pytest.mark.parametrize(
    ("attributes", "is_kept"),
    [
        ("Max-Age=0", False),
        ("max-age=-1", False),
        ("Max-Age=10", True),
        ("Max-Age=ten", True),
        ("Expires=Thu, 01 Jan 1970 00:00:00 GMT", False),
        ("Expires=Thu, 01 Jan 1970 00:00:00 -0000", False),
        ("Expires=Fri, 31 Dec 9999 23:59:59 GMT", True),
        ("Expires=some day", True),
        ("Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT", True),
        ("Max-Age=0; Expires=Fri, 31 Dec 9999 23:59:59 GMT", False),
        ("Secure; HttpOnly; SameSite=Strict; Domain=example.org", True),
    ],
)
def test_cookie_that_has_expired_is_removed(attributes: str, is_kept: bool) -> None:
    """RFC 6265 §5.3, steps 3 and 11: ``Max-Age`` has precedence."""
    jar = CookieJar({"a": "old"})
    jar.keep(f"a=new; Path=/; {attributes}", "/")

    assert dict(jar) == ({"a": "new"} if is_kept else {})


def test_cookie_of_another_path_is_not_removed() -> None:
    jar = CookieJar({"a": "1"})
    jar.keep("a=; Path=/login; Max-Age=0", "/")

    assert dict(jar) == {"a": "1"}


@pytest.mark.parametrize("header", ["", "a", "=1", "a b=1", "a=\x01"])
def test_set_cookie_header_invalid_is_ignored(header: str) -> None:
    jar = CookieJar()
    jar.keep(header, "/")

    assert dict(jar) == {}


@pytest.mark.parametrize("value", ["", "x", "a b; c", 'a"b\\c', "caf\u00e9", "\u20ac", "100%"])
def test_cookie_value_is_returned_unchanged(value: str) -> None:
    """From `Response.set_cookie` through the jar to `Request.cookies`."""
    response, jar = Response(), CookieJar()
    response.set_cookie("a", value)
    jar.keep(response.headers["Set-Cookie"], "/")

    assert jar["a"] == value
    assert parse_cookies(cookie_header(jar.sent_to("/"))) == {"a": value}


def test_cookie_name_invalid_raises_error() -> None:
    with pytest.raises(CookieError):
        cookie_header({"a b": "1"})
