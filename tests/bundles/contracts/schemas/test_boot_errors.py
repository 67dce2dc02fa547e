"""An invalid schema is an error at boot, with the name of the schema and the place."""

from collections.abc import Mapping
from typing import Any

import pytest

from bundles.contracts.schemas import Schemas, compile_definitions, compile_schema
from rxkernel import ConfigurationError
from tests.parameter_ids import id_of


async def is_valid(value: Any) -> bool:
    return bool(value)


CYCLE: dict[str, Any] = {}
CYCLE["a"] = CYCLE

DEEP: Any = "string"
for _ in range(3000):
    DEEP = {"a": DEEP}


def problems_of(notation: Any, schemas: Schemas | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        compile_schema(notation, schemas, "parameters of 'city_get'")
    return list(raised.value.problems)


def problems_of_all(notations: Mapping[str, Any], **types: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        Schemas(notations, types=types)
    return list(raised.value.problems)


@pytest.mark.parametrize(
    ("notation", "problem"),
    [
        ({"a": {"b": "strng"}}, "'a.b': unknown type 'strng'; did you mean 'string'?"),
        ({"a": {"array": "strng"}}, "'a[]': unknown type 'strng'; did you mean 'string'?"),
        ({"a": ["string", "strng"]}, "'a[1]': unknown type 'strng'; did you mean 'string'?"),
        (
            {"a": "Person"},
            "'a': unknown schema 'Person'; there are no named schemas; set contracts.",
        ),
        ({"a": 5}, "'a': 5, a int, is not a notation; write a type such as 'string'"),
        ({"a": str}, "'a': <class 'str'>, a type, is not a notation"),
        ({5: "string"}, "a mapping with keys that are not str, is not a notation"),
        ({"a": {"type": "string", "requird": 1}}, "unknown option 'requird'; did you mean"),
        ({"a": {"type": "string", "name": "string"}}, "begins with its kind: {'Struct': {}, …}"),
        ({"a": {"type": "string", "required": 1}}, "'a': required is 1; write True or False"),
        ({"a": {"type": "boolean", "length": 1}}, "'a': unknown option 'length'"),
        ({"a": {"type": "string", "min": 1}}, "'a': unknown option 'min'"),
        ({"a": {"type": "string", "length": "1"}}, "'a': length is '1'; write the maximum"),
        ({"a": {"type": "string", "length": [3, 2]}}, "with minimum <= maximum"),
        ({"a": {"type": "string", "length": [-1, 2]}}, "'a': length is [-1, 2]"),
        ({"a": {"type": "string", "length": {}}}, "'a': length is {}"),
        ({"a": {"type": "number", "min": 2, "max": 1}}, "'a': min is 2 and max is 1"),
        ({"a": {"type": "number", "min": True}}, "'a': min is True and max is None"),
        ({"a": {"type": "int", "min": 1.5, "max": 1.7}}, "'a': the range contains no int"),
        ({"a": {"type": "u8", "min": 256}}, "'a': the range contains no u8; correct min and max"),
        ({"a": {"type": "number", "min": 5, "length": 4}}, "'a': the range contains no number"),
        ({"a": {"type": "string", "pattern": b"x"}}, "'a': pattern is b'x'; write a regular"),
        ({"a": {"enum": [1, float("nan")]}}, "'a': enum has nan; write texts, finite numbers"),
        ({"a": {"type": "string", "pattern": "("}}, "'a': pattern is '('; write a regular"),
        ({"a": {"type": "string", "validate": 1}}, "'a': validate is 1; it must be a function"),
        ({"a": {"type": "string", "validate": is_valid}}, "a function that is not async"),
        ({"a": {"type": "number", "default": "5"}}, "'a': the default '5' is invalid"),
        ({"a": {"array": "string", "default": [1]}}, "the default [1] is invalid at '[0]'"),
        ({"a": {"enum": []}}, "'a': enum is []; write a list of values"),
        ({"a": {"enum": [[1]]}}, "'a': enum has [1]; write texts, finite numbers"),
        ({"a": []}, "'a': tuple is []; write a list of types"),
        (
            {"a": [{"x": {"b": "string"}}]},
            "'a[0]': an item of a tuple must be a scalar or an enum",
        ),
        ({"a": ["?string", "number"]}, "'a': an optional item is before a required one"),
        ({"a": {"object": "string"}}, "'a': 'string' must have the type of the keys"),
        ({"a": {"type": "object", "key": ["string"], "value": "any"}}, "the type of keys is ["),
        (
            {"a": {"set": {"b": "string"}}},
            "'a[]': an item of a set must be a scalar, an enum or a tuple",
        ),
        ({"a": {"type": "string", "pattern": "(?<=a+)b"}}, "'a': pattern is '(?<=a+)b'; write a"),
        ({"a": {"type": "map"}}, "'a': the type 'map' requires the key 'value'"),
        ({"a": {"object": {"?string": "any"}}}, "the type of keys is '?string'; write a scalar"),
        ({"a": {"type": "string", "length": 2**64}}, "'a': length is 18446744073709551616; write"),
        ({"a": {"array": "string", "length": [1, 2**64]}}, "'a': length is [1, 18446744073709"),
        ({"a": {"object": {"string": "any"}, "length": 2**64}}, "'a': length is 184467440737"),
        ({"a": {"type": "number", "min": 10**400}}, "'a': min is 1000"),
        (CYCLE, "'a': the notation contains itself; name it, and refer to it"),
        pytest.param(DEEP, "is nested more than 64 levels deep", id="deep"),
        ({"a": {"many": "person"}}, "'a': 'person' is not the name of a schema"),
        ({"a": {"type": "tuple"}}, "'a': the type 'tuple' requires the key 'value'"),
        ({"a": {"union": ["string"]}}, "'a': union is ['string']; write a list of two or more"),
        (
            {"a": {"union": [{"x": "string"}, {"y": "string"}]}},
            "'a': the alternatives of a union must have different JSON types",
        ),
        ({"a": "string", "a?": "number"}, "the field 'a?' is declared twice"),
        ({"Projection": {"schema": "X"}}, "a Projection requires a schema and a list of fields"),
        ({"Entity": {}, "required": "string"}, "required is 'string'; write True or False"),
    ],
    ids=id_of,
)
def test_invalid_notation_is_an_error_with_its_place(notation: Any, problem: str) -> None:
    [found] = problems_of(notation)
    assert found.startswith("parameters of 'city_get'")
    assert problem in found


def test_invalid_notation_with_several_problems_reports_all() -> None:
    found = problems_of({"a": "strng", "b": {"c": "Persn", "d": {"enum": []}}})
    assert [problem.split(": ")[0] for problem in found] == [
        "parameters of 'city_get', 'a'",
        "parameters of 'city_get', 'b.d'",
        "parameters of 'city_get', 'b.c'",
    ]


def test_invalid_schemas_report_each_problem_with_its_schema() -> None:
    found = problems_of_all(
        {
            "Person": {"name": "strng", "home": "Hme"},
            "Home": {"size": {"type": "number", "default": "big"}},
            "lower": {"a": "string"},
            "Part": {"Projection": {"schema": "Home", "fields": ["siz"]}},
            "Other": {"Projection": {"schema": "Hme", "fields": ["size"]}},
            "Loop": {"Projection": {"schema": "Loop", "fields": ["size"]}},
            "List": {"Projection": {"schema": "Names", "fields": ["size"]}},
            "Names": {"array": "string"},
        },
        money2="mony",
        Big="string",
        odd={"metadata": {}},
        thing=object(),
    )
    assert found[:4] == [
        "schema 'lower': a name of a schema begins with a capital letter",
        "type 'money2': unknown type 'mony'; did you mean 'money'?",
        "type 'Big': the name of a type must begin with a lowercase letter",
        "type 'odd': the key 'js' is missing; set it to the name of a type of the notation",
    ]
    assert found[4].startswith("type 'thing': ")
    assert found[5:] == [
        "schema 'Person', 'name': unknown type 'strng'; did you mean 'string'?",
        "schema 'Part': the schema 'Home' has no field 'siz'; did you mean 'size'?",
        "schema 'Other': unknown schema 'Hme'; did you mean 'Home'?",
        "schema 'Loop': is a projection of itself, through 'Loop'; name another schema",
        "schema 'List': the schema 'Names' has no fields; name another schema",
        "schema 'Person', 'home': unknown schema 'Hme'; did you mean 'Home'?",
    ]


def test_schemas_defaults_that_do_not_fit_are_reported_together() -> None:
    found = problems_of_all(
        {
            "Home": {"size": {"type": "number", "default": "big"}},
            "Person": {
                "home": {"type": "Home", "default": {}},
                "age": {"type": "int", "default": 1.5},
            },
        }
    )
    assert sorted(problem.split(":")[0] for problem in found) == [
        "schema 'Home', 'size'",
        "schema 'Person', 'age'",
    ]


@pytest.mark.parametrize(
    ("notations", "names", "problem"),
    [
        ({"A": {"a": "A"}}, ["A"], "each value requires another one inside of it"),
        ({"A": {"b": "B"}, "B": {"x": {"a": "A"}}}, ["A", "B"], "make one of the references"),
        ({"A": {"array": "A"}}, ["A"], "refers to itself; write a struct in between"),
        ({"A": {"object": {"string": "B"}}, "B": "A"}, ["A", "B"], "write a struct in between"),
        ({"A": "A"}, ["A"], "refers to itself; write a struct in between"),
    ],
)
def test_schemas_in_a_cycle_without_a_finite_value_are_errors(
    notations: Any, names: list[str], problem: str
) -> None:
    found = problems_of_all(notations)
    assert [each.split(":")[0] for each in found] == [f"schema {name!r}" for name in names]
    assert all(problem in each for each in found)


@pytest.mark.parametrize(
    "notations",
    [
        {"A": {"a": "?A"}},
        {"A": {"a": {"array": "A"}}},
        {"A": {"a": {"many": "A"}}},
        {"A": {"array": {"a": "A"}}},
        {"A": {"b": "B"}, "B": {"a": "?A"}},
        {"A": {"a": {"type": "A", "default": {"a": None}, "required": False}}},
    ],
    ids=id_of,
)
def test_schemas_in_a_cycle_with_a_finite_value_are_compiled(notations: Any) -> None:
    assert Schemas(notations)["A"].json_schema()


@pytest.mark.parametrize(
    ("definitions", "problem"),
    [
        ({"a": {"b": "numbr"}}, "schema 'a', 'b': unknown type 'numbr' in 'numbr'; did you mean"),
        ({"a": {"b": "{c}"}}, "schema 'a', 'b': unknown definition 'c'"),
        ({"a": {"b": "[{{c}}]"}}, "schema 'a', 'b': unknown definition 'c'"),
        ({"a": {"b": {"c": "number"}}}, "schema 'a', 'b': is {'c': 'number'}; write a type"),
        ({"a": 5}, "schema 'a': is 5; write the types of its fields by name"),
        ({"a": {"b": "x:number"}}, "schema 'a', 'b': the default 'x' is invalid"),
        ({"a": {"b": "10 m:size"}}, "the default '10 m' is invalid: expected a size such as"),
        ({}, "unknown definition ''"),
        ({1: {"x": "number"}}, "definitions is {1: {'x': 'number'}}; write a mapping of names"),
        ([1], "definitions is [1]; write a mapping of names"),
        ({"a": {"b": "{a}"}}, "schema 'a': each value requires another one inside of it"),
    ],
    ids=id_of,
)
def test_invalid_definition_is_an_error_with_its_place(definitions: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        compile_definitions(definitions)
    [found] = raised.value.problems
    assert problem in found


@pytest.mark.parametrize("names", [{5: "int"}, [("A", "int")], None])
def test_schemas_with_names_that_are_not_texts_are_an_error(names: Any) -> None:
    for what in ("schemas", "types"):
        with pytest.raises(ConfigurationError, match=f"{what} is .*; write a mapping of names"):
            Schemas(names) if what == "schemas" else Schemas(types=names)


def test_schemas_that_refer_to_each_other_in_a_circle_of_100_are_compiled() -> None:
    schemas = Schemas({f"S{n}": {"next": f"?S{(n + 1) % 100}"} for n in range(100)})
    assert schemas["S99"].validate({"next": {"next": {}}}) == {"next": {"next": {}}}


@pytest.mark.parametrize(
    "notations",
    [
        {f"S{n}": {"next": f"?S{(n + 1) % 2000}"} for n in range(2000)},
        {f"S{n}": f"S{n + 1}" for n in range(2000)} | {"S2000": "int"},
    ],
    ids=["structs", "aliases"],
)
def test_schemas_in_a_chain_that_is_too_long_are_one_error(notations: dict[str, Any]) -> None:
    [problem] = problems_of_all(notations)
    assert "which is too long to be read" in problem


def test_definitions_with_an_unknown_root_name_are_an_error() -> None:
    with pytest.raises(ConfigurationError, match="'servr'; did you mean 'server'"):
        compile_definitions({"server": {}}, "servr")
