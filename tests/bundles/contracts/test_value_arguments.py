"""The arguments of procedures that take one value."""

from typing import Any

import pytest

from bundles.contracts import ContractsBundle, contract
from rxkernel import Application, Bundle, KernelClient, Request, Transport, procedure

LINES = Transport("LINES")


class Lines(Bundle):
    name = "lines"
    transports = (LINES,)


class Shop:
    @procedure("typed", LINES, arguments="value")
    @contract(parameters={"name": "string", "count": {"type": "number", "default": 2}})
    async def typed(self, name: str, count: int) -> str:
        return f"{count} {name}"

    @procedure("read", LINES, arguments="value")
    @contract(parameters={"name": "string", "count": {"type": "number", "default": 2}})
    async def read(self, request: Request) -> Any:
        return [dict(request.params), request.body]


@pytest.fixture
def client() -> KernelClient:
    return KernelClient(Application(bundles=[Lines, ContractsBundle], controllers=[Shop]))


async def test_value_is_checked_once_and_fields_are_parameters(client: KernelClient) -> None:
    async with client:
        typed = await client.call(LINES, "typed", body={"name": "tea"})
        read = await client.call(LINES, "read", body={"name": "tea"})

    assert typed.content == "2 tea"
    assert read.content == [{"name": "tea", "count": 2}, {"name": "tea", "count": 2}]


async def test_value_with_invalid_fields_has_places_in_body(client: KernelClient) -> None:
    async with client:
        response = await client.call(LINES, "read", body={"name": 1, "x": 1})

    assert response.status_code == 422
    assert sorted(error["path"] for error in response.content["errors"]) == ["body.name", "body.x"]
