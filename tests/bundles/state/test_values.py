"""Hostile paths and values: each is rejected with an error that names the rule."""

import math
import sys
from typing import Any

import pytest

from bundles.state import StateFullException
from bundles.state.paths import DEEPEST_PATH, parts_of
from bundles.state.values import Cleaner, digest, measure


def clean(value: Any, max_size: int = 1000) -> Any:
    return Cleaner("a", max_size).clean(value, 1)


@pytest.mark.parametrize("path", [".", "a.", ".a", "a..b"])
def test_path_with_empty_part_is_rejected(path: str) -> None:
    with pytest.raises(ValueError, match="empty part"):
        parts_of(path)


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("", "path is empty; only State.get and State.watch"),
        ("a" * 1001, "1001 characters"),
        (".".join("a" * 33), "33 parts"),
        ("a.\ud800", "not valid Unicode"),
    ],
    ids=["empty", "long", "deep", "surrogate"],
)
def test_hostile_path_is_rejected(path: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        parts_of(path)


class Text(str):
    """A subclass of str, such as ``markupsafe.Markup`` or a ``StrEnum``."""


@pytest.mark.parametrize("path", [1, ["a"], Text("a")], ids=lambda path: type(path).__name__)
def test_path_of_another_type_is_rejected(path: Any) -> None:
    parts_of("a")
    with pytest.raises(TypeError, match="a path is a str"):
        parts_of(path)


@pytest.mark.parametrize("path", ["__proto__.constructor", "a b", "a\0b", "ü.😀", "a/b"])
def test_path_with_unusual_characters_is_a_path(path: str) -> None:
    assert parts_of(path) == tuple(path.split("."))


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (math.nan, "finite"),
        (math.inf, "finite"),
        (2**63, "64 bits"),
        (10**5000, "an integer of 16610 bits"),
        ([-(2**63) - 1], "64 bits"),
        ("\udcff", "not valid Unicode"),
        ({"a.b": 1}, "parts of paths"),
        ({"": 1}, "parts of paths"),
        ({"k" * 1001: 1}, "1001 characters"),
    ],
    ids=lambda item: "" if type(item) is int and item > 2**64 else str(item),
)
def test_value_that_json_excludes_is_rejected(value: Any, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        clean(value)


@pytest.mark.parametrize(
    "value",
    ["x" * 1001, "ü" * 501, [0] * 100, {"a": {"b": "x" * 999}}],
    ids=["text", "unicode", "list", "dict"],
)
def test_value_with_too_many_bytes_is_rejected(value: Any) -> None:
    with pytest.raises(StateFullException, match=r"1000 bytes; state\.max_value_size is 1000"):
        clean(value)


@pytest.mark.parametrize(
    "value", [b"x", {1}, object, {1: 2}, [{1: 2}], 1j], ids=lambda v: str(type(v))
)
def test_value_of_another_type_is_rejected(value: Any) -> None:
    with pytest.raises(TypeError, match="value for 'a' contains"):
        clean(value)


def nested(levels: int, kind: type) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value] if kind is list else {"a": value}
    return value


@pytest.mark.parametrize("kind", [list, dict])
def test_deep_value_is_rejected_before_the_stack_overflows(kind: type) -> None:
    clean(nested(DEEPEST_PATH - 1, kind))
    with pytest.raises(ValueError, match="levels"):
        clean(nested(DEEPEST_PATH, kind))
    with pytest.raises(ValueError, match="levels"):
        clean(nested(sys.getrecursionlimit() * 2, kind))


def test_value_that_contains_itself_is_rejected() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(ValueError, match="levels"):
        clean(value)


def test_null_and_empty_dicts_are_removed_from_a_value() -> None:
    assert clean({"a": None, "b": {"c": None}, "d": {}, "e": [None, {}, {"x": None}]}) == {
        "e": [None, {}, {"x": None}]
    }
    assert clean({"a": {}}) is None


def test_path_of_a_leaf_over_the_limit_is_rejected() -> None:
    """The path is 'a', and each key adds a dot."""
    assert clean({"k" * 498: {"l" * 499: 1}}, 2000)
    with pytest.raises(ValueError, match="path of 1001 characters"):
        clean({"k" * 498: {"l" * 500: 1}}, 2000)
    assert clean({"k" * 499: [{"l" * 1000: 1}]}, 2000)
    assert Cleaner("the file", 2000).clean({"k" * 1000: 1}, 0)


def test_value_that_is_set_is_copied() -> None:
    items = [1]
    cleaned = clean({"a": items, "b": (2, 3)})
    items.append(2)
    assert cleaned == {"a": [1], "b": [2, 3]}


def test_digests_of_different_types_differ() -> None:
    digests = [digest(value) for value in (1, 1.0, True, "1", [1], {"1": 1}, None)]
    assert len({*digests}) == len(digests)
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


@pytest.mark.parametrize(
    "value",
    [{"aü": {"b": "ж😀"}}, [1, None, ["ж", {"ü": ["x"]}]], 2.5, "ж", {"b": True}],
    ids=ascii,
)
def test_size_of_a_value_is_the_same_when_set_and_when_read(value: Any) -> None:
    """Otherwise a state within the limits could not be read from its file."""
    cleaner = Cleaner("a", 1000)
    assert measure(cleaner.clean(value, 1))[1] == cleaner.size


def test_measure_of_a_value_counts_its_leaves() -> None:
    assert measure({"a": {"b": 1, "c": [1, {"d": "text"}]}, "e": "x"})[0] == 5
    assert measure(None) == (0, 0)
