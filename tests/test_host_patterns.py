"""The entries of ``http.allowed_hosts``."""

import pytest

from rxkernel.host_patterns import HostPattern, HostPatterns, is_host_pattern


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("Example.ORG", "example.org"),
        ("*.Example.org:8080", "*.example.org:8080"),
        ("*", "*"),
        ("*:81", "*:81"),
        ("[2001:DB8:0::1]:65535", "[2001:db8::1]:65535"),
        ("192.0.2.1", "192.0.2.1"),
    ],
)
def test_host_pattern_is_read_in_canonical_form(text: str, canonical: str) -> None:
    assert str(HostPattern.parse(text)) == canonical


@pytest.mark.parametrize(
    "text",
    ["", "a b", "a..b", "*a", "a.*", "a:", "a:0", "a:65536", "[::x]", "[1]", "http://a", "a/b", 1],
)
def test_invalid_host_pattern_is_rejected(text: object) -> None:
    assert not is_host_pattern(text)


def test_host_pattern_with_port_takes_precedence_over_the_same_without() -> None:
    texts = ["*", "*.example", "*.example:81", "a.example", "a.example:81", "*.a.example"]
    patterns = HostPatterns((HostPattern.parse(t) or HostPattern(""), t) for t in texts)

    found = {
        (name, port): patterns.find(name, port)
        for name in ("a.example", "b.example", "b.a.example", "other")
        for port in (80, 81)
    }

    assert [*found.values()] == [
        *("a.example", "a.example:81"),
        *("*.example", "*.example:81"),
        *("*.a.example", "*.a.example"),
        *("*", "*"),
    ]


def test_host_that_matches_no_pattern_is_not_found() -> None:
    assert HostPatterns([(HostPattern("a.example", 81), 1)]).find("a.example", 80) is None
