"""``$node.*``: the information of a node about itself."""

import asyncio
import os
from typing import Any

import pytest

from bundles.gateway import MoleculerServerError, action, on_event
from rxkernel import encode_json
from tests.bundles.gateway.conftest import SiteOf


class Math:
    @action("math.add", visibility="published", timeout=1.0, fallback="a secret value")
    async def add(self, a: int, b: int) -> int:
        return a + b

    @action("math.sub", version=2)
    async def sub(self, a: int, b: int) -> int:
        return a - b

    @on_event("user.*", group="mail")
    async def user(self) -> None: ...


ADD = {
    "name": "math.add",
    "visibility": "published",
    "cache": False,
    "timeout": 1.0,
    "retries": None,
    "bulkhead": False,
    "has_fallback": True,
}


async def test_node_actions_lists_the_actions(site_of: SiteOf) -> None:
    site = await site_of(Math)

    found = await site.broker.call("$node.actions", {"skip_internal": True})

    names = [entry["name"] for entry in found]
    assert names == ["io.broadcast", "io.get_clients", "math.add", "v2.math.sub"]
    assert found[2] == {
        "name": "math.add",
        "count": 1,
        "has_local": True,
        "available": True,
        "action": ADD,
    }


async def test_node_actions_with_endpoints_has_the_nodes(site_of: SiteOf) -> None:
    site = await site_of(Math)

    found = await site.broker.call("$node.actions", {"with_endpoints": True})

    assert found[0]["name"] == "$node.actions"
    endpoint = {"node_id": "node-1", "local": True, "available": True}
    assert all(entry["endpoints"] == [endpoint] for entry in found)


async def test_node_services_lists_the_services(site_of: SiteOf) -> None:
    site = await site_of(Math)

    found = await site.broker.call("$node.services", {"with_actions": True})

    assert [entry["name"] for entry in found] == ["$node", "io", "math", "v2.math"]
    assert found[2] == {
        "name": "math",
        "available": True,
        "has_local": True,
        "nodes": ["node-1"],
        "actions": {"math.add": ADD},
    }
    named = await site.broker.call("$node.services", {"skip_internal": True})
    assert [entry["name"] for entry in named] == ["io", "math", "v2.math"]
    assert "actions" not in named[0]


async def test_node_events_lists_the_patterns(site_of: SiteOf) -> None:
    site = await site_of(Math)

    found = await site.broker.call("$node.events", {"with_endpoints": True})

    assert [(entry["name"], entry["group"], entry["count"]) for entry in found] == [
        ("user.*", "mail", 1)
    ]


async def test_node_list_has_this_node(site_of: SiteOf) -> None:
    site = await site_of(Math)

    (node,) = await site.broker.call("$node.list")

    assert (node["id"], node["available"], node["local"]) == ("node-1", True, True)


async def test_node_health_has_the_figures_of_the_process(site_of: SiteOf) -> None:
    site = await site_of(Math)

    health = await site.broker.call("$node.health")

    assert health["process"]["pid"] == os.getpid()
    assert health["process"]["memory"]["rss"] > 1_000_000
    assert health["mem"]["total"] > health["mem"]["free"] > 0
    assert 0 <= health["cpu"]["utilization"] <= 100
    assert health["cpu"]["cores"] >= 1


@pytest.mark.parametrize("name", ["health", "list", "services", "actions", "events"])
async def test_node_actions_do_not_show_secrets(
    site_of: SiteOf, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "a secret value")
    monkeypatch.setattr("sys.argv", ["serve", "--password", "a secret value"])
    site = await site_of(Math)
    every: dict[str, Any] = {"with_actions": True, "with_endpoints": True}

    found = await site.broker.call(f"$node.{name}", every)

    assert b"secret" not in encode_json(found)
    visibility = site.broker.routes.registry.actions[f"$node.{name}"].options.visibility
    assert visibility == "public"


async def test_wait_for_services_returns_when_all_are_there(site_of: SiteOf) -> None:
    class Late:
        @action("late.ping")
        async def ping(self) -> None: ...

    site = await site_of(Math)
    await site.broker.wait_for_services(["math", "v2.math"])
    waiting = asyncio.create_task(site.broker.wait_for_services("late"))
    await asyncio.sleep(0)
    assert not waiting.done()

    await site.application.reload(controllers=[Late])

    await waiting


async def test_wait_for_services_past_the_timeout_names_the_missing(site_of: SiteOf) -> None:
    site = await site_of(Math)

    with pytest.raises(MoleculerServerError) as caught:
        await site.broker.wait_for_services(["math", "mail"], timeout=0.01)

    assert caught.value.type == "WAITFOR_SERVICES"
    assert caught.value.data == {"services": ["mail"]}
