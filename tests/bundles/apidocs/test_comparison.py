"""Changes that break clients are reported; other changes are not."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from bundles.apidocs.comparison import breaking_changes
from tests.bundles.apidocs.conftest import Made

Change = Callable[[dict[str, Any]], Any]


def schema(document: dict[str, Any], name: str) -> Any:
    return document["components"]["schemas"][name]


def get(document: dict[str, Any]) -> Any:
    return document["paths"]["/items"]["get"]


def post(document: dict[str, Any]) -> Any:
    return document["paths"]["/items"]["post"]


def limit(document: dict[str, Any]) -> Any:
    return get(document)["parameters"][0]


BREAKING: dict[str, tuple[Change, str]] = {
    "removed operation": (lambda d: d["paths"].pop("/signups"), "POST /signups was removed"),
    "renamed operation": (
        lambda d: get(d).update(operationId="other"),
        "GET /items: operationId changed from 'item_list' to 'other'",
    ),
    "removed parameter": (
        lambda d: get(d)["parameters"].pop(0),
        "GET /items: query parameter 'limit' was removed",
    ),
    "required parameter": (
        lambda d: limit(d).update(required=True),
        "GET /items: query parameter 'limit' is required now",
    ),
    "new required parameter": (
        lambda d: get(d)["parameters"].append(
            {"in": "query", "name": "new", "required": True, "schema": {}}
        ),
        "GET /items: query parameter 'new' is new and required",
    ),
    "tighter limit": (
        lambda d: limit(d)["schema"].update(maximum=50),
        "GET /items: query parameter 'limit': maximum changed from 100 to 50",
    ),
    "new limit": (
        lambda d: schema(d, "Change")["properties"]["newName"].update(maxLength=5),
        "PATCH /items/{id}: body.change.newName: maxLength 5 is new",
    ),
    "removed limit of output": (
        lambda d: schema(d, "Item")["properties"]["name"].pop("maxLength"),
        "POST /items: response 201.name: maxLength 20 was removed",
    ),
    "type of input": (
        lambda d: limit(d)["schema"].update(type="string"),
        "GET /items: query parameter 'limit': type changed from integer to string",
    ),
    "lost choice of input": (
        lambda d: schema(d, "Color")["enum"].remove("red"),
        "GET /items: query parameter 'color' does not accept 'red' any more",
    ),
    "new choice of output": (
        lambda d: schema(d, "Color")["enum"].append("green"),
        "GET /items: response 200[].color may be 'green' now",
    ),
    "new required field": (
        lambda d: schema(d, "ItemInput")["required"].append("color"),
        "POST /items: body.color is required now",
    ),
    "removed field of output": (
        lambda d: schema(d, "Item")["properties"].pop("name"),
        "POST /items: response 201.name was removed",
    ),
    "optional field of output": (
        lambda d: schema(d, "Item")["required"].remove("name"),
        "POST /items: response 201.name may be missing now",
    ),
    "null in output": (
        lambda d: schema(d, "Item")["properties"]["id"].update(type=["integer", "null"]),
        "POST /items: response 201.id: type changed from integer to integer or null",
    ),
    "no null in input": (
        lambda d: schema(d, "Change")["properties"]["dueOn"].update(type="string"),
        "PATCH /items/{id}: body.change.dueOn: type changed from null or string to string",
    ),
    "media type": (
        lambda d: post(d)["requestBody"]["content"].pop("application/msgpack"),
        "POST /items: body does not accept application/msgpack any more",
    ),
    "required body": (
        lambda d: get(d).update(requestBody={"required": True, "content": {}}),
        "GET /items: body is required now",
    ),
    "status": (
        lambda d: post(d)["responses"].update({"200": post(d)["responses"].pop("201")}),
        "POST /items: response 201 was removed",
    ),
    "credential": (
        lambda d: post(d).update(security=[{"bearer": []}]),
        "POST /items needs a credential now",
    ),
    "role": (
        lambda d: d["paths"]["/items/{id}"]["delete"].update(security=[{"bearer": ["admin"]}]),
        "DELETE /items/{id} does not accept bearer any more",
    ),
    "renamed parameter of a path": (
        lambda d: d["paths"].update({"/items/{key}": d["paths"].pop("/items/{id}")}),
        "PATCH /items/{id}: path parameter 'id' was renamed to 'key'",
    ),
    "media type of output": (
        lambda d: d["paths"]["/raw"]["post"]["responses"]["200"]["content"].update(
            {"application/json": {"schema": {"type": "null"}}}
        ),
        "POST /raw: response 200 may be application/json now",
    ),
    "alternative of output": (
        lambda d: schema(d, "Item")["properties"]["paid_by"]["anyOf"].append({"type": "string"}),
        "POST /items: response 201.paid_by may be string now",
    ),
}

HARMLESS: dict[str, Change] = {
    "texts": lambda d: get(d).update(summary="Other", description="Other"),
    "new operation": lambda d: d["paths"].update({"/new": {"get": get(d)}}),
    "new optional parameter": lambda d: get(d)["parameters"].append(
        {"in": "query", "name": "new", "schema": {"type": "string"}}
    ),
    "wider limit": lambda d: limit(d)["schema"].update(maximum=500),
    "removed limit": lambda d: limit(d)["schema"].pop("minimum"),
    "new field of output": lambda d: schema(d, "Item")["properties"].update(new={}),
    "new optional field of input": lambda d: schema(d, "ItemInput")["properties"].update(new={}),
    "field of input not required": lambda d: schema(d, "ItemInput")["required"].remove("price"),
    "new error": lambda d: get(d)["responses"].update({"429": {"description": ""}}),
    "no credential": lambda d: d["paths"]["/items/{id}"]["delete"].update(security=[]),
    "alternative of input": lambda d: schema(d, "ItemInput")["properties"]["paid_by"][
        "anyOf"
    ].append({"type": "string"}),
    "content that may be any": lambda d: d["paths"]["/raw"]["post"]["responses"]["200"].update(
        content={"*/*": {"schema": {"type": "string", "format": "binary"}}}
    ),
    "MessagePack": lambda d: post(d)["responses"]["201"]["content"].update(
        {"application/msgpack": {"schema": {}}}
    ),
    "content that was not described": lambda d: d["paths"]["/plain/{year}.{format}"]["get"][
        "responses"
    ]["200"].update(content={"text/plain": {"schema": {"type": "string"}}}),
    "renamed schema": lambda d: d["components"]["schemas"].update(Other=schema(d, "Item")),
}


@pytest.mark.parametrize("name", BREAKING)
def test_breaking_change_is_named(name: str, features: Made) -> None:
    change, sentence = BREAKING[name]
    new = deepcopy(features.openapi)
    change(new)

    assert sentence in breaking_changes(features.openapi, new)


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_change_is_not_reported(name: str, features: Made) -> None:
    new = deepcopy(features.openapi)
    HARMLESS[name](new)

    assert new != features.openapi
    assert breaking_changes(features.openapi, new) == []


def messages(document: dict[str, Any]) -> Any:
    return document["channels"]["main"]["messages"]


BREAKING_EVENTS: dict[str, tuple[Change, str]] = {
    "removed event": (
        lambda d: d["operations"].pop("item_list"),
        "event 'item_list' of / was removed",
    ),
    "payload": (
        lambda d: messages(d)["item_change"]["payload"]["required"].append("x"),
        "event 'item_change' of /: payload.x is new and required",
    ),
    "acknowledgement": (
        lambda d: messages(d)["item_list.ack"]["payload"]["properties"].pop("content"),
        "event 'item_list' of /: acknowledgement.content was removed",
    ),
    "pushed event": (
        lambda d: schema(d, "Item")["properties"].pop("name"),
        "pushed event 'item_added' of /: payload.name was removed",
    ),
    "choice of an optional parameter": (
        lambda d: schema(d, "Color")["enum"].remove("red"),
        "event 'item_list' of /: payload.params.color does not accept 'red' any more",
    ),
    "removed pushed event": (
        lambda d: d["operations"].pop("push_item_added"),
        "pushed event 'item_added' of / was removed",
    ),
    "credential": (
        lambda d: d["operations"]["item_list"].update(security=[{}]),
        "event 'item_list' of / needs a credential now",
    ),
}


@pytest.mark.parametrize("name", BREAKING_EVENTS)
def test_breaking_change_of_an_event_is_named(name: str, features: Made) -> None:
    change, sentence = BREAKING_EVENTS[name]
    new = deepcopy(features.asyncapi)
    change(new)

    assert sentence in breaking_changes(features.asyncapi, new)


def test_null_that_is_not_accepted_any_more_is_one_change(features: Made) -> None:
    old, new = deepcopy(features.openapi), deepcopy(features.openapi)
    item = post(old)["requestBody"]["content"]["application/json"]
    item["schema"] = {"anyOf": [item["schema"], {"type": "null"}]}

    assert breaking_changes(old, new) == ["POST /items: body does not accept null any more"]


@pytest.mark.parametrize("keyword", ["prefixItems", "items"])
def test_type_of_a_place_of_a_tuple_is_compared(features: Made, keyword: str) -> None:
    """Drafts up to 2019-09, and AsyncAPI, list the places of a tuple in ``items``."""
    old, new = deepcopy(features.openapi), deepcopy(features.openapi)
    for document, kind in ((old, "integer"), (new, "string")):
        places = [{"type": "boolean"}, {"type": kind}]
        content = post(document)["requestBody"]["content"]["application/json"]
        content["schema"] = {"type": "array", keyword: places}

    assert breaking_changes(old, old) == []
    assert breaking_changes(old, new) == [
        "POST /items: body[1]: type changed from integer to string"
    ]


def test_documents_of_two_kinds_cannot_be_compared(features: Made) -> None:
    with pytest.raises(ValueError, match="two OpenAPI documents"):
        breaking_changes(features.openapi, features.asyncapi)


def test_recursive_schema_is_compared(features: Made) -> None:
    new = deepcopy(features.openapi)
    parts = schema(new, "Item")["properties"]["parts"]
    parts["items"] = {"$ref": "#/components/schemas/Card"}

    assert breaking_changes(features.openapi, new) != []
