"""The definition language of Impress of 2015.

The rules are the same as in `api.definition` of Impress 0.1 and its unit tests. Impress put the
value into the text of an error; rxkernel does not.
"""

from datetime import timedelta
from typing import Any

import pytest

from bundles.contracts.schemas import compile_definitions
from rxkernel import UnprocessableEntityException

SERVER = {
    "server": {
        "port": "number // of the listener",
        "name": "[string]",
        "mode": "fast:string",
        "workers": "4:number",
        "secure": "false:boolean",
        "limit": "[10mb:size]",
        "timeout": "[duration]",
        "level": "[(low,high)]",
        "hosts": "{{host}}",
        "static": "[{folder}]",
        "tags": "[array]",
        "log": "[file]",
        "more": "[*]",
    },
    "host": {"name": "string", "_other": "[number]"},
    "folder": {"path": "string"},
}
DEFAULTS = {"mode": "fast", "workers": 4, "secure": False, "limit": 10_000_000}


def errors_of(definitions: Any, value: Any, name: str | None = None) -> list[tuple[str, str]]:
    with pytest.raises(UnprocessableEntityException) as raised:
        compile_definitions(definitions, name).validate(value, "")
    return [(error["path"], error["message"]) for error in raised.value.errors]


def test_definitions_valid_value_is_converted() -> None:
    value = compile_definitions(SERVER).validate(
        {
            "port": 80,
            "limit": "1gb 500MB",
            "timeout": "1d 1h 30m 5s",
            "level": "high",
            "hosts": [{"name": "a", "x": 1}],
            "static": {"path": "/"},
            "tags": [1, "x"],
            "log": "a.log",
            "more": None,
        }
    )
    assert value == {
        **DEFAULTS,
        "port": 80,
        "limit": 1_500_000_000,
        "timeout": timedelta(days=1, hours=1, minutes=30, seconds=5),
        "level": "high",
        "hosts": [{"name": "a", "x": 1}],
        "static": {"path": "/"},
        "tags": [1, "x"],
        "log": "a.log",
        "more": None,
    }


def test_definitions_collection_may_be_an_object() -> None:
    value = {"port": 80, "hosts": {"first": {"name": "a"}}}
    assert compile_definitions(SERVER).validate(value) == {**DEFAULTS, **value}


@pytest.mark.parametrize(
    ("changed", "path", "definition"),
    [
        ({"port": "5"}, ".port", "number"),
        ({"name": 1}, ".name", "[string]"),
        ({"name": None}, ".name", "[string]"),
        ({"mode": 1}, ".mode", "fast:string"),
        ({"limit": "10 miles"}, ".limit", "[10mb:size]"),
        ({"limit": -1}, ".limit", "[10mb:size]"),
        ({"timeout": ""}, ".timeout", "[duration]"),
        ({"timeout": 1e300}, ".timeout", "[duration]"),
        ({"timeout": "999999999999d"}, ".timeout", "[duration]"),
        ({"level": "middle"}, ".level", "[(low,high)]"),
        ({"hosts": 1}, ".hosts", "{{host}}"),
        ({"hosts": [{"name": 1}]}, ".hosts[0].name", "string"),
        ({"hosts": {"x.y": {"name": "a", "z": "1"}}}, ".hosts.x.y.z", "[number]"),
        ({"static": []}, ".static", "{folder}"),
        ({"static": {}}, ".static.path", "string"),
        ({"tags": {}}, ".tags", "[array]"),
    ],
    ids=str,
)
def test_definitions_with_an_unexpected_value_report_its_path_and_definition(
    changed: Any, path: str, definition: str
) -> None:
    value = {"port": 80, "hosts": [], **changed}
    assert errors_of(SERVER, value) == [(path, f"Unexpected value for definition: {definition}")]


def test_definitions_with_missing_and_unexpected_names_report_both() -> None:
    assert errors_of(SERVER, {"hosts": [], "prt": 80}) == [
        (".port", "Unexpected value for definition: number"),
        (".prt", 'Unexpected name "prt"'),
    ]


def test_definitions_of_the_tests_of_impress_give_the_same_results() -> None:
    fields = {"schema": {"a": "number", "b": "string", "c": "array"}}
    assert compile_definitions(fields).validate({"a": 5, "b": "b", "c": [1, 2, 3]})
    assert errors_of(fields, {"a": "5", "b": "b", "c": []}) == [
        (".a", "Unexpected value for definition: number")
    ]
    nested = {"ab": "{b}", "b": "{c}", "c": "{d}", "d": {"d": "string"}}
    value = {"a": {"b": {"c": {"d": "e"}}}}
    assert compile_definitions(nested, "ab").validate(value) == value
    assert compile_definitions(nested, "ab").validate({"a": {"bb": value["a"]["b"]}})
    items = {"schema": {"items": "{{item}}"}, "item": {"a": "number"}}
    assert compile_definitions(items).validate({"items": [{"a": 1}, {"a": 2}]})


def test_definitions_duration_as_a_number_is_milliseconds() -> None:
    """`api.common.duration` of Impress 0.1."""
    schema = compile_definitions({"a": {"b": "duration", "c": "[size]"}})
    value = schema.validate({"b": 1500, "c": 512})
    assert value == {"b": timedelta(seconds=1.5), "c": 512}
    assert schema.validate({"b": "2m", "c": " 512 "})["c"] == 512


def test_definitions_lenient_converts_texts() -> None:
    """Impress called it ``preprocess``."""
    schema = compile_definitions({"a": {"n": "number", "b": "boolean"}})
    assert schema.validate({"n": "1.5", "b": "true"}, lenient=True) == {"n": 1.5, "b": True}


def test_definitions_may_refer_to_each_other() -> None:
    tree = {"node": {"name": "string", "left": "[{node}]", "_other": "{node}"}}
    value = {"name": "a", "left": {"name": "b"}, "x": {"name": "c", "y": {"name": "d"}}}
    assert compile_definitions(tree).validate(value) == value
    assert errors_of(tree, {"name": "a", "x": {"name": "c", "y": {"name": 1}}}) == [
        (".x.y.name", "Unexpected value for definition: string")
    ]
