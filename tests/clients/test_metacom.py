"""The npm client of Metacom: calls, errors, events, sessions and reconnects."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from bundles.autoload import AutoloadBundle
from bundles.metacom import METACOM
from bundles.security import SecurityBundle
from bundles.sessions import SessionsBundle
from rxkernel import Connection, procedure
from tests.bundles.autoload.sign_in import FILES, SECURITY, Accounts
from tests.bundles.metacom.conftest import SiteOf, site_of
from tests.bundles.metacom.example import Example
from tests.bundles.metacom.matrix import Failing
from tests.clients.conftest import RunNode
from tests.required_tools import require_metacom

__all__ = ["site_of"]


class Drop:
    @procedure("example/drop", METACOM)
    async def drop(self, connection: Connection) -> None:
        await connection.disconnect()


EXPECTED: dict[str, Any] = {
    "hello": {"message": "hello"},
    "added": 5,
    "echo": {"text": "ж", "list": [1, None, {"deep": True}]},
    "values": [False, 0, None, ""],
    "versions": [2, 1],
    "parallel": [*range(100, 0, -5)],
    "failures": [
        ["Not Found", 404],
        ["Not Found", 404],
        ["Not Found", 404],
        ['Field "b" is required', 422],
        ["args must be an object or an array", 400],
        ["own text", 10],
        ["Internal Server Error", 500],
        ["Unauthorized", 401],
    ],
}

OF_TRANSPORT: dict[str, dict[str, Any]] = {
    "ws": {
        "order": [["message", {"text": "before"}], {"text": "before"}, "done"],
        "reconnected": {"counts": [1, True, 2], "lost": ["Unauthorized", 401]},
    },
    "http": {"event": ["this method requires a WebSocket", 426]},
}


# T01, T02, T05
@pytest.mark.node
@pytest.mark.parametrize("transport", ["ws", "http"])
async def test_npm_client_loads_calls_listens_and_reconnects(
    site_of: SiteOf, run_node: RunNode, tmp_path: Path, transport: str
) -> None:
    """T1, T2, T4, T5, T7, T11, T33 and T37 with the client that users have."""
    require_metacom()
    for key, content in FILES.items():
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(content))
    security = SecurityBundle(Accounts, access="public")
    site = await site_of(
        Example,
        Failing(),
        Drop,
        bundles=(AutoloadBundle(tmp_path), SessionsBundle, security),
        sections={"security": SECURITY},
    )

    report = await run_node("metacom.mjs", f"{site.url.replace('http', transport)}/api")

    units = report.pop("units")
    assert sorted(units) == ["auth", "counter", "example", "fail", "versioned", "versioned.1"]
    assert {"hello", "add", "echo"} <= set(units["example"])
    assert (units["versioned"], units["versioned.1"]) == (["hello"], ["hello", "only1"])
    assert report == EXPECTED | OF_TRANSPORT[transport]
