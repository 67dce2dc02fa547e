"""The type of a schema is one of typed actions: the kernel binds arguments to it."""

from typing import Any, is_typeddict

import pytest

from bundles.contracts.schemas import Schemas
from rxkernel import both
from rxkernel.pytest_plugin import ClientOf

SCHEMAS = Schemas(
    {
        "Person": {"name": "string", "age": {"type": "number", "min": 0, "default": 18}},
        "Team": {"members": {"many": "Person"}, "lead": "?Person"},
        "Plain": {"name": "string"},
    }
)
Team: Any = SCHEMAS["Team"].type


class Teams:
    @both("POST", "/teams", "team_add")
    async def add(self, team: Team) -> Any:
        return team


@pytest.mark.parametrize("transport", ["http", "websocket"])
async def test_schema_type_of_an_action_validates_over_both_transports(
    client_of: ClientOf, transport: str
) -> None:
    send = getattr(client_of(Teams), transport)
    response = await send("team_add", body={"members": [{"name": "Ada"}]})
    assert response.content == {"members": [{"name": "Ada", "age": 18}]}
    response = await send("team_add", body={"members": [{"name": 1, "age": -1}], "x": 1})
    assert response.status_code == 422
    assert [(e["path"], e["code"]) for e in response.content["errors"]] == [
        ("body.members[0].name", "type"),
        ("body.members[0].age", "too_small"),
        ("body.x", "unknown_field"),
    ]


def test_schema_type_is_a_typed_dict_with_the_name_of_the_schema() -> None:
    plain = SCHEMAS["Plain"].type
    assert is_typeddict(plain)
    assert (plain.__name__, plain.__annotations__, plain.__required_keys__) == (
        "Plain",
        {"name": str},
        {"name"},
    )
