"""Nodes find each other, and notice the loss of a node."""

import logging
from typing import Any

import pytest

from bundles.gateway import (
    BrokerDisconnectedError,
    CurrentContext,
    GatewaySettings,
    MoleculerClientError,
    RequestTimeoutError,
    action,
    on_event,
)
from rxkernel import ReadinessEvent, ServerEvents, ServerStartError
from tests.bundles.gateway.cluster.nodes import Node, Nodes, settled
from tests.bundles.gateway.cluster.raw_node import RawNode, service


class Math:
    @action("math.add", visibility="published", timeout=1.5, retries=2)
    async def add(self, a: float, b: float) -> float:
        return a + b

    @action("math.inner", visibility="private")
    async def inner(self) -> None: ...

    @on_event("math.*", group="numbers")
    async def heard(self) -> None: ...

    @on_event("$node.*")
    async def local(self) -> None: ...


class Journal:
    """Notes the local events about nodes."""

    notes: list[tuple[str, Any]]

    def __init__(self) -> None:
        self.notes = []

    @on_event("$node.**")
    @on_event("$transporter.**")
    async def note(self, ctx: CurrentContext) -> None:
        what = ctx.params.get("node", {}).get("id"), ctx.params.get("unexpected")
        self.notes.append((ctx.event_name or "", *(one for one in what if one is not None)))


def known(node: Node) -> list[str]:
    return sorted(node.cluster.members.table.available)


async def test_nodes_that_start_one_after_another_know_each_other(nodes: Nodes) -> None:
    started = [await nodes.start(name) for name in ("one", "two", "three")]

    assert [known(node) for node in started] == [
        ["three", "two"],
        ["one", "three"],
        ["one", "two"],
    ]


async def test_namespaces_do_not_see_each_other(nodes: Nodes) -> None:
    first = await nodes.start("one", namespace="dev")
    second = await nodes.start("two", namespace="test")
    third = await nodes.start("three", namespace="dev")

    assert (known(first), known(second), known(third)) == (["three"], [], ["one"])


async def test_information_of_a_node_lists_services_without_internal_actions(nodes: Nodes) -> None:
    raw = RawNode(nodes.bus)
    await raw.join()
    await nodes.start("math-1", Math)
    await raw.send("DISCOVER", "math-1", {})

    info = raw.packets("INFO")[-1]

    services = {one["fullName"]: one for one in info["services"]}
    assert services["math"]["actions"] == {
        "math.add": {
            "name": "math.add",
            "rawName": "add",
            "visibility": "published",
            "cache": False,
            "timeout": 1500,
            "retryPolicy": {"enabled": True, "retries": 2},
        }
    }
    assert services["numbers"]["events"] == {"math.*": {"name": "math.*", "group": "numbers"}}
    assert "$node" in services
    assert not any("$node.*" in one["events"] for one in info["services"])
    assert info["client"]["type"] == "python"
    assert info["metadata"] == {"protocols": ["4", "5"]}
    assert len(info["instanceID"]) == 36


async def test_actions_of_a_reload_are_known_to_others(nodes: Nodes) -> None:
    class More:
        @action("math.sub")
        async def sub(self, a: float, b: float) -> float:
            return a - b

    first = await nodes.start("math-1", Math)
    web = await nodes.start("web-1")

    await first.application.reload(controllers=[More])
    await settled()
    assert await web.broker.call("math.sub", {"a": 3, "b": 1}) == 2
    route = next(one for one in first.application.kernel.compiled.all if one.name == "math.add")
    await first.application.reload(remove=[route.metadata])
    await settled()

    with pytest.raises(Exception, match="is not found"):
        await web.broker.call("math.add", {"a": 3, "b": 1})


async def test_wait_for_services_waits_for_other_nodes(nodes: Nodes) -> None:
    web = await nodes.start("web-1")
    with pytest.raises(Exception, match="timed out"):
        await web.broker.wait_for_services("math", timeout=0.01)

    await nodes.start("math-1", Math)

    await web.broker.wait_for_services(["math", "$node"], timeout=5)


async def test_local_events_report_nodes(nodes: Nodes) -> None:
    web = await nodes.start("web-1", Journal)
    journal = web.application.injector.get(Journal)

    first = await nodes.start("one")
    await first.leave()
    await settled()
    second = await nodes.start("two")
    await second.vanish()
    web.cluster.members.check(-1)
    await settled()
    nodes.bus.go_down()
    await settled()

    assert journal.notes == [
        ("$transporter.connected",),
        ("$node.connected", "one"),
        ("$node.updated", "one"),
        ("$node.disconnected", "one", False),
        ("$node.connected", "two"),
        ("$node.disconnected", "two", True),
        ("$transporter.disconnected",),
    ]


async def test_heartbeat_of_an_unknown_node_asks_for_its_information(nodes: Nodes) -> None:
    web = await nodes.start("web-1")
    raw = RawNode(nodes.bus)
    await raw.listen()

    await raw.send("HEARTBEAT", None, {"cpu": 12})
    await raw.send("HEARTBEAT", None, {"cpu": 12})

    assert len(raw.packets("DISCOVER")) == 1
    await raw.info()
    await raw.send("HEARTBEAT", None, {"cpu": 12.5})
    assert [node["cpu"] for node in web.broker.nodes() if node["id"] == "raw"] == [12.5]


@pytest.mark.parametrize("fields", [{"seq": 2}, {"instanceID": "other"}])
async def test_heartbeat_of_a_changed_node_asks_for_its_information(
    nodes: Nodes, fields: dict[str, Any]
) -> None:
    await nodes.start("web-1")
    raw = RawNode(nodes.bus)
    await raw.join()

    await raw.send("HEARTBEAT", None, fields)

    assert len(raw.packets("DISCOVER")) == 1


async def test_old_information_is_ignored(nodes: Nodes) -> None:
    web = await nodes.start("web-1")
    raw = RawNode(nodes.bus)
    await raw.join(service("new", "new.act"), seq=3)

    await raw.info(service("old", "old.act"), seq=2)

    assert "new.act" in web.cluster.shared
    await raw.info(service("again", "again.act"), seq=1, instanceID="restarted")
    assert set(web.cluster.shared) >= {"again.act"}
    assert "new.act" not in web.cluster.shared


async def test_list_of_nodes_has_those_that_have_left(nodes: Nodes) -> None:
    web = await nodes.start("web-1")
    first = await nodes.start("math-1", Math)
    await first.leave()
    await settled()

    listed = await web.broker.call("$node.list")

    assert [(one["id"], one["available"], one["local"]) for one in listed] == [
        ("web-1", True, True),
        ("math-1", False, False),
    ]
    web.cluster.members.table.forget(float("inf"))
    assert [one["id"] for one in web.broker.nodes()] == ["web-1"]


async def test_catalog_lists_the_actions_and_events_of_all_nodes(nodes: Nodes) -> None:
    await nodes.start("math-1", Math)
    second = await nodes.start("math-2", Math)
    web = await nodes.start("web-1")

    (found,) = [
        one for one in web.broker.actions(with_endpoints=True) if one["name"] == "math.add"
    ]
    assert found == {
        "name": "math.add",
        "count": 2,
        "has_local": False,
        "available": True,
        "endpoints": [
            {"node_id": "math-1", "local": False, "available": True},
            {"node_id": "math-2", "local": False, "available": True},
        ],
        "action": {
            "name": "math.add",
            "visibility": "published",
            "cache": False,
            "timeout": 1.5,
            "retries": 2,
            "has_fallback": False,
        },
    }
    (math,) = [one for one in second.broker.services(with_actions=True) if one["name"] == "math"]
    assert (math["nodes"], math["has_local"]) == (["math-2", "math-1"], True)
    assert list(math["actions"]) == ["math.add", "math.inner"]
    (event,) = [one for one in web.broker.events() if one["name"] == "math.*"]
    assert (event["group"], event["count"], event["has_local"]) == ("numbers", 2, False)


async def test_ping_of_a_node_returns_the_elapsed_time(nodes: Nodes) -> None:
    await nodes.start("math-1", Math)
    web = await nodes.start("web-1")

    pong = await web.broker.ping("math-1")

    assert (pong.node_id, pong.elapsed >= 0) == ("math-1", True)
    assert abs(pong.clock_difference) < 60
    assert (await web.broker.ping("web-1")).elapsed == 0
    with pytest.raises(MoleculerClientError, match="'nobody' is not in the cluster"):
        await web.broker.ping("nobody")


async def test_ping_of_a_silent_node_times_out(nodes: Nodes) -> None:
    raw = RawNode(nodes.bus)
    web = await nodes.start("web-1")
    await raw.join()

    with pytest.raises(RequestTimeoutError, match="'ping' action on 'raw' node"):
        await web.broker.ping("raw", timeout=0.01)
    nodes.bus.go_down()
    with pytest.raises(BrokerDisconnectedError):
        await web.broker.ping("raw")


async def test_node_replies_to_pings(nodes: Nodes) -> None:
    await nodes.start("web-1")
    raw = RawNode(nodes.bus)
    await raw.join()

    await raw.send("PING", "web-1", {"time": 5, "id": "x"})
    await raw.send("PING", None, {"time": 6, "id": "y"})

    assert [(one["time"], one["id"]) for one in raw.packets("PONG")] == [(5, "x"), (6, "y")]


async def test_second_node_of_a_name_does_not_start(nodes: Nodes) -> None:
    await nodes.start("one")
    second = await nodes.start("one", join=False)

    with pytest.raises(ServerStartError, match=r"called 'one'; give each process its own"):
        await second.server.start()


async def test_node_of_a_name_that_is_free_again_starts(nodes: Nodes) -> None:
    first = await nodes.start("one")
    await first.leave()

    second = await nodes.start("one")

    assert second.cluster.is_running


async def test_conflict_that_appears_later_is_logged_once(
    nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    await nodes.start("one")
    twin = RawNode(nodes.bus, "one")

    await twin.info()
    await twin.info()

    assert caplog.text.count("another node of the cluster is called 'one', too") == 1


async def test_probe_of_readiness_reports_the_bus(nodes: Nodes) -> None:
    web = await nodes.start("web-1")
    nodes.bus.go_down()
    event = ReadinessEvent()

    await web.client.dispatcher.dispatch(ServerEvents.READINESS, event)

    assert event.failures == {"cluster": "no connection to memory"}


async def test_node_joins_a_bus_that_was_away(nodes: Nodes) -> None:
    nodes.bus.is_up = False
    first = await nodes.start("one")
    second = await nodes.start("two")
    assert known(first) == []

    nodes.bus.come_up()
    await settled()

    assert (known(first), known(second)) == (["two"], ["one"])


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"node_id": "a b"}, "node_id must be text of 1 to 200 characters without spaces"),
        ({"node_id": "a.*"}, "node_id must be"),
        ({"node_id": "a..b"}, "node_id must be"),
        ({"namespace": "a>"}, "namespace must be text without spaces"),
        ({"protocol": "3"}, "protocol"),
        ({"heartbeat_interval": 0}, "heartbeat_interval must be seconds, 0.1 to"),
        (
            {"heartbeat_interval": 10, "heartbeat_timeout": 5},
            "heartbeat_timeout is 5; it must be longer than heartbeat_interval, 10",
        ),
        ({"balancing": "fastest"}, "balancing"),
        ({"max_packet_size": 0}, "max_packet_size must be bytes, a whole number, 1 or more"),
    ],
)
def test_invalid_settings_are_errors(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        GatewaySettings(**settings)


@pytest.mark.parametrize("ver", ["4", "5"])
async def test_heartbeats_have_the_version_that_all_nodes_read(nodes: Nodes, ver: str) -> None:
    """Moleculer logs an error for each packet of another version."""
    raw = RawNode(nodes.bus, ver=ver)
    await raw.join()
    first = await nodes.start("one")
    second = await nodes.start("two")
    await raw.info(seq=2)
    raw.received_packets.clear()

    for node in (first, second):
        await node.cluster.membership.beat(0)
    await settled()

    assert [one["ver"] for one in raw.packets("HEARTBEAT")] == [ver, ver]
    assert first.cluster.members.table.available["two"].protocol == "5"


async def test_group_of_event_handlers_is_not_listed_as_a_service(nodes: Nodes) -> None:
    await nodes.start("math-1", Math)
    web = await nodes.start("web-1")

    assert [one["name"] for one in web.broker.services(skip_internal=True)] == ["io", "math"]


async def test_restarted_node_is_logged(nodes: Nodes, caplog: pytest.LogCaptureFixture) -> None:
    await nodes.start("web-1")
    raw = RawNode(nodes.bus)
    await raw.join()

    await raw.info(instanceID="second")

    assert "the node 'raw' was restarted" in caplog.text


async def test_other_version_is_logged_for_each_node(
    nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    await nodes.start("web-1", protocol="4")
    for node_id in ("first", "second", "first"):
        await RawNode(nodes.bus, node_id, ver="5").info()

    assert caplog.text.count("the node 'first' speaks version '5'") == 1
    assert caplog.text.count("the node 'second' speaks version '5'") == 1


async def test_node_uses_the_protocol_of_its_setting_only(
    nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    raw = RawNode(nodes.bus, ver="5")
    await raw.join()
    four = await nodes.start("four", protocol="4")
    five = await nodes.start("five", protocol="5")
    both = await nodes.start("both")
    await raw.info(seq=2)
    with caplog.at_level(logging.INFO):
        await raw.info(seq=3)

    assert known(four) == ["both"]
    assert known(five) == ["both", "raw"]
    assert known(both) == ["five", "four", "raw"]
    assert four.dropped["wrong_version"] > 0
    protocols = {one.id: one.protocol for one in both.cluster.members.table}
    assert both.cluster.members.table.protocols() == ["4", "5"]
    assert protocols == {"five": "5", "four": "4", "raw": "5"}
