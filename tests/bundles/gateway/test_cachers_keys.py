"""The keys of cached results, as in Moleculer 0.14 (base.js, ``defaultKeygen``), except for
different parameters that have the same key there."""

import json
from datetime import date
from itertools import combinations
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundles.gateway.cachers.cache_key import CacheKey
from bundles.gateway.cachers.js_text import number_text
from bundles.gateway.cachers.key_pattern import KeyPattern
from rxkernel import Serializer
from rxkernel.routing.scalars import NO_SCALARS

HASH = "ndaMNO4YrJZX9scPe7CyanQCfGYCl5KmmIPUcDfoVAw="
"""SHA-256 of ``a|`` and 99 letters x, observed in Moleculer."""

to_plain = Serializer(NO_SCALARS).to_plain


@attrs.frozen
class Call:
    params: Any
    meta: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Account:
    id: int
    names: dict[str, str] = attrs.field(factory=dict)


def key_of(
    params: Any,
    keys: tuple[str, ...] | None = None,
    *,
    meta: dict[str, Any] | None = None,
    user: Any = None,
    max_length: int | None = None,
) -> str:
    return CacheKey("m.a", keys, max_length, to_plain).of(Call(params, meta or {}), user)


@pytest.mark.parametrize(
    ("params", "keys", "key"),
    [
        ({}, None, "m.a:"),
        ({"a": 1, "b": True, "c": None}, None, "m.a:a|1|b|true|c|null"),
        ({"b": 2, "a": 1}, None, "m.a:b|2|a|1"),
        ({"10": 1, "x": 3, "2": 2}, None, "m.a:2|2|10|1|x|3"),
        ({"a": [1, [2.5, "x"]], "b": "2024-01-01"}, None, "m.a:a|[1|[2.5|x]]|b|2024-01-01"),
        ("text", None, "m.a:text"),
        ([1, 2], None, "m.a:[1|2]"),
        ({"a": 1, "b": 2}, ("b",), "m.a:2"),
        ({"a": 1, "b": "x"}, ("b", "a"), "m.a:x|1"),
        ({"a": {"b": [7, {"c": 8}]}}, ("a.b.0", "a.b.1.c"), "m.a:7|8"),
        ({"a.b": 1, "a": {"b": 2}}, ("a.b",), "m.a:1"),
        ({"a": None}, ("a", "b", "a.b"), "m.a:null|undefined|undefined"),
        ({"a": "text"}, ("a.upper",), "m.a:undefined"),
        ({"a": 1}, (), "m.a"),
    ],
)
def test_key_equals_the_key_of_moleculer(
    params: Any, keys: tuple[str, ...] | None, key: str
) -> None:
    assert key_of(params, keys) == key


@pytest.mark.parametrize("user", ["ada", 7, Account(7)], ids=repr)
def test_key_of_a_user_without_the_attribute_is_an_error(user: Any) -> None:
    """All of these users would share one result."""
    for meta in ({"user": user}, {}):
        with pytest.raises(TypeError, match=r"'#user\.name', which the user does not have"):
            key_of({}, ("#user.name",), meta=meta, user=user)
    assert key_of({}, ("#user.names.de",), user=Account(7)) == "m.a:undefined"


@pytest.mark.parametrize(
    ("meta", "user", "key"),
    [
        ({"user": {"id": 7}}, None, "m.a:1|7"),
        ({"user": Account(8)}, None, "m.a:1|8"),
        ({"user": {"id": 7}}, Account(9), "m.a:1|7"),
        ({}, Account(9), "m.a:1|9"),
        ({"user": None}, Account(9), "m.a:1|9"),
        ({}, None, "m.a:1|undefined"),
    ],
)
def test_key_of_meta_reads_objects_and_the_user_of_the_message(
    meta: dict[str, Any], user: Any, key: str
) -> None:
    assert key_of({"a": 1}, ("a", "#user.id"), meta=meta, user=user) == key


AMBIGUOUS: list[Any] = [
    *({"a": "b", "c": "d"}, {"a": "b|c|d"}, {"a": {"b": "c"}, "d": 1}, {"a": "b", "c|d": 1}),
    *({"a": 1}, {"a": "1"}, {"a": "1.0"}, {"a": True}, {"a": "true"}, {"a": None}, {"a": "null"}),
    *({}, "", {"": ""}, {"a": {}}, {"a": ""}, {"a": []}, {"a": [""]}, {"a": "[]"}),
    *({"a": [1, 2]}, {"a": "[1|2]"}, {"a": [{"b": 1}, 2]}, {"a": ["b", 1, 2]}, "a|1"),
    *({"a": b"x"}, {"a": "eA=="}, {"a": "x"}, {"a": {"b": {"c": 1}}}, {"a": "b", "c": 1}),
    *({"a": 2**70}, {"a": [2**70, "|"]}, {"a": "\ud800"}, {"a": "\udfff"}),
    *({"page": 1, "filter": {"x": 2}}, {"page": {"1": "filter"}, "x": 2}),
]


@pytest.mark.parametrize("keys", [None, ("a",), ("a", "c")])
def test_key_of_other_parameters_is_another(keys: tuple[str, ...] | None) -> None:
    """In Moleculer many of these keys are equal, so a client can cache a result for other
    clients."""
    for one, other in combinations(AMBIGUOUS, 2):
        if keys is None or [part(one, key) for key in keys] != [part(other, key) for key in keys]:
            assert key_of(one, keys) != key_of(other, keys), (one, other)


def part(params: Any, key: str) -> str:
    if not isinstance(params, dict) or key not in params:
        return "missing"
    return repr(params[key])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab|#[]1tz"', max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab|1", max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(JSON, JSON)
def test_key_is_equal_for_equal_parameters_only(one: Any, other: Any) -> None:
    if key_of(one, max_length=44) == key_of(other, max_length=44):
        assert json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def test_key_longer_than_the_limit_ends_with_a_hash() -> None:
    assert key_of({"a": "x" * 99}, max_length=100) == f"m.a:a|{'x' * 54}{HASH}"
    assert len(key_of({"a": "x" * 5000}, max_length=44)) == len("m.a:") + 44
    assert key_of({"a": "x" * 97}, max_length=100) == "m.a:a|" + "x" * 97


def test_key_forged_like_a_shortened_key_differs_from_it() -> None:
    shortened = key_of({"a": "x" * 200}, max_length=100)
    forged = shortened.removeprefix("m.a:a|")
    assert key_of({"a": forged}, max_length=100) != shortened
    assert key_of({"a": forged}, max_length=100).startswith("m.a:#")


def test_key_of_values_of_other_classes_uses_their_json() -> None:
    assert key_of({"a": Account(1)}) == key_of({"a": {"id": 1, "names": {}}})
    assert key_of({"a": date(2024, 1, 1)}) != key_of({"a": date(2024, 1, 2)})


def test_key_of_values_that_are_not_json_is_an_error_that_names_the_remedy() -> None:
    with pytest.raises(TypeError, match=r"'m\.a' is cached, .*object.*cache=Cache\(keys=…\)"):
        key_of({"a": object()})


@pytest.mark.parametrize(
    ("number", "text"),
    [
        *((0.0, "0"), (-0.0, "0"), (1.0, "1"), (-1.5, "-1.5"), (100.0, "100")),
        *((1e20, "100000000000000000000"), (1e21, "1e+21"), (1.5e300, "1.5e+300")),
        *((1e-6, "0.000001"), (1.5e-7, "1.5e-7"), (5e-324, "5e-324"), (0.1 + 0.2, f"{0.1 + 0.2}")),
        *((2.0**60, "1152921504606847000"), (123456.789, "123456.789"), (10**30, "1" + "0" * 30)),
        *((float("nan"), "NaN"), (float("inf"), "Infinity"), (float("-inf"), "-Infinity")),
    ],
)
def test_number_is_written_as_in_javascript(number: float, text: str) -> None:
    """ECMAScript, Number::toString; observed in Node 20."""
    assert number_text(number) == text


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("math.*", ["math.add", "math.add:", "math.add:1.5", "math.add:a|b:c"]),
        ("math.add", ["math.add", "math.add:", "math.add:1.5", "math.add:a|b:c"]),
        ("math.**", ["math.add", "math.add:", "math.add:1.5", "math.add:a|b:c", "math.adv.pow:1"]),
        ("**.pow", ["math.adv.pow:1", "v2.pow:[1|2]"]),
        ("math.add:*.?", ["math.add:1.5"]),
        ("*.add:a|*", ["math.add:a|b:c"]),
        ("math.add:", ["math.add:"]),
        ("v2.pow:[1|2]", ["v2.pow:[1|2]"]),
        ("math*", ["math.add", "math.add:", "math.add:1.5", "math.add:a|b:c"]),
        ("m?th.add:**", ["math.add:", "math.add:1.5", "math.add:a|b:c"]),
    ],
)
def test_pattern_of_clean_matches_these_keys_only(pattern: str, matched: list[str]) -> None:
    keys = [
        *("math.add", "math.add:", "math.add:1.5", "math.add:a|b:c", "math.adv.pow:1"),
        "v2.pow:[1|2]",
    ]
    assert [key for key in keys if KeyPattern(pattern).matches(key)] == matched
