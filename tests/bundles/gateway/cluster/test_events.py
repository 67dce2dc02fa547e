"""Events between nodes that share a bus."""

from collections import Counter
from contextlib import nullcontext
from typing import Any

import pytest

from bundles.gateway import CurrentContext, MaxCallLevelError, action, on_event
from tests.bundles.gateway.cluster.nodes import Nodes, settled
from tests.bundles.gateway.cluster.raw_node import RawNode, service

HEARD: Counter[tuple[str, str]] = Counter()
CONTEXTS: list[dict[str, Any]] = []


@pytest.fixture(autouse=True)
def forget() -> None:
    HEARD.clear()
    CONTEXTS.clear()


class Mail:
    @on_event("user.*", group="mail")
    async def greet(self, ctx: CurrentContext) -> None:
        HEARD[ctx.node_id, "mail"] += 1
        CONTEXTS.append(
            {
                "name": ctx.event_name,
                "group": ctx.event_group,
                "sender": ctx.sender,
                "level": ctx.level,
                "caller": ctx.caller,
                "params": ctx.params,
                "meta": dict(ctx.meta),
            }
        )


class Audit:
    @on_event("user.created")
    async def note(self, ctx: CurrentContext, name: str = "") -> None:
        HEARD[ctx.node_id, "audit"] += 1


async def test_emit_reaches_one_handler_of_each_group(nodes: Nodes) -> None:
    await nodes.start("mail-1", Mail)
    await nodes.start("mail-2", Mail, Audit)
    web = await nodes.start("web-1")

    for _ in range(4):
        await web.broker.emit("user.created", {"name": "Ada"})
    await settled()

    assert HEARD == {("mail-1", "mail"): 2, ("mail-2", "mail"): 2, ("mail-2", "audit"): 4}


async def test_emit_prefers_the_handlers_of_this_node(nodes: Nodes) -> None:
    await nodes.start("mail-1", Mail, Audit)
    second = await nodes.start("mail-2", Mail)

    for _ in range(4):
        await second.broker.emit("user.created")
    await settled()

    assert HEARD == {("mail-2", "mail"): 4, ("mail-1", "audit"): 4}


async def test_emit_takes_turns_with_this_node_unless_it_is_preferred(nodes: Nodes) -> None:
    await nodes.start("mail-1", Mail)
    second = await nodes.start("mail-2", Mail, prefer_local=False)

    for _ in range(4):
        await second.broker.emit("user.created")
    await settled()

    assert HEARD == {("mail-1", "mail"): 2, ("mail-2", "mail"): 2}


async def test_broadcast_reaches_all_handlers_of_all_nodes(nodes: Nodes) -> None:
    await nodes.start("mail-1", Mail, Audit)
    second = await nodes.start("mail-2", Mail)

    await second.broker.broadcast("user.created")
    await settled()

    assert HEARD == {("mail-1", "mail"): 1, ("mail-1", "audit"): 1, ("mail-2", "mail"): 1}


async def test_broadcast_local_stays_on_this_node(nodes: Nodes) -> None:
    await nodes.start("mail-1", Mail)
    second = await nodes.start("mail-2", Mail)

    await second.broker.broadcast_local("user.created")
    await settled()

    assert HEARD == {("mail-2", "mail"): 1}


@pytest.mark.parametrize("method", ["emit", "broadcast"])
async def test_only_the_named_groups_get_an_event(nodes: Nodes, method: str) -> None:
    await nodes.start("mail-1", Mail, Audit)
    web = await nodes.start("web-1")

    await getattr(web.broker, method)("user.created", groups="mail")
    await settled()

    assert HEARD == {("mail-1", "mail"): 1}


async def test_handler_of_an_event_sees_the_sender(nodes: Nodes) -> None:
    class Accounts:
        @action("accounts.create")
        async def create(self, ctx: CurrentContext) -> None:
            await ctx.emit("user.created", {"name": "Ada"}, meta={"more": 1})

    await nodes.start("mail-1", Mail)
    web = await nodes.start("web-1", Accounts)

    await web.broker.call("accounts.create", meta={"user": "Bob"})
    await settled()

    assert CONTEXTS == [
        {
            "name": "user.created",
            "group": "mail",
            "sender": "web-1",
            "level": 2,
            "caller": "accounts.create",
            "params": {"name": "Ada"},
            "meta": {"user": "Bob", "more": 1},
        }
    ]


async def test_internal_events_stay_on_their_node(nodes: Nodes) -> None:
    class Internal:
        @on_event("$mine.*")
        async def note(self, ctx: CurrentContext) -> None:
            HEARD[ctx.node_id, ctx.event_name or ""] += 1

    await nodes.start("one", Internal)
    second = await nodes.start("two", Internal)

    await second.broker.broadcast("$mine.started")
    await settled()

    assert HEARD == {("two", "$mine.started"): 1}


async def test_events_of_other_nodes_are_counted_as_levels(nodes: Nodes) -> None:
    """Two nodes that emit to each other end at the limit."""

    class Ping:
        @on_event("ping")
        async def ping(self, ctx: CurrentContext) -> None:
            HEARD[ctx.node_id, "ping"] += 1
            with pytest.raises(MaxCallLevelError) if ctx.level == 10 else nullcontext():
                await ctx.emit("pong")

    class Pong:
        @on_event("pong")
        async def pong(self, ctx: CurrentContext) -> None:
            HEARD[ctx.node_id, "pong"] += 1
            await ctx.emit("ping")

    await nodes.start("one", Ping, max_call_level=10)
    await nodes.start("two", Pong, max_call_level=10)
    web = await nodes.start("web-1")

    await web.broker.emit("pong")
    await settled()

    assert HEARD == {("one", "ping"): 5, ("two", "pong"): 5}


async def test_payload_that_cannot_be_sent_is_a_type_error(nodes: Nodes) -> None:
    await nodes.start("mail-1", Mail)
    web = await nodes.start("web-1")

    with pytest.raises(TypeError, match="cannot be encoded as JSON"):
        await web.broker.emit("user.created", object())


async def test_event_is_logged_if_the_bus_is_away(
    nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    await nodes.start("mail-1", Mail)
    web = await nodes.start("web-1", Audit)
    nodes.bus.go_down()

    await web.broker.emit("user.created")
    await settled()

    assert HEARD == {("web-1", "audit"): 1}
    assert "the event 'user.created' was not sent to the node 'mail-1'" in caplog.text


async def test_emitted_event_is_sent_as_one_packet_with_its_groups(nodes: Nodes) -> None:
    raw = RawNode(nodes.bus)
    await raw.join(service("log", events=("user.*",)), service("mail", events=("user.created",)))
    web = await nodes.start("web-1")
    await raw.info(service("log", events=("user.*",)), service("mail", events=("user.created",)))

    await web.broker.emit("user.created", {"name": "Ada"})
    await web.broker.broadcast("user.created", [1], groups=["log"])
    await settled()

    emitted, sent = raw.packets("EVENT")
    assert emitted == {
        "ver": "4",
        "sender": "web-1",
        "id": emitted["id"],
        "event": "user.created",
        "data": {"name": "Ada"},
        "groups": ["log", "mail"],
        "broadcast": False,
        "level": 1,
        "meta": {},
    }
    assert (sent["data"], sent["groups"], sent["broadcast"]) == ([1], ["log"], True)
    assert sent["id"] != emitted["id"]
