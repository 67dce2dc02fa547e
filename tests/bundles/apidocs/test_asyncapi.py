"""The AsyncAPI document describes events as the kernel handles them."""

from typing import Annotated, Any

import pytest
from jsonschema_rs import validator_for

from bundles.contracts import ContractsBundle, Example, contract
from rxkernel import Body, KernelClient, Request, both, pushes, websocket
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.apidocs.conftest import Describe, Made
from tests.bundles.apidocs.features import create_application


def message(documents: Made, channel: str, key: str) -> dict[str, Any]:
    found: dict[str, Any] = documents.asyncapi["channels"][channel]["messages"][key]
    return found


def fits(documents: Made, schema: dict[str, Any], value: Any) -> bool:
    """Whether *value* is valid for *schema*, which is draft 7, as AsyncAPI uses it."""
    whole = {**schema, "components": documents.asyncapi["components"]}
    found: bool = validator_for(
        {"$schema": "http://json-schema.org/draft-07/schema#", **whole}
    ).is_valid(value)
    return found


def test_namespace_is_described_as_a_channel(features: Made) -> None:
    channels = features.asyncapi["channels"]

    assert {key: channel["address"] for key, channel in channels.items()} == {
        "main": "/",
        "room.room": "/room/{room}",
    }
    assert channels["room.room"]["parameters"] == {"room": {}}


def test_event_of_both_has_the_name_of_its_route(features: Made) -> None:
    ids = {o["operationId"] for p in features.openapi["paths"].values() for o in p.values()}
    operations = features.asyncapi["operations"]

    assert {"item_add", "item_list", "item_show"} <= ids & operations.keys()
    assert operations["item_add"]["action"] == "receive"
    assert "room.room.security_authenticate" in operations  # a second event of that name


def test_payload_has_parameters_and_body(features: Made) -> None:
    payload = message(features, "main", "item_change")["payload"]

    assert fits(features, payload, {"params": {"id": 1}, "body": {"change": {"newName": "x"}}})
    assert not fits(features, payload, {"params": {"id": 0}, "body": {"change": {}}})
    assert not fits(features, payload, {"body": {"change": {}}})
    assert not fits(features, payload, {"params": {"id": 1}, "body": {"change": {}}, "x": 1})


def test_parameters_of_a_namespace_are_not_in_the_payload(features: Made) -> None:
    assert list(message(features, "room.room", "room_say")["payload"]["properties"]) == ["body"]


def test_tuple_is_described_as_in_draft_7(features: Made) -> None:
    payload = message(features, "room.room", "room_item_list")["payload"]

    assert fits(features, payload, {"body": [1, 2]})
    assert fits(features, payload, {"body": [1]})
    assert not fits(features, payload, {"body": [1, 2, 3]})
    assert not fits(features, payload, {"body": ["a"]})


async def test_action_that_takes_the_request_may_get_any_payload(describe: Describe) -> None:
    class Events:
        @websocket("open")
        async def open(self, request: Request) -> None: ...

    documents = await describe(Events)

    payload = message(documents, "main", "open")["payload"]
    assert fits(documents, payload, {"params": {"a": 1}, "body": [1]})
    assert fits(documents, payload, {"other": 1})  # an object without these keys is the body


def test_pushed_events_are_operations_that_send(features: Made) -> None:
    operations = features.asyncapi["operations"]
    sent = {key: each for key, each in operations.items() if each["action"] == "send"}

    assert set(sent) == {"push_item_added", "push_stock_changed", "push_said", "push_cleared"}
    assert sent["push_said"]["channel"] == {"$ref": "#/channels/room.room"}
    assert message(features, "main", "push_item_added")["payload"] == {
        "$ref": "#/components/schemas/Item"
    }
    assert message(features, "room.room", "push_cleared")["payload"] == {"type": "null"}


def test_declared_errors_are_a_message_of_the_event(features: Made) -> None:
    found = message(features, "main", "item_add.error")
    reply = features.asyncapi["operations"]["item_add"]["reply"]["messages"]

    assert {"$ref": "#/channels/main/messages/item_add.error"} in reply
    error = {"statusCode": 400, "message": "There is none left", "code": "out_of_stock"}
    assert fits(features, found["payload"], error)
    assert not fits(features, found["payload"], {**error, "code": "other"})


def test_rules_are_security_of_operations(features: Made) -> None:
    operations = features.asyncapi["operations"]

    assert "security" not in operations["item_list"]
    assert operations["item_remove"]["security"] == [
        {"$ref": "#/components/securitySchemes/bearer"},
        {"$ref": "#/components/securitySchemes/session"},
    ]
    assert operations["item_put"]["x-rxkernel-access"] == "roles=admin|editor"


@pytest.mark.parametrize(
    ("event", "params", "body"),
    [
        ("item_list", {"limit": 5, "color": "red"}, None),
        ("item_show", {"id": "e3e70682-c209-1cac-a29f-6fbed82c07cd"}, None),
        ("item_add", {}, {"id": 1, "name": "tea", "price": "1 EUR"}),
        ("item_change", {"id": 1}, {"change": {}}),
        ("item_change", {"id": "x"}, {"change": {"name": 1}}),
    ],
)
async def test_acknowledgement_fits_the_described_reply(
    client_of: ClientOf, features: Made, event: str, params: Any, body: Any
) -> None:
    client: KernelClient = client_of(create_application())
    await client.application.boot()
    response = await client.websocket(event, params=params, body=body)
    content = client.application.kernel.serializer.to_plain(response.content)
    sent = (
        content
        if response.status_code >= 400
        else {"statusCode": response.status_code, "headers": {}, "content": content}
    )

    references = features.asyncapi["operations"][event]["reply"]["messages"]
    keys = [each["$ref"].rpartition("/")[2] for each in references]
    assert any(fits(features, message(features, "main", key)["payload"], sent) for key in keys)


async def test_events_with_names_of_replies_keep_their_messages(describe: Describe) -> None:
    class Events:
        @websocket("error")
        async def error(self, a: int) -> None: ...

        @websocket("a b.ack")
        async def first(self, b: int) -> None: ...

        @websocket("a_b")
        async def second(self, c: int) -> None: ...

    documents = await describe(Events)

    def params(operation: str) -> list[str]:
        (reference,) = documents.asyncapi["operations"][operation]["messages"]
        key = reference["$ref"].rpartition("/")[2]
        return list(
            message(documents, "main", key)["payload"]["properties"]["params"]["properties"]
        )

    assert (params("error"), params("a_b.ack"), params("a_b")) == (["a"], ["b"], ["c"])


async def test_event_with_an_odd_name_has_a_plain_key(describe: Describe) -> None:
    class Events:
        @websocket("chat message/é")
        @pushes("new message!", str)
        async def a(self) -> None: ...

        @websocket("chat message_")
        async def b(self) -> None: ...

    documents = await describe(Events)

    assert list(documents.asyncapi["operations"]) == [
        "chat_message",
        "main.chat_message",
        "push_new_message",
    ]
    assert message(documents, "main", "chat_message")["name"] == "chat message/é"


async def test_event_without_an_envelope_is_described_by_its_values(describe: Describe) -> None:
    class Plain:
        @websocket("join", arguments="value")
        async def join(self, room: str, seat: int = 0) -> list[int]:
            return [seat]

        @websocket("say", arguments="value")
        async def say(self, words: Annotated[list[str], Body()]) -> str:
            return words[0]

        @websocket("leave", arguments="value")
        async def leave(self) -> None: ...

        @websocket("order", arguments="value")
        async def order(self, shop: str, lines: list[dict[str, int]]) -> None: ...

    documents = await describe(Plain)

    order = message(documents, "main", "order")["payload"]
    assert fits(documents, order, {"shop": "tea", "lines": [{"id": 1}]})
    assert not fits(documents, order, {"shop": "tea"})

    join = message(documents, "main", "join")["payload"]
    assert fits(documents, join, {"room": "tea", "seat": 1})
    assert not fits(documents, join, {"params": {"room": "tea"}})
    assert fits(documents, message(documents, "main", "join.ack")["payload"], [1])
    say = message(documents, "main", "say")["payload"]
    assert fits(documents, say, ["hello"])
    assert not fits(documents, say, {"body": ["hello"]})
    assert message(documents, "main", "leave")["payload"] == {"type": "null"}


async def test_event_with_a_list_of_arguments_is_not_listed(describe: Describe) -> None:
    class Lists:
        @websocket("call", arguments="list")
        async def call(self, values: Annotated[list[str], Body()]) -> str:
            return values[0]

    documents = await describe(Lists)

    assert documents.asyncapi["operations"] == {}


async def test_examples_are_in_the_document_of_their_transport(describe: Describe) -> None:
    class Notes:
        @both("DELETE", "/notes", "delete")
        @contract(
            examples=[
                Example(params={"id": 1}, transports=["HTTP"]),
                Example(params={"id": 2}, transports=["SOCKET"]),
            ]
        )
        async def delete(self, id: int) -> None: ...

    documents = await describe(Notes, bundles=[ContractsBundle])

    (parameter,) = documents.openapi["paths"]["/notes"]["delete"]["parameters"]
    assert [each["value"] for each in parameter["examples"].values()] == [1]
    messages = documents.asyncapi["channels"]["main"]["messages"].values()
    (event,) = [each for each in messages if "examples" in each]
    assert [each["payload"] for each in event["examples"]] == [{"params": {"id": 2}}]
