"""The services of the bundle realtime in the AsyncAPI document."""

from typing import Any

import pytest

from bundles.apidocs.comparison import breaking_changes
from rxkernel import KernelClient
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.apidocs.conftest import Made, made
from tests.bundles.apidocs.services import create_services
from tests.bundles.apidocs.test_asyncapi import fits, message
from tests.bundles.apidocs.test_official_schemas import errors_of


@pytest.fixture
async def services() -> Made:
    return await made(create_services())


@pytest.mark.node
def test_asyncapi_of_services_is_accepted_by_the_official_parser(services: Made) -> None:
    assert errors_of(services.asyncapi) == []


def test_events_of_services_are_marked_as_without_an_envelope(services: Made) -> None:
    operations = services.asyncapi["operations"]

    assert operations["join_room"]["x-rxkernel-envelope"] is False
    assert "x-rxkernel-envelope" not in operations["count"]


def test_argument_may_be_missing_if_all_its_fields_have_defaults(services: Made) -> None:
    payload = message(services, "chat", "page")["payload"]

    assert all(fits(services, payload, value) for value in (None, {}, {"limit": 1}))
    assert not fits(services, payload, {"limit": "x"})
    assert not fits(services, message(services, "chat", "join_room")["payload"], None)


@pytest.mark.parametrize(
    ("event", "body", "status"),
    [
        ("join_room", {"room": "tea"}, 200),
        ("join_room", {"room": ""}, 400),
        ("join_room", {}, 422),
        ("send message", {"text": "hello"}, 200),
        ("send message", {"text": 1}, 422),
        ("page", None, 200),
        ("leave", None, 200),
        ("broken", None, 500),
    ],
)
async def test_acknowledgement_of_service_fits_the_described_reply(
    client_of: ClientOf, services: Made, event: str, body: Any, status: int
) -> None:
    client: KernelClient = client_of(create_services())
    async with client.connection("/chat") as connection:
        response = await client.websocket(f"/chat:{event}", body=body, connection=connection)
    content = client.application.kernel.serializer.to_plain(response.content)
    key = event.replace(" ", "_")
    replies = services.asyncapi["operations"][key]["reply"]["messages"]
    keys = [each["$ref"].rpartition("/")[2] for each in replies]

    assert response.status_code == status
    assert keys == [f"{key}.ack", "service_error"]
    expected = keys[0] if status < 400 else keys[1]
    assert fits(services, message(services, "chat", expected)["payload"], content)


def test_error_of_another_event_has_no_fields_of_services(services: Made) -> None:
    error = {"statusCode": 400, "message": "bad"}

    assert fits(services, message(services, "chat", "error")["payload"], error)
    assert not fits(services, message(services, "chat", "service_error")["payload"], error)


@pytest.mark.parametrize("overrides", [True, False])
async def test_event_for_unknown_events_is_listed_only_if_it_is_overridden(
    services: Made, overrides: bool
) -> None:
    """The inherited method only raises 404."""
    key = "chat" if overrides else "rooms.room"

    names = [each.get("name") for each in services.asyncapi["channels"][key]["messages"].values()]

    assert ("*" in names) is overrides


def test_change_of_the_envelope_is_breaking(services: Made) -> None:
    operations = services.asyncapi["operations"]
    wrapped = {
        key: each for key, each in operations["leave"].items() if key != "x-rxkernel-envelope"
    }
    changed = {**services.asyncapi, "operations": {**operations, "leave": wrapped}}

    assert breaking_changes(services.asyncapi, changed) == [
        "event 'leave' of /chat has an envelope now"
    ]
    assert breaking_changes(changed, services.asyncapi) == [
        "event 'leave' of /chat has no envelope now"
    ]
