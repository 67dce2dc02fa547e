"""The JSON Schemas of route files of the bundle realtime in the OpenAPI document."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
from click.testing import CliRunner, Result
from openapi_spec_validator import OpenAPIV31SpecValidator

from bundles.apidocs.commands import schema
from bundles.realtime import Controller
from rxkernel import Application, Header, Request, Response
from tests.bundles.apidocs.conftest import Made, made
from tests.bundles.apidocs.route_files import ENTRIES, MESSAGE, NEW_USER, SEARCH, create_shop
from tests.bundles.apidocs.schemathesis_run import run_schemathesis
from tests.serving import serving

JSON = "application/json"
NAME = {"$ref": "#/components/schemas/shop_search_Name"}
USER = {
    "type": "object",
    "required": ["id", "name"],
    "properties": {"id": {"type": "integer"}, "name": NAME},
}


@pytest.fixture
async def shop(tmp_path: Path) -> Made:
    return await made(create_shop(tmp_path))


class AnyController(Controller, name="shop"):
    """A controller with few typed parameters."""

    async def anything(self, request: Request) -> Any:
        return None

    async def response(self) -> Response:
        return Response({})

    async def value(self) -> dict[str, int]:
        return {}

    async def nothing(self) -> None:
        return None

    async def typed(
        self,
        id: int,
        part: str,
        wildcard: str,
        n: int,
        tenant: Annotated[str, Header("X-Tenant")],
        m: int = 3,
    ) -> None:
        """Do nothing.

        Args:
            n: how many.
        """


async def described(folder: Path, handler: str, method: Any = "POST", **keys: Any) -> Any:
    """The operation of a route with these keys, and the whole document."""
    entry = {"method": method, "url": keys.pop("url", "/x"), "handler": handler, **keys}
    documents = await made(create_shop(folder, [entry], AnyController))
    assert list(OpenAPIV31SpecValidator(documents.openapi).iter_errors()) == []
    (verbs,) = documents.openapi["paths"].values()
    verb = method[0] if isinstance(method, list) else method
    return verbs[verb.lower()]


def parameters(operation: Any) -> dict[tuple[str, str], Any]:
    return {(p["in"], p["name"]): p for p in operation.get("parameters", ())}


def test_document_with_route_files_is_valid_by_the_official_schema(shop: Made) -> None:
    assert list(OpenAPIV31SpecValidator(shop.openapi).iter_errors()) == []


@pytest.mark.parametrize("examples", [5, pytest.param(1000, marks=pytest.mark.soak)])
async def test_application_with_route_files_matches_its_document(
    tmp_path: Path, examples: int
) -> None:
    async with serving(create_shop(tmp_path)) as application:
        exit_code, output = await run_schemathesis(application, tmp_path, examples)

    assert exit_code == 0, output


def test_query_and_headers_are_parameters(shop: Made) -> None:
    found = parameters(shop.openapi["paths"]["/shop/users"]["get"])

    assert list(found) == [
        ("query", "q"),
        ("query", "limit"),
        ("query", "page"),
        ("query", "tag"),
        ("header", "x-tenant"),
    ]
    assert found["query", "q"] == {
        "name": "q",
        "in": "query",
        "required": True,
        "description": "A part of the name.",
        "schema": {"type": "string"},
    }
    assert "required" not in found["query", "limit"]
    assert found["query", "limit"]["schema"] == SEARCH["properties"]["limit"]
    assert found["query", "page"]["schema"] == {"type": "integer", "default": 1, "minimum": 1}
    assert found["header", "x-tenant"]["required"] is True


def test_parameter_of_a_path_has_its_schema_for_each_method(shop: Made) -> None:
    for verb in ("get", "patch"):
        (found,) = shop.openapi["paths"]["/shop/users/{id}"][verb]["parameters"]
        assert found == {
            "name": "id",
            "in": "path",
            "required": True,
            "schema": {"type": "integer", "minimum": 1},
        }


def test_body_is_required_and_lists_its_media_types(shop: Made) -> None:
    found = shop.openapi["paths"]["/shop/users"]["post"]["requestBody"]

    form = "application/x-www-form-urlencoded"
    assert list(found["content"]) == [JSON, "application/msgpack", form, "multipart/form-data"]
    assert (found["required"], found["description"]) == (True, "Who is added.")
    assert found["content"][JSON]["schema"] == NEW_USER


def test_responses_are_those_that_the_file_names(shop: Made) -> None:
    add = shop.openapi["paths"]["/shop/users"]["post"]["responses"]
    search = shop.openapi["paths"]["/shop/users"]["get"]["responses"]
    user = shop.openapi["paths"]["/shop/users/{id}"]["get"]["responses"]

    assert list(add) == ["201", "400", "413", "415", "4XX"]
    assert add["201"] == {"description": "Created", "content": {JSON: {"schema": USER}}}
    assert add["400"]["content"] == add["4XX"]["content"]
    assert list(add["400"]["content"][JSON]["schema"]["properties"]) == [
        "statusCode",
        "message",
        "errors",
    ]
    assert list(search) == ["2XX", "400", "422"]
    assert search["2XX"]["content"][JSON]["schema"] == {"type": "array", "items": USER}
    assert search["400"] == {"$ref": "#/components/responses/BadRequest"}
    assert list(user) == ["200", "400", "404", "422", "default"]
    assert user["200"]["content"][JSON]["schema"] == USER
    assert user["404"]["content"] == user["default"]["content"] == {JSON: {"schema": MESSAGE}}


@pytest.mark.parametrize(
    ("handler", "response", "statuses"),
    [
        ("response", {"201": {}}, ["201"]),
        ("anything", {"2xx": {}}, ["2XX"]),
        ("response", {"404": {}}, ["200", "404"]),
        ("response", {"default": {}}, ["200", "default"]),
        ("value", {"201": {}}, ["200", "201"]),
        ("nothing", {"204": {"type": "null"}}, ["200", "204"]),
        ("response", {}, ["200"]),
    ],
)
async def test_status_of_plain_values_is_listed_unless_the_file_names_another_success(
    tmp_path: Path, handler: str, response: Any, statuses: list[str]
) -> None:
    found = await described(tmp_path, handler, "GET", schema={"response": response})

    assert list(found["responses"]) == statuses


@pytest.mark.parametrize(
    ("schema", "kinds"),
    [
        ({"type": "string"}, ["text/plain"]),
        ({"type": "string", "format": "email"}, ["text/plain"]),
        ({"$ref": "#/definitions/t", "definitions": {"t": {"type": "string"}}}, ["text/plain"]),
        ({"type": ["string", "null"]}, ["text/plain", JSON]),
        ({"type": "object"}, [JSON]),
        ({"$ref": "#/definitions/t", "definitions": {"t": {"type": "object"}}}, [JSON]),
    ],
)
async def test_response_has_the_media_type_of_its_schema(
    tmp_path: Path, schema: Any, kinds: list[str]
) -> None:
    responses = {"200": schema, "201": schema, "400": schema, "204": schema}
    found = await described(tmp_path, "anything", "PUT", schema={"response": responses})

    for status in ("200", "201", "400"):
        assert list(found["responses"][status]["content"]) == kinds
    assert found["responses"]["204"] == {"description": "No Content"}


async def test_response_has_the_description_of_its_schema(tmp_path: Path) -> None:
    responses = {"200": {"description": "Done."}, "404": {"description": "Gone."}, "2xx": {}}
    found = await described(tmp_path, "anything", "GET", schema={"response": responses})

    texts = {status: each["description"] for status, each in found["responses"].items()}
    assert (texts["200"], texts["404"], texts["2XX"]) == ("Done.", "Gone.", "Each other status.")


async def test_schema_and_signature_are_merged(tmp_path: Path) -> None:
    query = {"properties": {"n": {"maximum": 9}, "m": {"type": "integer", "default": 4}}}
    headers = {
        "required": ["x-trace", "content-type", "accept-version"],
        "properties": {"x-tenant": {"minLength": 2}, "x-trace": {"type": "string"}},
    }
    found = await described(
        tmp_path,
        "typed",
        "GET",
        url="/x/:id/:part/*",
        schema={
            "querystring": {**query, "required": ["o"]},
            "params": {"properties": {"part": {"enum": ["a", "b"]}}},
            "headers": headers,
        },
        constraints={"version": "1"},
    )

    given = parameters(found)
    assert {key: (each.get("required"), each["schema"]) for key, each in given.items()} == {
        ("path", "id"): (True, {"type": "integer"}),
        ("path", "part"): (True, {"enum": ["a", "b"]}),
        ("path", "wildcard"): (True, {"type": "string", "minLength": 1}),
        ("query", "n"): (True, {"type": "integer", "maximum": 9}),
        ("query", "m"): (None, {"type": "integer", "default": 4}),
        ("query", "o"): (True, {"type": "string"}),
        ("header", "X-Tenant"): (True, {"type": "string", "minLength": 2}),
        ("header", "x-trace"): (True, {"type": "string"}),
        ("header", "Accept-Version"): (True, {"const": "1"}),
    }
    assert given["query", "n"]["description"] == "how many."


async def test_query_schema_may_consist_of_parts(tmp_path: Path) -> None:
    schema = {
        "allOf": [{"$ref": "#/definitions/paged"}, {"properties": {"q": True}, "required": ["q"]}],
        "definitions": {"paged": {"properties": {"page": {"type": "integer"}}}},
    }
    found = await described(tmp_path, "anything", "GET", schema={"query": schema})

    assert {key: each.get("required") for key, each in parameters(found).items()} == {
        ("query", "page"): None,
        ("query", "q"): True,
    }


async def test_body_schema_applies_to_each_method_except_get(
    tmp_path: Path,
) -> None:
    schema = {"body": {"$ref": "#/definitions/n", "definitions": {"n": {"type": "integer"}}}}
    get = await described(tmp_path, "anything", "GET", schema=schema)
    put = await described(tmp_path, "anything", ["PUT", "GET"], schema=schema)

    assert "requestBody" not in get
    assert list(get["responses"]) == ["200"]
    assert put["requestBody"]["content"][JSON]["schema"] == {
        "$ref": "#/components/schemas/shop_anything_n"
    }
    assert list(put["responses"]) == ["200", "400", "413", "415"]


async def test_response_to_head_has_no_content(tmp_path: Path) -> None:
    schema = {"response": {"200": MESSAGE, "202": MESSAGE}}
    found = await described(tmp_path, "anything", ["HEAD", "GET"], schema=schema)

    assert [each.get("content") for each in found["responses"].values()] == [{}, {}]


@pytest.mark.parametrize(
    ("body", "kinds"),
    [
        (True, 2),
        ({"type": "string"}, 3),
        ({"type": "object"}, 2),
        ({"properties": {"a": {"type": "integer"}}}, 4),
        ({"properties": {"a": {"type": "array", "items": {"type": "number"}}}}, 4),
        ({"properties": {"a": {"type": "object"}}}, 2),
        ({"properties": {"a": {"enum": [1]}}}, 2),
        ({"properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "number"}}, 2),
        ({"properties": {"a": {"type": "string"}}, "anyOf": [{"required": ["a"]}]}, 2),
    ],
)
async def test_form_is_listed_if_the_types_of_its_fields_convert_texts(
    tmp_path: Path, body: Any, kinds: int
) -> None:
    found = await described(tmp_path, "anything", schema={"body": body})

    assert len(found["requestBody"]["content"]) == kinds


async def test_attached_validation_does_not_add_an_error_response(tmp_path: Path) -> None:
    schema = {"querystring": SEARCH}
    found = await described(tmp_path, "anything", "GET", schema=schema, attachValidation=True)

    assert list(found["responses"]) == ["200"]
    assert ("query", "q") in parameters(found)


async def test_pattern_of_a_path_is_one_of_ecmascript(tmp_path: Path) -> None:
    found = await described(tmp_path, "anything", url="/x/:id(^\\d+$)")

    assert found["parameters"][0]["schema"]["pattern"] == "^(?:(?:\\d+))$"


async def test_recursive_body_is_a_component(tmp_path: Path) -> None:
    tree = {"type": "object", "properties": {"children": {"items": {"$ref": "#"}}}}
    entry = {"method": "POST", "url": "/x", "handler": "anything", "schema": {"body": tree}}
    documents = await made(create_shop(tmp_path, [entry], AnyController))

    assert list(OpenAPIV31SpecValidator(documents.openapi).iter_errors()) == []
    assert documents.openapi["components"]["schemas"]["shop_anything_body"]["properties"] == {
        "children": {"items": {"$ref": "#/components/schemas/shop_anything_body"}}
    }


def run(application: Application, *arguments: str) -> Result:
    return CliRunner().invoke(schema, arguments, obj=application)


def _require_age(entries: Any) -> None:
    entries[2]["schema"]["body"]["required"].append("age")


def _require_tag(entries: Any) -> None:
    entries[0]["schema"]["querystring"]["required"].append("tag")


def _remove_name(entries: Any) -> None:
    del entries[2]["schema"]["response"]["201"]["properties"]["name"]


def _change_status(entries: Any) -> None:
    responses = entries[2]["schema"]["response"]
    responses["202"] = responses.pop("201")


def _describe_age(entries: Any) -> None:
    entries[2]["schema"]["body"]["properties"]["age"]["description"] = "in years"


@pytest.mark.parametrize(
    ("change", "reported"),
    [
        (_require_age, ["POST /shop/users: body.age is required now"]),
        (_require_tag, ["GET /shop/users: query parameter 'tag' is required now"]),
        (_remove_name, ["POST /shop/users: response 201.name was removed"]),
        (
            _change_status,
            [
                "POST /shop/users: response 201 was removed",
                "POST /shop/users: response 202 is new",
            ],
        ),
        (_describe_age, []),
    ],
)
def test_check_names_breaking_changes_of_a_route_file(
    tmp_path: Path, change: Callable[[Any], None], reported: list[str]
) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(run(create_shop(tmp_path), "openapi").output, encoding="utf-8")
    entries = json.loads(json.dumps(ENTRIES))
    change(entries)

    checked = run(create_shop(tmp_path, entries), "check", str(file))

    assert checked.output.splitlines()[:-1] == reported
    assert checked.exit_code == (1 if reported else 0)


NAMED = {"properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}
FIRST = {"type": "object", "properties": {"kind": {"const": "a"}}, "required": ["kind"]}
SECOND = {"type": "object", "properties": {"kind": {"const": "b"}}, "required": ["kind"]}


@pytest.mark.parametrize(
    ("before", "after", "reported"),
    [
        (
            {"allOf": [{"$ref": "#/definitions/n"}, {"required": ["name"]}]},
            {"allOf": [{"$ref": "#/definitions/n"}, {"required": ["name", "age"]}]},
            ["POST /shop/x: body.age is required now"],
        ),
        (
            {"allOf": [{"$ref": "#/definitions/n"}, {"properties": {"size": True}}]},
            {"allOf": [{"$ref": "#/definitions/n"}], "additionalProperties": False},
            [
                "POST /shop/x: body.size was removed",
                "POST /shop/x: body does not accept other fields any more",
            ],
        ),
        (
            {"oneOf": [FIRST, SECOND, False]},
            {"oneOf": [SECOND, False]},
            ["POST /shop/x: body.kind does not accept 'a' any more"],
        ),
        ({"oneOf": [FIRST]}, {"oneOf": [FIRST, SECOND]}, []),
    ],
)
def test_check_compares_schemas_that_consist_of_parts(
    tmp_path: Path, before: Any, after: Any, reported: list[str]
) -> None:
    def shop(body: Any) -> Application:
        schemas = {"body": {**body, "definitions": {"n": NAMED}}}
        entry = {"method": "POST", "url": "/x", "handler": "anything", "schema": schemas}
        return create_shop(tmp_path, [entry], AnyController)

    file = tmp_path / "openapi.json"
    file.write_text(run(shop(before), "openapi").output, encoding="utf-8")

    assert run(shop(after), "check", str(file)).output.splitlines()[:-1] == reported
