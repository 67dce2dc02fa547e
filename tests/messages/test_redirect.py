"""The targets that `RedirectResponse` accepts; see tests/servers for redirects over HTTP."""

import pytest

from rxkernel import BadRequestException, RedirectResponse

HOSTS = ["example.org", "other.example:8443", "[::1]", "xn--bcher-kva.example"]


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/", "/"),
        ("/a/b?c=//d#e", "/a/b?c=//d#e"),
        ("/a:b", "/a:b"),
        ("next", "next"),
        ("./a:b", "./a:b"),
        ("../up", "../up"),
        ("?page=2", "?page=2"),
        ("#top", "#top"),
        ("/a b", "/a%20b"),
        ("/é", "/%C3%A9"),
        ("/a//b", "/a//b"),
        ("https://example.org/x?y", "https://example.org/x?y"),
        ("http://EXAMPLE.org", "http://example.org"),
        ("https://example.org:444/", "https://example.org:444/"),
        ("https://other.example:8443/", "https://other.example:8443/"),
        ("http://[::1]:80/", "http://[::1]/"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
    ],
)
def test_redirect_to_own_site_or_listed_host_is_accepted(target: str, location: str) -> None:
    assert RedirectResponse(target, hosts=HOSTS).headers["Location"] == location


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "//[::1]@",
        "https://[::1]@",
        "///evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "//evil.example ",
        "\u3000/x",
        "\x00/x",
        "https:evil.example",
        "https:/evil.example",
        "https:///evil.example",
        "https://evil.example",
        "//example.org",
        "\\\\evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "https://example.org\\@evil.example",
        "https://example.org@evil.example",
        "https://user:secret@example.org",
        "https://example.org.evil.example",
        "https://evil-example.org",
        "https://other.example/",
        "https://other.example:8444/",
        "%2f%2fevil.example",
        "/%2fevil.example",
        "%5c%5cevil.example",
        "/%5cevil.example",
        "/%09/evil.example",
        "https%3a//evil.example",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "ftp://example.org/",
        "http://[::1",
        "https://example.org:99999/",
        "/\ud800",
        "",
    ],
)
def test_redirect_to_other_target_raises_error(target: str) -> None:
    """URL Standard, "basic URL parser": browsers drop tabs, and read ``\\`` as ``/``."""
    with pytest.raises(BadRequestException, match=r"(?s)redirect target .*hosts="):
        RedirectResponse(target, hosts=HOSTS)


def test_redirect_error_names_host_to_add() -> None:
    with pytest.raises(BadRequestException, match=r"another host, evil.example; add it to hosts="):
        RedirectResponse("https://evil.example/x")


def test_redirect_error_shows_target_escaped_and_shortened() -> None:
    with pytest.raises(BadRequestException) as refusal:
        RedirectResponse("//\n" + "x" * 100_000)
    assert "\n" not in refusal.value.message
    assert len(refusal.value.message) < 400


def test_redirect_hosts_as_str_raises_error() -> None:
    """``in`` would find parts of the str."""
    with pytest.raises(TypeError, match=r"hosts is 'example.org'"):
        RedirectResponse("/", hosts="example.org")
