"""``.jsonp``, also as Node evaluates it."""

import json
from pathlib import Path
from typing import Any

import pytest

from bundles.web.extensions.jsonp import JSONP
from rxkernel import BadRequestException
from tests.bundles.web.conftest import Site
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
def test_jsonp_callback_has_the_name_of_the_query(query: dict[str, str], name: str) -> None:
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
def test_jsonp_falsy_value_is_written(data: Any, text: str) -> None:
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


FILES = {
    "app/a.jsonp/get.py": "async def get(client): return client.parameters",
    "app/b.jsonp/get.py": """
        parameters = {"x": "string"}

        async def get(client):
            return [client.parameters, client.query]
        """,
    "app/b.jsonp/post.py": """
        meta = {"parameters": {"callback": "string"}}

        async def post(client):
            return client.parameters
        """,
    "app/closed.jsonp/access.py": "guests = False",
    "app/closed.jsonp/get.py": "async def get(client): return 1",
    "app/error.py": "async def error(client): return client.exception.status_code",
}


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/a.jsonp?callback=f&_=17&x=1", 200, '/**/f({"x":"1"});'),
        ("/a.jsonp?jsonp=f", 200, "/**/f({});"),
        ("/b.jsonp?callback=f&x=1&_=17", 200, '/**/f([{"x":"1"},{"x":"1"}]);'),
        ("/b.jsonp?x=1", 200, '/**/callback([{"x":"1"},{"x":"1"}]);'),
        ("/a.jsonp?callback=f&callback=g", 400, "/**/callback(400);"),
        ("/a.jsonp?callback=1", 400, "/**/callback(400);"),
        ("/b.jsonp?callback=f", 422, "/**/f(422);"),
        ("/closed.jsonp?callback=f", 401, "/**/f(401);"),
        ("/closed.jsonp?callback=f&callback=g", 401, "/**/callback(401);"),
    ],
)
async def test_jsonp_callback_is_not_a_parameter(
    site: Site, path: str, status: int, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with site.served(FILES) as session, session.get(path) as response:
        assert (response.status, await response.text()) == (status, text)
    assert "has failed" not in caplog.text


async def test_jsonp_field_of_a_form_is_a_parameter(site: Site) -> None:
    async with site.served(FILES) as session:
        form = {"callback": "in the form"}
        async with session.post("/b.jsonp?callback=f", data=form) as response:
            assert await response.text() == '/**/f({"callback":"in the form"});'
