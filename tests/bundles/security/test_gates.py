"""Gates: conditions of rules for every client."""

from typing import Any

import attrs
import pytest

from bundles.security import Access, Gate, Token, access
from rxkernel import (
    ConflictException,
    HttpMetadata,
    Request,
    RouteSource,
    websocket,
)
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.security.shop import application_of, bearer


class Header(Gate):
    """Admits a request with the header ``X-Key``; the value ``conflict`` is a 409."""

    def admits(self, token: Token[Any], request: Request) -> bool:
        if request.headers.get("X-Key") == "conflict":
            raise ConflictException
        return "X-Key" in request.headers

    def __str__(self) -> str:
        return "with-key"


GATE = Header()


class Gated(RouteSource):
    def routes(self) -> Any:
        for name, rule in {
            "open": access("public"),
            "users": access("authenticated"),
            "admins": access(roles="admin"),
        }.items():
            options = {"access": attrs.evolve(rule, gate=GATE)}
            yield HttpMetadata(self, name, f"/{name}", "GET", "run", options)

    async def run(self) -> str:
        return "ran"


KEY = {"X-Key": "1"}


@pytest.mark.parametrize(
    ("name", "headers", "status"),
    [
        ("open", {}, 401),
        ("open", KEY, 200),
        ("open", bearer("ada"), 403),
        ("open", {**KEY, "Authorization": "Bearer bad"}, 200),
        ("open", {"X-Key": "conflict"}, 409),
        ("users", {}, 401),
        ("users", KEY, 401),
        ("users", bearer("ada"), 403),
        ("users", {**KEY, **bearer("ada")}, 200),
        ("users", {"X-Key": "conflict"}, 409),
        ("admins", {**KEY, **bearer("ada")}, 403),
        ("admins", {**KEY, **bearer("root")}, 200),
        ("admins", bearer("root"), 403),
    ],
    ids=range(13),
)
async def test_gate_decides_before_the_other_conditions(
    client_of: ClientOf, name: str, headers: dict[str, str], status: int
) -> None:
    client = client_of(application_of(Gated()))

    response = await client.http(name, headers=headers)

    assert response.status_code == status
    if status == 401:
        assert response.headers["WWW-Authenticate"] == "Bearer"


def test_gate_reads_no_basic_by_default() -> None:
    assert not GATE.reads_basic(Request("HTTP"))


@pytest.mark.parametrize(
    ("rule", "text", "kind"),
    [
        (access("public"), "with-key", "gate"),
        (access("session"), "session with-key", "session gate"),
        (access("authenticated"), "authenticated with-key", "authenticated gate"),
        (access(roles="admin"), "roles=admin with-key", "roles gate"),
    ],
    ids=range(4),
)
def test_rule_with_gate_is_described(rule: Access, text: str, kind: str) -> None:
    gated = attrs.evolve(rule, gate=GATE)

    assert (repr(gated), gated.kind) == (text, kind)
    assert not gated.needs_user_only


async def test_rule_of_event_with_gate_decides(client_of: ClientOf) -> None:
    class Events:
        @attrs.evolve(access("public"), gate=GATE)
        @websocket("ping")
        async def ping(self) -> str:
            return "pong"

    client = client_of(application_of(Events))

    assert (await client.websocket("ping")).status_code == 401
    async with client.connection(headers=KEY) as connection:
        assert (await client.websocket("ping", connection=connection)).content == "pong"
