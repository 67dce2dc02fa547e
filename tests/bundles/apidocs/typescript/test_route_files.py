"""Node calls routes of the bundle realtime by the JSON Schemas of their route file."""

from pathlib import Path
from typing import Any

from bundles.realtime import Controller
from rxkernel import Request
from tests.bundles.apidocs.route_files import create_shop
from tests.bundles.apidocs.typescript.conftest import (
    Compile,
    RunScript,
    client_of_application,
)
from tests.serving import serving

DRAFT_4 = "http://json-schema.org/draft-04/schema#"
UNUSUAL: dict[str, Any] = {
    "type": "object",
    "required": ["other"],
    "properties": {
        "tree": {"$ref": "#"},
        "pair": {"items": [{"type": "integer"}, {"$ref": "#/definitions/a%20b"}]},
        "some": {"oneOf": [{"type": "integer"}, {"$ref": "#/properties/pair"}, False]},
        "none": {"enum": []},
        "any": True,
        "all": {"allOf": [{"$ref": "#/definitions/a%20b"}, {"maxLength": 3}]},
        "*/ x": {"description": "*/ export const hacked = 1;", "const": "`${1}"},
    },
    "patternProperties": {"^x-": {"type": ["string", "null"]}},
    "definitions": {"a b": {"type": "string"}},
}


async def test_client_sends_and_receives_values_of_the_schemas(
    run_script: RunScript, tmp_path: Path
) -> None:
    async with serving(create_shop(tmp_path)) as application:
        found = await run_script(application, "shop.ts")

    missing, invalid = found.pop("missing"), found.pop("invalid")
    assert found == {
        "added": {"id": 2, "name": "Bob"},
        "found": [{"id": 2, "name": "Bob"}],
        "limited": [{"id": 1, "name": "Ada"}],
        "user": {"id": 1, "name": "Ada"},
    }
    assert (missing["status"], missing["message"]) == (404, "there is no such user")
    assert (invalid["status"], invalid["operation"]) == (400, "shopAdd")
    assert [error["path"] for error in invalid["errors"]] == ["body.name"]


async def test_client_of_route_files_is_accepted_and_wrong_calls_are_rejected(
    compile_client: Compile, tmp_path: Path
) -> None:
    async with create_shop(tmp_path) as application:
        compile_client(client_of_application(application), "wrong_shop_types.ts")


class UnusualController(Controller, name="shop"):
    async def act(self, request: Request) -> Any: ...


async def test_client_of_unusual_schemas_is_accepted(
    compile_client: Compile, tmp_path: Path
) -> None:
    schemas: list[dict[str, Any]] = [
        {"body": UNUSUAL, "response": {"2xx": UNUSUAL, "4xx": True, "default": False}},
        {"body": {"$schema": DRAFT_4, "type": "object"}, "response": {"201": {"type": "string"}}},
        {"querystring": UNUSUAL, "headers": True, "response": {"204": {}, "500": {"not": {}}}},
    ]
    entries = [
        {"method": "POST", "url": f"/{number}", "handler": "act", "schema": schema}
        for number, schema in enumerate(schemas)
    ]
    async with create_shop(tmp_path, entries, UnusualController) as application:
        client = client_of_application(application)

    compiled = (compile_client(client) / "client.js").read_text("utf-8")

    assert "\nexport const hacked" not in compiled
    assert "tree?: ShopActBody;" in client
