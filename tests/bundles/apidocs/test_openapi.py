"""The OpenAPI document of HTTP routes."""

from typing import Annotated, Any
from uuid import UUID

import attrs
import pytest
from jsonschema_rs import validator_for

from bundles.apidocs.documents import encoded
from bundles.contracts import contract
from bundles.security import SecuritySettings
from rxkernel import (
    Body,
    ConfigurationError,
    ForbiddenException,
    Header,
    HttpException,
    HttpSettings,
    RedirectResponse,
    Request,
    Response,
    Settings,
    UploadedFile,
    http,
)
from tests.bundles.apidocs.conftest import Describe, Made, made
from tests.bundles.apidocs.features import create_application


def operation(documents: Made, verb: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = documents.openapi["paths"][path][verb]
    return found


def schema_of(response: dict[str, Any]) -> Any:
    return response["content"]["application/json"]["schema"]


def test_operation_has_name_tag_texts_and_parameters(features: Made) -> None:
    found = operation(features, "get", "/items")

    assert found["operationId"] == "item_list"
    assert found["tags"] == ["Item"]
    assert found["summary"] == "List the items."
    assert found["description"] == "Only those that are *visible*."
    parameters = {(p["in"], p["name"]): p for p in found["parameters"]}
    assert parameters["query", "limit"]["schema"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 100,
        "default": 20,
    }
    assert parameters["query", "color"]["description"] == "only those of a color."
    assert parameters["query", "color"]["schema"] == {"$ref": "#/components/schemas/Color"}
    assert parameters["header", "x-trace"]["description"] == "is logged."
    assert parameters["cookie", "theme"]["schema"] == {"enum": ["dark", "light"]}
    assert found["responses"]["200"]["description"] == "The items, the newest first."


def test_parameters_of_a_path_have_the_type_of_the_action_and_the_pattern(features: Made) -> None:
    (by_slug,) = [
        p for p in operation(features, "put", "/items/{slug}")["parameters"] if p["in"] == "path"
    ]
    assert by_slug["schema"] == {"type": "string", "pattern": "^(?:[a-z-]+)$"}
    (by_id,) = operation(features, "patch", "/items/{id}")["parameters"]
    assert by_id["schema"] == {"type": "integer", "minimum": 1}
    assert by_id["required"] is True


def test_bodies_list_their_media_types(features: Made) -> None:
    def types(verb: str, path: str) -> list[str]:
        return list(operation(features, verb, path)["requestBody"]["content"])

    form = "application/x-www-form-urlencoded"
    assert types("post", "/items") == ["application/json", "application/msgpack"]
    assert types("post", "/signups") == [
        "application/json",
        "application/msgpack",
        form,
        "multipart/form-data",
    ]
    assert types("post", "/pictures") == ["multipart/form-data"]
    assert types("post", "/raw") == types("post", "/streams") == ["application/octet-stream"]
    assert types("post", "/texts") == ["text/plain", "application/json", "application/msgpack"]


def test_fields_of_a_class_beside_a_file_are_in_one_form(features: Made) -> None:
    content = operation(features, "post", "/covers")["requestBody"]["content"]
    schema = content["multipart/form-data"]["schema"]

    assert list(schema["properties"]) == ["name", "age", "tags", "file"]
    assert schema["required"] == ["name", "file"]
    assert schema["properties"]["age"] == {"type": "integer"}  # a form cannot send null


def test_errors_of_input_contract_and_docstring_are_described(features: Made) -> None:
    responses = operation(features, "post", "/items")["responses"]

    assert list(responses) == sorted(responses)
    assert {"201", "400", "404", "408", "409", "413", "415", "422", "503"} <= responses.keys()
    coded, general = schema_of(responses["400"])["anyOf"]
    assert coded["properties"]["code"] == {"enum": ["out_of_stock", "gone"]}
    assert general == {"$ref": "#/components/schemas/Error"}
    assert "`out_of_stock`: There is none left" in responses["400"]["description"]
    assert schema_of(responses["409"])["properties"]["code"] == {"enum": [409]}
    assert responses["404"]["description"] == "its shop does not exist."
    assert responses["413"]["$ref"].startswith("#/components/responses/")


def test_deprecated_operation_names_its_successor(features: Made) -> None:
    found = operation(features, "patch", "/items/{id}")

    assert found["deprecated"] is True
    assert found["description"] == "Deprecated: use item_add"


def test_access_rules_are_security_requirements(features: Made) -> None:
    assert operation(features, "get", "/items")["security"] == []
    assert operation(features, "post", "/signups")["security"][0] == {}
    removal = operation(features, "delete", "/items/{id}")
    assert removal["security"] == [{"bearer": []}, {"session": []}]
    assert "401" in removal["responses"]
    assert operation(features, "put", "/items/{slug}")["security"] == [
        {"bearer": ["admin"]},
        {"session": ["admin"]},
        {"bearer": ["editor"]},
        {"session": ["editor"]},
    ]
    schemes = features.openapi["components"]["securitySchemes"]
    assert schemes["bearer"]["scheme"] == "bearer"
    assert (schemes["session"]["in"], schemes["session"]["name"]) == ("cookie", "sid")


async def test_scheme_of_tokens_is_a_security_scheme() -> None:
    settings = Settings(bundles={"security": SecuritySettings(token_scheme="Token")})
    found = await made(create_application(settings=settings))

    assert found.openapi["components"]["securitySchemes"]["token"]["scheme"] == "Token"
    assert found.asyncapi["components"]["securitySchemes"]["token"]["scheme"] == "Token"
    assert {"token": []} in operation(found, "delete", "/items/{id}")["security"]


def test_schemas_of_contracts_are_described(features: Made) -> None:
    found = operation(features, "post", "/arguments/{id}")

    assert schema_of(found["requestBody"])["properties"] == {"name": {"type": "string"}}
    assert schema_of(found["responses"]["200"])["properties"] == {"ok": {"type": "boolean"}}


def test_streams_files_and_redirects_are_described(features: Made) -> None:
    def content(path: str) -> Any:
        return operation(features, "get", path)["responses"]["200"]["content"]

    binary = {"schema": {"type": "string", "format": "binary"}}
    assert content("/export") == content("/files/{path}") == {"*/*": binary}
    assert list(content("/events")) == ["text/event-stream"]
    assert list(operation(features, "get", "/old")["responses"]) == ["301"]


def test_class_that_differs_in_input_and_output_has_two_schemas(features: Made) -> None:
    schemas = features.openapi["components"]["schemas"]

    assert list(schemas) == sorted(schemas)
    assert schemas["ItemInput"]["required"] == ["id", "name", "price"]
    assert len(schemas["Item"]["required"]) == 8
    assert schemas["Item"]["properties"]["name"]["maxLength"] == 20
    assert "CardInput" not in schemas


def test_markup_is_kept_as_text(features: Made) -> None:
    assert features.openapi["components"]["schemas"]["Item"]["description"] == (
        "A thing <b>to buy</b>."
    )


def test_route_of_another_header_has_a_fragment_in_its_path(features: Made) -> None:
    found = operation(features, "get", "/items#item_list_2")

    assert found["parameters"] == [
        {"name": "Accept-Version", "in": "header", "required": True, "schema": {"const": "2"}}
    ]


async def test_document_of_two_equal_applications_has_equal_bytes() -> None:
    first, second = await made(create_application()), await made(create_application())

    assert encoded(first.openapi) == encoded(second.openapi)
    assert encoded(first.asyncapi) == encoded(second.asyncapi)


async def test_order_of_controllers_does_not_matter(describe: Describe) -> None:
    class A:
        @http("GET", "/a", "a")
        async def a(self) -> None: ...

    class B:
        @http("POST", "/a", "b")
        async def b(self) -> None: ...

    assert encoded((await describe(A, B)).openapi) == encoded((await describe(B, A)).openapi)


async def test_prefix_of_the_server_is_part_of_paths(describe: Describe) -> None:
    class Routes:
        @http("GET", "/a", "a")
        async def a(self) -> None: ...

    documents = await describe(Routes, settings=Settings(http=HttpSettings(prefix="/api")))

    assert "/api/a" in documents.openapi["paths"]
    assert documents.asyncapi["servers"]["main"]["pathname"] == "/socket.io"


async def test_raises_of_an_unknown_name_or_another_exception_is_not_a_response(
    describe: Describe,
) -> None:
    class Routes:
        @http("GET", "/a", "a")
        async def a(self) -> None:
            """Do it.

            Raises:
                ValueError: is a bug.
                Unknown: is a typo.
                ForbiddenException: may not.
            """
            raise ForbiddenException

    responses = (await describe(Routes)).openapi["paths"]["/a"]["get"]["responses"]

    assert list(responses) == ["200", "403"]


async def test_two_classes_of_one_name_are_an_error_with_both(describe: Describe) -> None:
    def make(number: int) -> type[Any]:
        @attrs.frozen
        class Thing:
            value: int

        Thing.__qualname__ = f"shop{number}.Thing"
        return Thing

    first, second = make(1), make(2)

    class Routes:
        @http("GET", "/a", "a")
        async def a(self) -> first: ...  # type: ignore[valid-type]

        @http("GET", "/b", "b")
        async def b(self) -> second: ...  # type: ignore[valid-type]

    Routes.a.__annotations__["return"] = first
    Routes.b.__annotations__["return"] = second
    with pytest.raises(ConfigurationError, match=r"shop1\.Thing and .*shop2\.Thing have .*names="):
        await describe(Routes)

    schemas = (await describe(Routes, names={second: "Other"})).openapi["components"]["schemas"]
    assert {"Thing", "Other"} <= schemas.keys()


async def test_class_with_the_name_of_a_schema_of_the_bundle_is_an_error(
    describe: Describe,
) -> None:
    @attrs.frozen
    class Error:
        value: int

    class Routes:
        @http("POST", "/a", "a")
        async def a(self, error: Error) -> None: ...

    with pytest.raises(ConfigurationError, match="the body of errors"):
        await describe(Routes)


async def test_texts_and_bytes_that_may_be_none_are_not_json(describe: Describe) -> None:
    class Routes:
        @http("GET", "/bytes", "bytes")
        async def bytes(self) -> bytes | None:
            return None

        @http("GET", "/text", "text")
        async def text(self) -> str | None:
            return None

        @http("GET", "/contract", "contract")
        @contract(returns="?string")
        async def contract(self) -> Any: ...

    paths = (await describe(Routes, bundles=["contracts"])).openapi["paths"]

    def content(path: str) -> Any:
        return {
            k: m["schema"] for k, m in paths[path]["get"]["responses"]["200"]["content"].items()
        }

    null, text = {"type": "null"}, {"type": "string"}
    binary = {"type": "string", "format": "binary"}
    assert content("/bytes") == {"application/octet-stream": binary, "application/json": null}
    assert content("/text") == {"text/plain": text, "application/json": null}
    assert content("/contract").keys() == {"text/plain", "application/json"}


async def test_response_of_any_content_differs_from_one_without(describe: Describe) -> None:
    class Routes:
        @http("GET", "/nothing", "nothing")
        async def nothing(self) -> None: ...

        @http("GET", "/any", "any")
        async def any(self) -> Any: ...

        @http("GET", "/response", "response")
        async def response(self) -> Response:
            return Response()

        @http("GET", "/both", "both")
        async def both(self) -> int | Response:
            return 1

        @http("HEAD", "/head", "head")
        async def head(self) -> int:
            return 1

    paths = (await describe(Routes)).openapi["paths"]

    def content(path: str, verb: str = "get") -> Any:
        return paths[path][verb]["responses"]["200"].get("content")

    assert content("/nothing") == {}
    assert content("/any") is content("/response") is None  # it is not described
    assert list(content("/both")) == ["application/json"]
    assert content("/head", "head") == {}


async def test_action_that_takes_the_request_may_get_any_body(describe: Describe) -> None:
    class Routes:
        @http("POST", "/open", "open")
        async def open(self, request: Request) -> None: ...

        @http("GET", "/get", "get")
        async def get(self, request: Request) -> None: ...

        @http("POST", "/typed", "typed")
        async def typed(self, request: Request, name: Annotated[str, Body("name")]) -> None: ...

    paths = (await describe(Routes)).openapi["paths"]

    assert paths["/open"]["post"]["requestBody"] == {
        "required": False,
        "content": {"application/json": {"schema": {}}, "*/*": {"schema": {}}},
    }
    assert "415" in paths["/open"]["post"]["responses"]
    assert "requestBody" not in paths["/get"]["get"]
    assert "*/*" not in paths["/typed"]["post"]["requestBody"]["content"]


async def test_statuses_without_a_phrase_are_described(describe: Describe) -> None:
    class OddException(HttpException):
        status_code = 499

    class Routes:
        @http("GET", "/a", "a", status_code=299)
        async def a(self) -> int | OddException:
            """Do it.

            Responses:
                298:
            """
            return 1

        @http("GET", "/b", "b")
        async def b(self) -> RedirectResponse:
            """Go.

            Responses:
                399: elsewhere
            """
            raise NotImplementedError

    Routes.a.__annotations__["return"] = int | OddException
    paths = (await describe(Routes)).openapi["paths"]

    responses = paths["/a"]["get"]["responses"]
    assert responses["298"]["description"] == responses["299"]["description"] == "Success"
    assert responses["499"] == {"$ref": "#/components/responses/ClientError"}
    assert list(paths["/b"]["get"]["responses"]) == ["399"]


async def test_path_that_another_template_may_match_has_405(describe: Describe) -> None:
    class Routes:
        @http("GET", "/a/{id:uuid}", "show")
        async def show(self, id: UUID) -> None: ...

        @http("DELETE", "/a/{key:int}", "remove")
        async def remove(self, key: int) -> None: ...

        @http("GET", "/b/{id:int}", "other")
        async def other(self, id: int) -> None: ...

    paths = (await describe(Routes)).openapi["paths"]

    assert {"404", "405"} <= paths["/a/{key}"]["delete"]["responses"].keys()
    assert "405" not in paths["/b/{id}"]["get"]["responses"]


def test_response_headers_of_the_docstring_are_described(board: Made) -> None:
    response = operation(board, "post", "/tasks")["responses"]["201"]
    assert response["headers"] == {
        "Location": {"description": "the path of the task.", "schema": {"type": "string"}}
    }

    messages = board.asyncapi["channels"]["main"]["messages"]
    headers = messages["task_create.ack"]["payload"]["properties"]["headers"]
    assert list(headers["properties"]) == ["Location"]


def test_sample_application_has_its_own_title(board: Made) -> None:
    assert board.openapi["info"]["title"] == board.asyncapi["info"]["title"] == "Task board"


def test_title_of_white_space_does_not_fit_its_schema(board: Made) -> None:
    """The server removes white space as Python defines it."""
    schema = board.openapi["components"]["schemas"]["NewTask"]
    title = validator_for(schema["properties"]["title"])

    assert title.is_valid("a")
    blank = [chr(code) for code in range(0x110000) if chr(code).isspace()]
    assert [each for each in blank if title.is_valid(each)] == []


async def test_header_list_is_one_header_of_many(describe: Describe) -> None:
    class Routes:
        @http("POST", "/a", "a")
        async def a(self, x_tag: Annotated[list[int], Header()], file: UploadedFile) -> None: ...

    found = (await describe(Routes)).openapi["paths"]["/a"]["post"]

    assert found["parameters"] == [
        {"name": "x-tag", "in": "header", "required": True, "schema": {"type": "integer"}}
    ]
