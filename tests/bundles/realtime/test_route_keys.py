"""The keys of route files: checks 17 and 18 of IOServer."""

from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest

from bundles.realtime import VALIDATION_ERROR, Controller, IOServerError, route_entry
from rxkernel import BadRequestException, KernelClient, Request, Response
from tests.bundles.realtime.conftest import ServeRoutes
from tests.bundles.realtime.route_files import application_of, entry, write_routes


@attrs.frozen
class Item:
    name: str
    secret: str = "hidden"


class ItemsController(Controller):
    async def add(self, request: Request) -> Any:
        return {"body": request.body}

    async def params(self, request: Request) -> Any:
        return {name: request.params.getall(name) for name in request.params}

    async def typed(self, id: int, n: int = 0) -> dict[str, int]:
        return {"id": id, "n": n}

    async def item(self) -> Any:
        return Item("tea")

    async def pages(self) -> Any:
        return Response({"items": [{"name": "tea", "other": 1}], "total": 1, "other": 2}, 201)

    async def forbidden(self) -> None:
        raise IOServerError("no", 403, errors=[{"path": "a"}])

    async def whatever(self, request: Request) -> Any:
        error = request.attributes.get(VALIDATION_ERROR)
        assert error is None or isinstance(error, BadRequestException)
        return {"errors": None if error is None else error.errors}

    async def config(self, request: Request) -> Any:
        found = route_entry(request.definition)
        assert found is not None
        return dict(found.config)

    async def which(self, request: Request) -> str:
        return str(request.route_name)


JSON = {"Content-Type": "application/json"}
BODY = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}, "n": {"type": "integer"}},
}
ADD = entry("POST", "/x", "add", schema={"body": BODY}, bodyLimit=100)


# check 17
async def test_body_without_a_required_field_is_400_that_names_it(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    write_routes(tmp_path, "items", ADD)
    site = await serve_routes(ItemsController)

    answer = await site("POST", "/items/x", json={})

    assert (answer.status, answer.json) == (
        400,
        {
            "statusCode": 400,
            "error": "Bad Request",
            "message": 'body: "name" is a required property',
            "code": "validation",
            "errors": [
                {
                    "path": "body",
                    "code": "required",
                    "message": '"name" is a required property',
                }
            ],
        },
    )
    assert (await site("POST", "/items/x", json={"name": "tea"})).status == 200


# check 17
@pytest.mark.parametrize(
    ("body", "media_type", "status", "error"),
    [
        (b"{", "application/json", 400, "Bad Request"),
        (b"", "application/json", 400, "Bad Request"),
        (b"<a/>", "application/xml", 415, "Unsupported Media Type"),
        (b"<a/>", "text/xml", 415, "Unsupported Media Type"),
        (b'{"name": "%s"}' % (b"a" * 100), "application/json", 413, "Content Too Large"),
        (b'"tea"', "application/json", 400, "Bad Request"),
        (b"tea", "text/plain", 400, "Bad Request"),
        (b'{"name": 7, "n": "x"}', "application/json", 400, "Bad Request"),
    ],
)
async def test_body_that_cannot_be_read_has_its_status(
    serve_routes: ServeRoutes,
    tmp_path: Path,
    body: bytes,
    media_type: str,
    status: int,
    error: str,
) -> None:
    write_routes(tmp_path, "items", ADD)
    site = await serve_routes(ItemsController)

    answer = await site("POST", "/items/x", data=body, headers={"Content-Type": media_type})

    assert (answer.status, answer.json["statusCode"], answer.json["error"]) == (
        status,
        status,
        error,
    )


# check 17
async def test_all_errors_are_reported_without_the_values(tmp_path: Path) -> None:
    schema = {
        "body": {"properties": {"list": {"items": {"type": "integer"}}}},
        "querystring": {"properties": {"n": {"type": "integer"}}},
        "params": {"properties": {"id": {"maximum": 3, "type": "integer"}}},
        "headers": {"required": ["x-key"]},
    }
    write_routes(tmp_path, "items", entry("POST", "/:id", "whatever", schema=schema))
    async with KernelClient(application_of(tmp_path, ItemsController)) as client:
        response = await client.http(
            "items_whatever", params={"id": "7", "n": "sssecret"}, body={"list": [1, "sssecret"]}
        )

    assert response.status_code == 400
    assert [one["path"] for one in response.content["errors"]] == [
        "headers",
        "params.id",
        "querystring.n",
        "body.list[1]",
    ]
    assert "sssecret" not in str(response.content)


async def test_query_texts_become_values_of_the_schema(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    types = {
        "n": {"type": "integer"},
        "f": {"type": "number"},
        "b": {"type": "boolean"},
        "l": {"type": "array", "items": {"type": "integer"}},
        "s": {"type": "string"},
        "u": {"type": ["integer", "null"]},
        "d": {"type": "integer", "default": 10},
    }
    schema = {
        "querystring": {"type": "object", "properties": types},
        "params": {"properties": {"id": {"type": "integer"}}},
    }
    write_routes(tmp_path, "items", entry("GET", "/:id", "params", schema=schema))
    site = await serve_routes(ItemsController)

    answer = await site("GET", "/items/7?n=3&f=1.5&b=true&l=1&l=2&s=8&u=&x=1")

    assert answer.json == {
        **{"id": [7], "n": [3], "f": [1.5], "b": [True], "l": [1, 2]},
        **{"s": ["8"], "u": [None], "d": [10], "x": ["1"]},
    }
    assert (await site("GET", "/items/7?l=1")).json["l"] == [1]
    for query in ("n=x", "n=1.5", "n=1&n=2", "b=yes", "f=nan", "l=x", "n=", "b="):  # as Ajv
        assert (await site("GET", f"/items/7?{query}")).status == 400
    assert (await site("GET", "/items/x")).status == 400


async def test_schema_values_reach_typed_parameters(tmp_path: Path) -> None:
    schema = {"query": {"properties": {"n": {"type": "integer", "default": 5}}}}
    write_routes(tmp_path, "items", entry("GET", "/:id", "typed", schema=schema))
    async with KernelClient(application_of(tmp_path, ItemsController)) as client:
        first = await client.http("items_typed", params={"id": "1", "n": "2"})
        second = await client.http("items_typed", params={"id": "1"})

    assert (first.content, second.content) == ({"id": 1, "n": 2}, {"id": 1, "n": 5})


async def test_form_fields_are_validated_as_a_body(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    schema = {"body": BODY, "querystring": {"additionalProperties": False}}
    write_routes(tmp_path, "items", entry("POST", "/x", "params", schema=schema))
    site = await serve_routes(ItemsController)

    answer = await site("POST", "/items/x", data={"name": "tea", "n": "3"})

    assert (answer.status, answer.json) == (200, {"name": ["tea"], "n": ["3"]})
    assert (await site("POST", "/items/x", data={"n": "3"})).status == 400
    assert (await site("POST", "/items/x?q=1", data={"name": "tea"})).status == 400


async def test_headers_are_validated_by_lower_case_name(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    schema = {"headers": {"required": ["x-n"], "properties": {"x-n": {"type": "integer"}}}}
    write_routes(tmp_path, "items", entry("GET", "/x", "which", schema=schema))
    site = await serve_routes(ItemsController)

    assert (await site("GET", "/items/x", headers={"X-N": "3"})).status == 200
    assert (await site("GET", "/items/x", headers={"X-N": "a"})).status == 400
    assert (await site("GET", "/items/x")).status == 400


async def test_header_of_several_lines_is_one_text(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    schema = {"headers": {"properties": {"x-n": {"const": "1, 2"}}}}
    write_routes(tmp_path, "items", entry("GET", "/x", "which", schema=schema))
    site = await serve_routes(ItemsController)

    assert (await site("GET", "/items/x", headers=[("X-N", "1"), ("X-N", "2")])).status == 200


async def test_errors_of_a_large_body_are_limited(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    schema = {"body": {"items": {"type": "string"}, "additionalProperties": False}}
    write_routes(tmp_path, "items", entry("POST", "/x", "which", schema=schema))
    site = await serve_routes(ItemsController)

    many = await site("POST", "/items/x", json=[1] * 10_000)
    long = await site("POST", "/items/x", json={"a" * 10_000: 1})

    assert (many.status, len(many.json["errors"])) == (400, 50)
    assert (long.status, len(long.text) < 2_000) == (400, True)


async def test_fields_of_a_multipart_form_are_validated(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    schema = {"body": BODY}
    write_routes(tmp_path, "items", entry("POST", "/x", "which", schema=schema))
    site = await serve_routes(ItemsController)

    def form(**fields: str) -> aiohttp.FormData:
        data = aiohttp.FormData(fields)
        data.add_field("file", b"content", filename="a.txt")
        return data

    assert (await site("POST", "/items/x", data=form(name="tea", n="3"))).status == 200
    assert (await site("POST", "/items/x", data=form(n="3"))).status == 400


async def test_body_null_is_validated_as_a_value(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    schema = {"body": {"type": ["object", "null"]}}
    write_routes(tmp_path, "items", entry("POST", "/x", "which", schema=schema))
    site = await serve_routes(ItemsController)

    assert (await site("POST", "/items/x", data=b"null", headers=JSON)).status == 200
    assert (await site("POST", "/items/x", headers=JSON)).status == 400


@pytest.mark.parametrize(
    "body", [b"\x81\xa4name\xc4\x01a", b"\x81\x01\xa1a", b"\x81\xa4name\xa1a"]
)
async def test_messagepack_body_is_validated(
    serve_routes: ServeRoutes, tmp_path: Path, body: bytes
) -> None:
    """The first two contain values that JSON cannot represent: bytes, and a number as a name."""
    write_routes(tmp_path, "items", ADD)
    site = await serve_routes(ItemsController)

    answer = await site(
        "POST", "/items/x", data=body, headers={"Content-Type": "application/msgpack"}
    )

    assert answer.status == (200 if body.endswith(b"name\xa1a") else 400)


RESPONSE = {"type": "object", "properties": {"name": {"type": "string"}}}


# check 18
async def test_field_that_the_response_schema_lacks_is_removed(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    pages = {
        "type": "object",
        "properties": {"items": {"type": "array", "items": RESPONSE}, "total": {}},
    }
    write_routes(
        tmp_path,
        "items",
        entry("GET", "/item", "item", schema={"response": {"200": RESPONSE}}),
        entry("GET", "/pages", "pages", schema={"response": {"2xx": pages, "200": RESPONSE}}),
        entry(
            "GET", "/no", "forbidden", schema={"response": {"4XX": {"$ref": "#/definitions/e"}}}
        ),
        entry("GET", "/all", "pages", schema={"response": {"default": {"$ref": "#/$defs/all"}}}),
    )
    routes = (tmp_path / "items.json").read_text()
    error = '"definitions": {"e": {"properties": {"message": {}}}}, "$ref": "#/definitions/e"'
    everything = '"$defs": {"all": {}}, "$ref": "#/$defs/all"'
    routes = routes.replace('"$ref": "#/definitions/e"', error)
    (tmp_path / "items.json").write_text(routes.replace('"$ref": "#/$defs/all"', everything))
    site = await serve_routes(ItemsController)

    assert (await site("GET", "/items/item")).json == {"name": "tea"}
    paged = await site("GET", "/items/pages")
    assert (paged.status, paged.json) == (201, {"items": [{"name": "tea"}], "total": 1})
    forbidden = await site("GET", "/items/no")
    assert (forbidden.status, forbidden.json) == (403, {"message": "no"})
    assert (await site("GET", "/items/all")).json["other"] == 2


async def test_attach_validation_passes_the_error_to_the_action(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    write_routes(
        tmp_path,
        "items",
        entry("POST", "/x", "whatever", schema={"body": BODY}, attachValidation=True),
    )
    site = await serve_routes(ItemsController)

    (error,) = (await site("POST", "/items/x", json={})).json["errors"]
    assert error["code"] == "required"
    assert (await site("POST", "/items/x", json={"name": "a"})).json == {"errors": None}


@pytest.mark.parametrize(
    ("url", "path", "expected"),
    [
        ("/a/:id", "/a/7", {"id": ["7"]}),
        ("/a/{id}", "/a/7", {"id": ["7"]}),
        ("/a/{id:int}", "/a/7", {"id": [7]}),
        ("/a/{id:int}", "/a/x", 404),
        (r"/a/:id(^\d+$)", "/a/42", {"id": ["42"]}),
        (r"/a/:id(^\d+$)", "/a/4x", 404),
        (r"/a/:id(^\d+$)", "/a/%D9%A3", 404),  # an Arabic digit: JavaScript's \d is ASCII
        ("/a/*", "/a/b/c", {"wildcard": ["b/c"]}),
        ("/a/:x-:y", "/a/1-2", {"x": ["1"], "y": ["2"]}),
        (r"/a/:file(^[a-z/]+$).:ext", "/a/b.png", {"file": ["b"], "ext": ["png"]}),
        ("/a/:id", "/a/x%2Fy", {"id": ["x/y"]}),
        ("/a/:id", "/a/%zz", 400),
        ("/a::b", "/a:b", {}),
    ],
)
async def test_url_of_a_route_file_matches_as_in_ioserver(
    serve_routes: ServeRoutes, tmp_path: Path, url: str, path: str, expected: Any
) -> None:
    write_routes(tmp_path, "items", entry("GET", url, "params"))
    site = await serve_routes(ItemsController)

    answer = await site("GET", f"/items{path}")

    assert (answer.status if answer.status != 200 else answer.json) == expected


async def test_route_with_a_list_of_methods_serves_each_method(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    write_routes(tmp_path, "items", entry(["GET", "post"], "/x", "which"))
    site = await serve_routes(ItemsController)

    assert (await site("GET", "/items/x")).text == "items_which"
    assert (await site("POST", "/items/x")).text == "items_which_post"
    assert (await site("PUT", "/items/x")).status == 405


async def test_head_route_that_is_not_exposed_is_405(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    write_routes(
        tmp_path,
        "items",
        entry("GET", "/a", "which", exposeHeadRoute=False),
        entry("GET", "/b", "which"),
    )
    site = await serve_routes(ItemsController)

    refused = await site("HEAD", "/items/a")
    assert (refused.status, refused.headers["Allow"]) == (405, "GET, OPTIONS")
    assert (await site("GET", "/items/a")).status == 200
    assert (await site("HEAD", "/items/b")).status == 200


async def test_constraints_choose_between_routes(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    write_routes(
        tmp_path,
        "items",
        entry("GET", "/v", "which", constraints={"version": "1.0.0"}),
        entry("GET", "/v", "config", constraints={"version": "2.0.0"}, config={"v": 2}),
        entry("GET", "/h", "which", constraints={"host": "shop.example"}),
    )
    site = await serve_routes(ItemsController)

    assert (await site("GET", "/items/v", headers={"Accept-Version": "1.0.0"})).status == 200
    second = await site("GET", "/items/v", headers={"Accept-Version": "2.0.0"})
    assert second.json == {"v": 2}
    assert (await site("GET", "/items/v", headers={"Accept-Version": "3.0.0"})).status == 404
    assert (await site("GET", "/items/v")).status == 404
    assert (await site("GET", "/items/h", headers={"Host": "shop.example"})).status == 200
    assert (await site("GET", "/items/h")).status == 404
