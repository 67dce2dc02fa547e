"""The modules of the documentation page that create texts and examples of schemas."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.browser.docs_windows import docs_windows
from tests.browser.documented import documented
from tests.serving import serving

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """One page for all tests: they call functions of its modules, and change nothing on it."""
    async with docs_windows(browser) as open_docs, serving(documented()) as application:
        yield await open_docs(application)


COMPONENTS = {
    "components": {
        "schemas": {
            "Color": {"enum": ["red", "blue"], "description": "What the eye sees."},
            "Tree": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "leaves": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
                    "parent": {"anyOf": [{"$ref": "#/components/schemas/Tree"}, {"type": "null"}]},
                },
                "required": ["name"],
            },
            "Endless": {"$ref": "#/components/schemas/Endless"},
            "Lists": {"type": "array", "items": {"$ref": "#/components/schemas/Lists"}},
        }
    }
}
COLOR = {"$ref": "#/components/schemas/Color"}
NULL = {"type": "null"}


async def described(page: Page, schema: Any) -> tuple[str, list[str], Any]:
    """Return the type, the limits and the example of *schema*."""
    found = await page.evaluate(
        """async ([root, schema]) => {
            const { resolverOf } = await import("./documents.js");
            const { limitsOf, typeText } = await import("./schema_text.js");
            const { exampleOf } = await import("./example_values.js");
            const { schemaView } = await import("./schema_view.js");
            const resolve = resolverOf(root);
            schemaView(schema, resolve);
            return [
                typeText(schema, resolve), limitsOf(schema, resolve), exampleOf(schema, resolve),
            ];
        }""",
        [COMPONENTS, schema],
    )
    return found[0], found[1], found[2]


@pytest.mark.parametrize(
    ("schema", "text", "limits", "example"),
    [
        ({}, "any value", [], None),
        (True, "any value", [], None),
        ({"type": "integer", "minimum": 3}, "integer", ["at least 3"], 3),
        ({"type": "integer", "exclusiveMinimum": 3}, "integer", ["greater than 3"], 4),
        ({"type": "number", "maximum": -2}, "number", ["at most -2"], -2),
        (
            {"type": "integer", "minimum": 7, "multipleOf": 5},
            "integer",
            ["at least 7", "a multiple of 5"],
            10,
        ),
        ({"type": ["string", "null"]}, "string or null", [], "text"),
        (
            {"anyOf": [NULL, {"type": "string", "minLength": 6}]},
            "string or null",
            ["minimum length 6"],
            "textxx",
        ),
        ({"type": "string", "format": "date"}, "string (date)", [], "2026-01-31"),
        ({"type": "string", "contentEncoding": "base64"}, "string (base64)", [], "aGVsbG8="),
        ({"type": "string", "maxLength": 2}, "string", ["maximum length 2"], "te"),
        ({"const": "card"}, '"card"', [], "card"),
        (COLOR, "Color", [], "red"),
        ({"allOf": [COLOR], "default": "blue"}, "Color", [], "blue"),
        ({**COLOR, "default": "blue"}, "Color", [], "blue"),
        ({"anyOf": [COLOR, NULL]}, "Color or null", [], "red"),
        (
            {"type": "array", "items": COLOR, "minItems": 2},
            "list of Color",
            ["minimum items 2"],
            ["red", "red"],
        ),
        (
            {"type": "array", "prefixItems": [{"type": "integer"}, COLOR]},
            "[integer, Color]",
            [],
            [1, "red"],
        ),
        ({"type": "array", "items": [{"type": "integer"}]}, "[integer]", [], [1]),
        (
            {"type": "object", "additionalProperties": {"type": "integer"}},
            "object with values of integer",
            [],
            {},
        ),
        ({"$ref": "#/components/schemas/Endless"}, "any value", [], None),
        ({"$ref": "#/components/schemas/Missing"}, "any value", [], None),
    ],
)
async def test_schema_has_text_limits_and_example(
    page: Page, schema: Any, text: str, limits: list[str], example: Any
) -> None:
    assert await described(page, schema) == (text, limits, example)


async def examples(page: Page, document: Any, *fields: tuple[str, Any]) -> Any:
    """Return the examples of *fields*, pairs of name and schema, on a page of *document*."""
    return await page.evaluate(
        """async ([document, fields]) => {
            const { readLengths } = await import("./text_lengths.js");
            const { exampleOf } = await import("./example_values.js");
            readLengths(document, null);
            const found = fields.map(([name, schema]) => exampleOf(schema, (s) => s, name));
            readLengths();
            return found;
        }""",
        [document, fields],
    )


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ({"minLength": 8}, {"maxLength": 99}, ["textxxxx", "textxxxx"]),
        ({"maxLength": 3}, {}, ["tex", "tex"]),
        ({"minLength": 6}, {"anyOf": [{"type": "string"}, NULL]}, ["textxx", "textxx"]),
        ({"minLength": 6}, {"maxLength": 3}, ["textxx", "tex"]),
        ({"minLength": 65}, {}, ["text" + 61 * "x", "text"]),
        ({"minLength": 6}, {"type": "integer"}, ["textxx", 1]),
        ({"minLength": 6}, {"default": "short"}, ["textxx", "short"]),
    ],
)
async def test_examples_of_fields_with_one_name_have_one_length_if_it_fits(
    page: Page, one: Any, other: Any, found: list[Any]
) -> None:
    """The length of one field is used for the other too, unless it does not fit or is long."""
    texts = [
        {"type": "string", **one},
        {**({} if "anyOf" in other else {"type": "string"}), **other},
    ]
    form, parameter = texts
    document = {
        "paths": {"/x": {"get": {"parameters": [{"name": "word", "schema": parameter}]}}},
        "components": {"schemas": {"Form": {"properties": {"word": form}}}},
    }

    assert await examples(page, document, ("word", form), ("word", parameter)) == found
    assert await examples(page, document, ("other", {"type": "string"})) == ["text"]


async def test_examples_of_fields_with_names_of_schema_keywords_are_found(page: Page) -> None:
    """A field may have the name of a keyword of JSON Schema, such as ``properties``."""
    inner = {"type": "object", "properties": {"anyOf": {"type": "string", "minLength": 6}}}
    document = {
        "components": {
            "schemas": {"Form": {"type": "object", "properties": {"properties": inner}}}
        }
    }

    found = await examples(page, document, ("anyOf", {"type": "string"}), ("properties", inner))
    assert found == ["textxx", {"anyOf": "textxx"}]


@pytest.mark.parametrize("name", ["Tree", "Lists"])
async def test_schema_that_contains_itself_has_finite_example(page: Page, name: str) -> None:
    _, _, example = await described(page, {"$ref": f"#/components/schemas/{name}"})

    assert example is not None


@pytest.mark.parametrize(
    ("given", "command"),
    [
        (
            """{ method: "GET", url: "http://x/a?b='c'", headers: [["X-Name", "it's"]] }""",
            """curl 'http://x/a?b='\\''c'\\''' --header 'X-Name: it'\\''s'""",
        ),
        (
            """{ method: "PUT", url: "http://x/", headers: [["X-Empty", ""]], body: "{}" }""",
            "curl --request PUT 'http://x/' --header 'X-Empty;' --data-raw '{}'",
        ),
        (
            """{ method: "POST", url: "http://x/", headers: [],
                body: new URLSearchParams({ a: "b c" }) }""",
            "curl 'http://x/' --data-raw 'a=b+c'",
        ),
        ("""{ method: "HEAD", url: "http://x/", headers: [] }""", "curl --head 'http://x/'"),
    ],
)
async def test_curl_command_is_quoted_for_shell(page: Page, given: str, command: str) -> None:
    found = await page.evaluate(
        f"""async () => (await import("./curl_command.js")).curlCommand({given})"""
    )

    assert found == command
