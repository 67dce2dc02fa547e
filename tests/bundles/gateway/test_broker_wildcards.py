"""Moleculer's patterns for names, in which a dot matches only a dot."""

import pytest

from bundles.gateway import matches

NAMES = ["math.add", "math.adv.pow", "math", "math.", "mathXadd", "", "v2.math.add", "users.get"]


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("math.add", ["math.add"]),
        ("math.*", ["math.add", "math."]),
        ("math*", ["math.add", "math", "math.", "mathXadd"]),
        ("math.**", ["math.add", "math.adv.pow", "math."]),
        ("math**", ["math.add", "math.adv.pow", "math", "math.", "mathXadd"]),
        ("*", ["math", "mathXadd", ""]),
        ("**", NAMES),
        ("*.add", ["math.add"]),
        ("**.add", ["math.add", "v2.math.add"]),
        ("math.*.pow", ["math.adv.pow"]),
        ("*.*", ["math.add", "math.", "users.get"]),
        ("user?.get", ["users.get"]),
        ("math?add", ["math.add", "mathXadd"]),
        ("math.(add|sub)", []),
        ("m[a-z]*h.add", []),
        ("", [""]),
    ],
)
def test_pattern_matches_these_names_only(pattern: str, matched: list[str]) -> None:
    assert [name for name in NAMES if matches(name, pattern)] == matched


@pytest.mark.parametrize(
    ("name", "pattern", "is_match"),
    [
        ("$node.health", "$node.*", True),
        ("xnode.health", "$node.*", False),
        ("user.get", "user?.get", False),
        ("a.b\nc", "a.*", True),
        ("a.b\nc", "*.*", True),
        ("a.b\n", "*.b", False),
        ("math.add\n", "math.add", False),
        ("a", "***", True),
        ("a.ab", "**a*b", True),
        ("a.a.b", "**a*b", False),
        ("aXbXc", "a*b*c", True),
        ("aXb.Xc", "a*b*c", False),
    ],
)
def test_pattern_with_special_characters_matches_them_literally(
    name: str, pattern: str, is_match: bool
) -> None:
    assert matches(name, pattern) is is_match


def test_pattern_with_many_wildcards_ends_in_time() -> None:
    """A regular expression would try every way to divide the name among the stars."""
    assert not matches("a" * 2000, "*a" * 20 + "b")
    assert matches("a" * 2000 + "b", "**a" * 20 + "b")
