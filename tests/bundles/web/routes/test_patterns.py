"""The patterns of rules, and the paths to which they rewrite."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bundles.web.routes.languages import are_disjoint, covers, sample_of
from bundles.web.routes.pattern import Pattern
from bundles.web.routes.sent_path import SentPath
from bundles.web.routes.template import Template
from rxkernel import ConfigurationError


def matched(pattern: str, path: str) -> list[str] | None:
    sent = SentPath.of(path)
    assert sent is not None
    match = Pattern.parse(pattern).match(sent.text)
    if match is None:
        return None
    return [sent.sent(*match.span(number)) for number in range(1, match.re.groups + 1)]


@pytest.mark.parametrize(
    ("pattern", "path", "groups"),
    [
        ("/", "/", []),
        ("/a", "/a", []),
        ("/a", "/a/", None),
        ("/a", "/A", None),
        ("/a.b", "/axb", None),
        ("/a+b", "/a+b", []),
        ("/(a|b)", "/b", ["b"]),
        ("/(a|b)", "/c", None),
        ("/(a.b|c/d)", "/c/d", ["c/d"]),
        ("/(.*)", "/", [""]),
        ("/(.*)", "/a/b\nc", ["a/b\nc"]),
        ("/(.*).html", "/a.html.html", ["a.html"]),
        ("/([^/]+)", "/", None),
        ("/([^/]+)", "/a/b", None),
        ("/([^/]+)/x/(.*)", "/a/x/x/y", ["a", "x/y"]),
        ("/(.*)/([^/]+)", "/a/b/c", ["a/b", "c"]),
        # percent-encoding is compared decoded, and kept in groups; %2F is not a slash
        ("/%61/(.*)", "/a/%20", ["%20"]),
        ("/a/(.*)", "/%61/%41%2f", ["%41%2f"]),
        ("/([^/]+)", "/a%2Fb", ["a%2Fb"]),
        ("/a/b", "/a%2Fb", None),
        ("/a%2Fb", "/a%2fb", []),
        ("/ш/(.*)", "/%D1%88/%D1%88x", ["%D1%88x"]),
        ("/%D1%88/(.*)", "/ш/ш", ["ш"]),
        ("/(ш|b)", "/%d1%88", ["%d1%88"]),
        ("/%28a%29", "/(a)", []),
        ("/100%25/(.*)", "/100%25/%25", ["%25"]),
    ],
    ids=lambda value: None,
)
def test_pattern_compares_the_whole_decoded_path(
    pattern: str, path: str, groups: list[str] | None
) -> None:
    assert matched(pattern, path) == groups


@pytest.mark.parametrize("raw", ["/%", "/%zz", "/%ff", "/a%00", "/\0", "/\udcff"], ids=repr)
def test_malformed_path_is_not_parsed(raw: str) -> None:
    assert SentPath.of(raw) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "must begin with /"),
        ("", "must begin with /"),
        ("/(a", "parenthesis without its pair"),
        ("/a)", "parenthesis without its pair"),
        ("/((a)|b)", "parenthesis without its pair"),
        (r"/(\d+)", r"has the group \(\\d\+\)"),
        ("/()", r"has the group \(\)"),
        ("/(a|)", r"has the group \(a\|\)"),
        ("/([a-z]+)", "has the group"),
        ("/(.+)", "has the group"),
        ("/(%zz)", "has the group"),
        ("/a/*", r"has '\*' outside of a group; write \(\.\*\) for anything"),
        ("/a|b", r"has '\|' outside of a group"),
        ("/{id}", "has '{' outside of a group"),
        ("/q/:id", r"has ':id', which is not a group; write \(\[\^/\]\+\) for a part without"),
        ("/:year/(.*)", r"has ':year', .* or %3Ayear for this text"),
        ("/a?b=1", "a rule compares only the path, the query is kept"),
        ("/a#b", "a rule compares only the path"),
        ("/a%zz", "is not a valid path"),
        ("/(.*)/(.*)", r"more than one \(\.\*\); write \(\[\^/\]\+\) for the others"),
        ("/(.*)([^/]+)", r"two of \(\.\*\) and \(\[\^/\]\+\) without a / between them"),
        ("/([^/]+)-([^/]+)", "without a / between them"),
        (f"/{'(a|aa)' * 7}b", r"one path could match in more than 64 ways; write fewer such"),
        ("/(a|a/a)/(a|a/a|a/a/a/a)" * 4, "in more than 64 ways"),
    ],
)
def test_invalid_pattern_is_an_error(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Pattern.parse(text)


@pytest.mark.parametrize(
    "text", [f"/{'(a|b)' * 40}", f"/{'(a|aa)' * 6}", f"/({'|'.join(f'a{n}' for n in range(500))})"]
)
def test_groups_that_match_in_few_ways_are_accepted(text: str) -> None:
    Pattern.parse(text)


LITERALS = st.text("ab/", max_size=3)
GROUPS = st.one_of(
    st.just("([^/]+)"),
    st.just("(.*)"),
    st.lists(st.text("ab/", min_size=1, max_size=3), min_size=2, max_size=3).map(
        lambda texts: f"({'|'.join(texts)})"
    ),
)


@given(
    st.lists(st.one_of(LITERALS, GROUPS), max_size=5).map("".join),
    st.lists(st.text("ab/", max_size=6), min_size=20, max_size=20),
)
def test_path_that_matches_fits_the_parts(text: str, paths: list[str]) -> None:
    try:
        pattern = Pattern.parse(f"/{text}")
    except ConfigurationError:
        assume(False)
    for path in paths:
        if pattern.match(f"/{path}") is not None:
            assert pattern.fits(f"/{path}".split("/"))


@pytest.mark.parametrize(
    ("url", "fitting", "others"),
    [
        ("/([^/]+)/x", ["/a/x"], ["/a", "/a/y", "/a/x/", "/a/b/x"]),
        ("/([^/]+)-x", ["/a-x", "/-x"], ["/a-y", "/x", "/a-x/b"]),
        ("/([^/]+)/x-([^/]+)", ["/a/x-b"], ["/a/y-b", "/a/b"]),
        ("/(.*)/x", ["/a/x", "/a/b/x", "//x"], ["/x", "/a/y", "/a/x/b"]),
        ("/(.*)/x/([^/]+)", ["/a/b/x/c"], ["/a/b/c/x", "/x/c"]),
        ("/a(.*)b/x", ["/ab/x", "/ac/db/x"], ["/b/x", "/a/x", "/ac/d/x"]),
        ("/([^/]+)-(a|b)", ["/x-a", "/y-b"], ["/x-c", "/x"]),
        ("/(a|b)c", ["/ac", "/bc"], ["/c", "/abc", "/ac/"]),
        ("/(a/b|c)/d", ["/a/b/d", "/c/d", "/x/d"], ["/d", "/c/e"]),
    ],
)
def test_path_fits_a_pattern_if_its_parts_fit(
    url: str, fitting: list[str], others: list[str]
) -> None:
    """The parts are compared before the pattern itself, which reads the whole path."""
    pattern = Pattern.parse(url)

    assert [path for path in [*fitting, *others] if pattern.fits(path.split("/"))] == fitting


@pytest.mark.parametrize(
    ("url", "template", "path", "query", "target"),
    [
        ("/(.*)", "/x/[1]", "/a/b", "", "/x/a/b"),
        ("/(a|b)/(.*)", "/[2]/[1]/[2]", "/a/c", "q=1", "/c/a/c?q=1"),
        ("/(.*)", "/x?q=[1]&r=2", "/a%26b", "s=3", "/x?q=a%26b&r=2&s=3"),
        ("/(.*)", "/x?q=[1]", "/a/b c%2F+", "", "/x?q=a%2Fb%20c%2F%2B"),
        ("/(.*)", "/x/[1]", "/%D1%88%2f%3F", "", "/x/%D1%88%2f%3F"),
        ("/(.*)", "/x/[1]", "/ш", "", "/x/%D1%88"),
        ("/a", "/ш b", "/a", "", "/%D1%88%20b"),
        ("/(.*)", "/[1]", "//evil.example", "", "//evil.example"),
    ],
    ids=lambda value: None,
)
def test_template_is_filled_with_the_groups(
    url: str, template: str, path: str, query: str, target: str
) -> None:
    pattern = Pattern.parse(url)
    sent = SentPath.of(path)
    assert sent is not None
    match = pattern.match(sent.text)
    assert match is not None

    assert Template.parse(template, pattern).fill(sent, match, query) == target


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("x", "must begin with /"),
        ("[1]", "must begin with /"),
        ("/x#y", "has '#'; remove it: a request has no fragment"),
        ("/%zz", "is not a valid path"),
        ("/%ff", "is not a valid path"),
        ("/[2]", r"has \[2\], but url has the groups \[1\] to \[1\]"),
        ("/[0]", r"has \[0\]"),
        ("/[a]", r"has a bracket; write the groups of url as \[1\], \[2\]"),
        ("/(.*)", "has a bracket"),
    ],
)
def test_invalid_template_is_an_error(template: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Template.parse(template, Pattern.parse("/(.*)"))


def test_template_with_a_group_of_a_pattern_without_groups_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match=r"has \[1\], but url has no groups"):
        Template.parse("/[1]", Pattern.parse("/a"))


@pytest.mark.parametrize(
    ("larger", "smaller"),
    [
        ("/(.*)", "/a/(.*)"),
        ("/(.*)", "/([^/]+)"),
        ("/([^/]+)", "/(a|b)"),
        ("/(a|b|c)", "/(b|a)"),
        ("/(ab|a)(c|bc)", "/abc"),
        ("/(.*)/x", "/a/([^/]+)/x"),
        ("/(.*)", "/(.*)"),
        ("/a/(.*)", "/%61/b"),
        ("/([^/]+)/(.*)", "/([^/]+)/([^/]+)"),
        ("/([^/]+)b", "/([^/]+)ab"),
    ],
)
def test_pattern_that_covers_another_one_matches_all_its_paths(larger: str, smaller: str) -> None:
    one, two = Pattern.parse(larger), Pattern.parse(smaller)

    assert covers(one.tokens, two.tokens)
    assert one.match(sample_of(two.tokens)) is not None
    assert not are_disjoint(one.tokens, two.tokens)


@pytest.mark.parametrize(
    ("larger", "smaller"),
    [
        ("/a/(.*)", "/(.*)"),
        ("/([^/]+)", "/(.*)"),
        ("/(a|b)", "/([^/]+)"),
        ("/(a|b)", "/(a|c)"),
        ("/([^/]+)/x", "/(.*)/x"),
        ("/(.*)x", "/(.*)"),
        ("/([^/]+)ab", "/([^/]+)b"),
        ("/([^/]+)", "/"),
    ],
)
def test_pattern_does_not_cover_another_one(larger: str, smaller: str) -> None:
    assert not covers(Pattern.parse(larger).tokens, Pattern.parse(smaller).tokens)


@pytest.mark.parametrize(
    ("one", "other"), [("/a/(.*)", "/b/(.*)"), ("/([^/]+)", "/a/(.*)"), ("/(.*)x", "/(.*)y")]
)
def test_patterns_without_a_common_path_are_disjoint(one: str, other: str) -> None:
    assert are_disjoint(Pattern.parse(one).tokens, Pattern.parse(other).tokens)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/(.*)/a([^/]+)b/([^/]+)/(a|aa)(a|aa)(a|aa)", "/" + "a/ab" * 2000),
        ("/(.*)/([^/]+)x", "/" + "x/" * 4000),
        ("/([^/]+)a/([^/]+)a/(.*)a/x", "/" + "a" * 4000 + "/" + "a" * 4000),
    ],
)
def test_long_path_that_does_not_match_is_compared(pattern: str, path: str) -> None:
    """With one more ``(.*)``, each pattern would take quadratic time in the length of the path."""
    assert Pattern.parse(pattern).match(path) is None
