"""`Documentation` that a bundle sets, in the documents."""

from typing import Any

import pytest

from rxkernel import (
    DOCUMENTATION,
    ApplicationEvents,
    BootstrapEvent,
    ConfigurationError,
    DefinitionEvent,
    Documentation,
    HttpMetadata,
    KernelEvents,
    both,
    documentation_of,
    http,
    observe,
    websocket,
)
from tests.bundles.apidocs.conftest import Describe, Made
from tests.bundles.apidocs.test_asyncapi import message

NUMBER = {"type": "number"}
GIVEN: dict[str, Documentation] = {
    "add": Documentation(
        query={"properties": {"at": NUMBER}},
        body={"type": "array", "items": NUMBER},
        responses={"2xx": NUMBER},
        statuses=(409,),
    ),
    "hidden": Documentation(is_listed=False),
}


class Sums:
    @both("POST", "/sums", "add")
    async def add(self) -> Any: ...

    @http("GET", "/hidden", "hidden")
    @websocket("hidden")
    async def hidden(self) -> None: ...

    @http("GET", "/sums", "plain")
    async def plain(self) -> None: ...


class Describer:
    """Sets the documentation of the definitions that *given* names."""

    def __init__(self, given: dict[str, Documentation]) -> None:
        self._given = given

    @observe(KernelEvents.KERNEL_DEFINITION)
    async def describe(self, event: DefinitionEvent) -> None:
        assert documentation_of(event.definition) is None
        if event.definition.name in self._given:
            event.set_option(DOCUMENTATION, self._given[event.definition.name])
            assert documentation_of(event.definition) is not None


@pytest.fixture
async def sums(describe: Describe) -> Made:
    return await describe(Sums, listeners=[Describer(GIVEN)])


def test_definition_that_is_not_listed_is_in_no_document(sums: Made) -> None:
    assert sums.openapi["paths"].keys() == {"/sums"}
    assert sums.asyncapi["operations"].keys() == {"add"}


async def test_definition_without_a_path_of_its_own_is_in_no_document(describe: Describe) -> None:
    class Adding:
        @observe(ApplicationEvents.BOOTSTRAP)
        async def add(self, event: BootstrapEvent) -> None:
            route = HttpMetadata(Sums, "unrouted", "/all(.*)", "GET", "plain", routed=False)
            event.http_metadata_storage.add(route)

    made = await describe(Sums, listeners=[Adding()])

    assert made.openapi["paths"].keys() == {"/sums", "/hidden"}


def test_schemas_of_the_event_and_the_route_are_used(sums: Made) -> None:
    route = sums.openapi["paths"]["/sums"]["post"]
    payload = message(sums, "main", "add")["payload"]

    assert list(route["responses"]) == ["2XX", "400", "409", "413", "415"]
    assert payload["properties"] == {
        "params": {"type": "object", "properties": {"at": NUMBER}},
        "body": {"type": "array", "items": NUMBER},
    }
    assert payload["required"] == ["body"]
    acknowledgement = message(sums, "main", "add.ack")["payload"]
    assert acknowledgement["properties"]["content"] == NUMBER


async def test_reference_to_another_document_is_an_error(describe: Describe) -> None:
    given = {"add": Documentation(body={"$ref": "https://example.com/other.json"})}

    with pytest.raises(
        ConfigurationError, match=r"'add' .* does not refer to a part of its own schema"
    ):
        await describe(Sums, listeners=[Describer(given)])


def test_documentation_is_shown_by_the_names_of_its_parts() -> None:
    assert repr(GIVEN["add"]) == "query body 2xx 409"
    assert repr(GIVEN["hidden"]) == "not listed"
    assert repr(Documentation()) == "empty"


@pytest.mark.parametrize(
    ("status", "key"), [(200, "200"), (201, "2xx"), (404, "default"), (500, "default")]
)
def test_response_of_a_status_is_the_most_specific_one(status: int, key: str) -> None:
    found = Documentation(responses={"2xx": {}, "default": {}, "200": {}})

    assert found.key_of(status) == key
    assert Documentation(responses={"2xx": {}}).key_of(404) is None
