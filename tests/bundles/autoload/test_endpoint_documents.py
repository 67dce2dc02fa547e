"""The bundle apidocs describes endpoints."""

from typing import Any

from bundles.apidocs import ApidocsBundle, Documents
from tests.bundles.autoload.conftest import Folder

FILES = {
    "schemas/City.py": "schema = {'name': 'string', 'area?': 'number'}",
    "api/city/get.py": """
        access = "public"
        caption = "Get a city"
        description = "By its number."
        parameters = {"city_id": "number", "lang?": "string"}
        returns = "City"
        errors = {"unknown": "There is no such city"}
        timeout = 3
        safe = True

        async def method(city_id, lang): ...
        """,
    "api/city/find.py": '''
        import attrs

        access = "public"
        deprecated = "use city/get"

        @attrs.frozen
        class Box:
            left: float

        @attrs.frozen
        class Found:
            names: list[str]

        async def find(box: Box, limit: int = 10) -> Found:
            """Find cities.

            In a box.
            """
        ''',
    "api/city/count.py": "access = 'public'\nasync def method() -> int: return 1",
}


async def documents(folder: Folder) -> Documents:
    application = await folder.boot(FILES, bundles=[ApidocsBundle])
    return application.injector.get(Documents)


async def test_openapi_has_the_contract_of_an_endpoint(folder: Folder) -> None:
    openapi = (await documents(folder)).openapi

    path: dict[str, Any] = openapi["paths"]["/api/city/get"]
    post, get = path["post"], path["get"]
    assert (post["summary"], post["description"]) == ("Get a city", "By its number.")
    assert post["tags"] == ["city"]
    body = post["requestBody"]["content"]["application/json"]["schema"]
    assert body == {
        "type": "object",
        "properties": {"city_id": {"type": "number"}, "lang": {"type": ["string", "null"]}},
        "required": ["city_id"],
        "additionalProperties": False,
    }
    result = {"$ref": "#/components/schemas/City"}
    assert post["responses"]["200"]["content"]["application/json"]["schema"] == result
    assert {"400", "408", "422"} <= post["responses"].keys()
    assert "requestBody" not in get
    assert [(p["in"], p["name"], p.get("required", False)) for p in get["parameters"]] == [
        ("query", "city_id", True),
        ("query", "lang", False),
    ]
    assert {"/api/city.1/get", "/api/city.1/find"} <= openapi["paths"].keys()


async def test_openapi_has_the_classes_of_a_typed_signature(folder: Folder) -> None:
    openapi = (await documents(folder)).openapi

    post = openapi["paths"]["/api/city/find"]["post"]
    assert (post["summary"], post["deprecated"]) == ("Find cities.", True)
    body = post["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["box"]
    assert body["properties"]["box"] == {"$ref": "#/components/schemas/Box"}
    assert body["properties"]["limit"] == {"type": "integer", "default": 10}
    assert openapi["components"]["schemas"]["Box"]["properties"] == {"left": {"type": "number"}}
    result = {"$ref": "#/components/schemas/Found"}
    assert post["responses"]["200"]["content"]["application/json"]["schema"] == result
    assert "requestBody" not in openapi["paths"]["/api/city/count"]["post"]


async def test_asyncapi_has_the_events_of_endpoints(folder: Folder) -> None:
    asyncapi = (await documents(folder)).asyncapi

    text = str(asyncapi)
    assert "'city/get'" in text
    assert "'city_id': {'type': 'number'}" in text
