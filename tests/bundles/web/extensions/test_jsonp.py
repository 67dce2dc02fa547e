"""``.jsonp``, also as Node evaluates it."""

import json
from pathlib import Path
from typing import Any

import pytest

from bundles.web.extensions.jsonp import JSONP
from rxkernel import BadRequestException
from tests.bundles.web.extensions.forms import form_of
from tests.node_scripts import report_of

SCRIPT = """
import { readFileSync } from "node:fs";
import { createContext, runInContext } from "node:vm";

const calls = [];
const record = (name) => (value) => calls.push([name, Object.getPrototypeOf(value ?? 0) ===
  Object.getPrototypeOf(runInContext("({})", context)), JSON.stringify(value)]);
const context = createContext({});
Object.assign(context, { callback: record("callback"), $: { "in": record("$.in") } });
for (const body of JSON.parse(readFileSync(process.argv[2], "utf8"))) runInContext(body, context);
console.log(JSON.stringify(calls));
"""


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({}, "callback"),
        ({"callback": "show"}, "show"),
        ({"jsonp": "$.ajax_1"}, "$.ajax_1"),
        ({"callback": "first", "jsonp": "second"}, "first"),
        ({"callback": "", "jsonp": "second"}, "second"),
        ({"callback": "a" * 128}, "a" * 128),
    ],
)
def test_jsonp_callback_is_that_of_the_query(query: dict[str, str], name: str) -> None:
    assert form_of("jsonp", {"a": 1}, **query) == f'/**/{name}({{"a":1}});'


@pytest.mark.parametrize(
    "name",
    [
        "alert(1);callback",
        "a;b",
        "<script>",
        "a\n",
        "a\u2028b",
        "1a",
        "a-b",
        "a[0]",
        " a",
        "\u0430lert",
        "a\u0660",
        "\\u0061",
        "a" * 129,
        "a/*",
        ".a",
    ],
)
@pytest.mark.parametrize("parameter", ["callback", "jsonp"])
def test_jsonp_invalid_callback_is_400(parameter: str, name: str) -> None:
    """Impress of 2015 executed any text."""
    with pytest.raises(BadRequestException, match="must be a name of JavaScript"):
        form_of("jsonp", 1, **{parameter: name})


@pytest.mark.parametrize(
    ("data", "text"), [(0, "0"), ("", '""'), (False, "false"), (None, "null"), ([], "[]")]
)
def test_jsonp_false_value_is_data(data: Any, text: str) -> None:
    assert form_of("jsonp", data) == f"/**/callback({text});"


def test_jsonp_type_is_script_that_is_not_sniffed() -> None:
    assert JSONP.content_type == "text/javascript; charset=utf-8"
    assert JSONP.headers == {"X-Content-Type-Options": "nosniff"}


def test_jsonp_text_cannot_end_script_element_or_line() -> None:
    body = form_of("jsonp", {"<a>": "</script><!-- \u2028\u2029"})

    assert not {"<", "\u2028", "\u2029"} & {*body}


async def test_jsonp_in_node_has_the_same_value(node: Path, tmp_path: Path) -> None:
    values: list[Any] = [
        {"<a>": "</script><!-- \u2028\u2029 \\u2028 \\", "n": [1, None, True]},
        {"__proto__": {"admin": True}, "text": '"__proto__":', "deep": [{"__proto__": 1}]},
        {"text": "__proto__", '"__proto__': 1, '__proto__"': 2},
        "\U0001f600\0",
    ]
    script, bodies = tmp_path / "script.mjs", tmp_path / "bodies.json"
    script.write_text(SCRIPT)
    bodies.write_text(
        json.dumps(
            [
                *(form_of("jsonp", value) for value in values),
                form_of("jsonp", 5, callback="$.in"),
            ]
        )
    )

    calls = await report_of(node, script, str(bodies), patience=30)

    assert [json.loads(text) for _, _, text in calls] == [*values, 5]
    assert [name for name, _, _ in calls] == ["callback"] * 4 + ["$.in"]
    assert [is_plain for _, is_plain, _ in calls[:3]] == [True] * 3, "__proto__ is a key"
