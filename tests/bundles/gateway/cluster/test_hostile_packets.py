"""Packets of hostile nodes and of other implementations do not stop a node."""

import asyncio
import itertools
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bundles.gateway import CurrentContext, MoleculerError, action, on_event
from tests.bundles.gateway.cluster.nodes import Node, Nodes, settled
from tests.bundles.gateway.cluster.raw_node import RawNode, service

NUMBERS = itertools.count()
COMMANDS = ("DISCOVER", "INFO", "DISCONNECT", "HEARTBEAT", "PING", "PONG", "REQ", "RES", "EVENT")


class Counter:
    def __init__(self) -> None:
        self.runs = 0

    @action("counter.add")
    async def add(self) -> int:
        self.runs += 1
        return self.runs

    @action("counter.read")
    async def read(self, ctx: CurrentContext) -> int:
        size = 0
        async for piece in ctx.stream or _none():
            size += len(piece)
        return size

    @on_event("counter.add")
    async def heard(self) -> None:
        self.runs += 1


async def _none() -> Any:
    return
    yield


async def cluster(nodes: Nodes, **options: Any) -> tuple[Node, RawNode, Counter]:
    node = await nodes.start("one", Counter, **options)
    raw = RawNode(nodes.bus)
    await raw.join(service("raw", "raw.act"))
    return node, raw, node.application.injector.get(Counter)


def request(id: str = "1", action: str = "counter.add", **fields: Any) -> dict[str, Any]:
    return {"id": id, "action": action, "params": {}, "meta": {}, "level": 1, **fields}


async def is_alive(node: Node, raw: RawNode) -> bool:
    """Whether *node* still runs calls."""
    await raw.send("REQ", node.broker.node_id, request("alive", "$node.list"))
    return any(one["id"] == "alive" and one["success"] for one in raw.packets("RES"))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"null", "invalid"),
        (b"[]", "invalid"),
        (b"{}", "wrong_version"),
        (b'{"ver":"3","sender":"raw"}', "wrong_version"),
        (b'{"ver":4,"sender":"raw"}', "invalid"),
        (b'{"ver":"4"}', "invalid"),
        (b'{"ver":"4","sender":"a b"}', "invalid"),
        (b'{"ver":"4","sender":"a\\r\\nPUB x 1"}', "invalid"),
        (b'{"ver":"4","sender":">"}', "invalid"),
        (b'{"ver":"4","sender":""}', "invalid"),
        (b'{"ver":"4","sender":"' + b"x" * 201 + b'"}', "invalid"),
        (b'{"ver":"4","sender":"raw","other":' + b"[" * 100_000, "not_json"),
    ],
)
@pytest.mark.parametrize("command", ["REQ", "INFO", "DISCOVER"])
async def test_packet_that_cannot_be_read_is_dropped(
    nodes: Nodes, command: str, data: bytes, reason: str
) -> None:
    node, raw, counter = await cluster(nodes)

    await raw.send_raw(command, "one", data)

    assert node.dropped == {reason: 1}
    assert counter.runs == 0
    assert await is_alive(node, raw)


@pytest.mark.parametrize(
    ("command", "fields"),
    [
        ("REQ", {}),
        ("REQ", {"id": 1, "action": "counter.add"}),
        ("REQ", request(action="")),
        ("REQ", request(id="")),
        ("REQ", request(id="x" * 501)),
        ("REQ", request(action="x" * 501)),
        ("REQ", request(level="1")),
        ("REQ", request(meta=[])),
        ("REQ", request(timeout="x")),
        ("RES", {}),
        ("EVENT", {}),
        ("EVENT", {"event": "counter.add", "groups": "all"}),
        ("EVENT", {"event": "counter.add", "id": "x" * 501}),
        ("EVENT", {"event": "x" * 501}),
        ("EVENT", {"event": "$node.connected"}),
        ("INFO", {"services": {}}),
        ("INFO", {"seq": "x"}),
        ("HEARTBEAT", {"cpu": "x"}),
        ("PING", {"time": "x"}),
    ],
)
async def test_packet_with_wrong_fields_is_dropped(
    nodes: Nodes, command: str, fields: dict[str, Any]
) -> None:
    node, raw, counter = await cluster(nodes)

    await raw.send(command, "one" if command != "HEARTBEAT" else None, fields)

    assert node.dropped == {"invalid": 1}
    assert counter.runs == 0


@pytest.mark.parametrize(
    "services",
    [
        [None, 1, "x", []],
        [{}, {"name": 5}, {"name": ""}, {"name": "x" * 1000}],
        [{"name": "x", "actions": []}, {"name": "x", "events": 1}],
        [{"name": "x", "actions": {"x.a": None, "x.b": 1, "": {}}}],
        [{"name": "x", "actions": {"x.a": {"name": [], "timeout": "1", "retryPolicy": 5}}}],
        [{"name": "x", "actions": {"x.a": {"timeout": -1, "visibility": "everybody"}}}],
        [{"name": "x", "events": {"**": {"group": []}, "*" * 400: {}, "$internal": {}}}],
        [{"name": "one", "actions": {"counter.add": {"visibility": "published"}}}],
    ],
)
async def test_services_of_any_shape_are_read(nodes: Nodes, services: list[Any]) -> None:
    node, raw, _ = await cluster(nodes)

    await raw.info(*services, seq=2)
    await node.broker.emit("a.b")

    assert node.dropped == {}
    assert await node.broker.call("counter.add") == 1
    assert node.broker.actions()
    assert await is_alive(node, raw)


async def test_large_packet_is_dropped(nodes: Nodes) -> None:
    node, raw, counter = await cluster(nodes, max_packet_size=10_000)

    await raw.send("REQ", "one", request(params={"a": "x" * 10_000}))

    assert node.dropped == {"too_large": 1}
    assert counter.runs == 0
    assert await is_alive(node, raw)


async def test_packets_dropped_for_one_reason_are_logged_once(
    nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    node, raw, _ = await cluster(nodes)

    for _ in range(3):
        await raw.send_raw("REQ", "one", b"{")

    assert node.dropped == {"not_json": 3}
    assert caplog.text.count("a packet of the cluster was dropped (MOL.REQ.one)") == 1


async def test_unexpected_responses_are_dropped(nodes: Nodes) -> None:
    node, raw, _ = await cluster(nodes)

    await raw.send("RES", "one", {"id": "1", "success": True, "data": 1})
    await raw.send("PONG", "one", {"id": "1", "time": 1, "arrived": 1})

    assert node.dropped == {"unexpected_response": 2}


async def test_response_of_another_node_is_dropped(nodes: Nodes) -> None:
    node, raw, _ = await cluster(nodes)
    other = RawNode(nodes.bus, "other")
    await other.join()
    call = asyncio.create_task(node.broker.call("raw.act"))
    await settled()
    (sent,) = raw.packets("REQ")
    await other.send("RES", "one", {"id": sent["id"], "success": True, "data": "forged"})
    assert not call.done()
    response = {"id": sent["id"], "success": True, "data": "right"}
    await raw.send("RES", "one", response)
    await raw.send("RES", "one", response)

    assert await call == "right"
    assert node.dropped == {"unexpected_response": 1, "late_response": 1}


async def test_replayed_messages_run_once(nodes: Nodes) -> None:
    node, raw, counter = await cluster(nodes)

    for _ in range(2):
        await raw.send("REQ", "one", request("7"))
        await raw.send("EVENT", "one", {"id": "8", "event": "counter.add", "level": 1})

    assert counter.runs == 2
    assert node.dropped == {"replayed": 2}
    assert len(raw.packets("RES")) == 1


async def test_message_of_an_unknown_node_waits_for_its_information(nodes: Nodes) -> None:
    node = await nodes.start("one", Counter)
    raw = RawNode(nodes.bus)
    await raw.listen()

    await raw.send("REQ", "one", request())
    assert raw.packets("RES") == []
    assert len(raw.packets("DISCOVER")) == 1
    await raw.info()

    (response,) = raw.packets("RES")
    assert (response["success"], response["data"]) == (True, 1)
    assert node.dropped == {}


async def test_messages_of_a_node_without_information_are_dropped(
    nodes: Nodes,
) -> None:
    node = await nodes.start("one", Counter)
    counter = node.application.injector.get(Counter)
    raw = RawNode(nodes.bus)
    for number in range(1001):
        await raw.send("EVENT", "one", {"id": str(number), "event": "counter.add", "level": 1})
    assert node.dropped == {"unknown_sender": 1}

    node.cluster.members.check(1000)
    node.cluster.members.check(1000)

    assert node.dropped == {"unknown_sender": 1001}
    assert counter.runs == 0


async def test_node_beyond_the_limit_is_dropped(nodes: Nodes) -> None:
    node = await nodes.start("one", Counter)
    raw = RawNode(nodes.bus)
    for number in range(1001):
        raw.node_id = f"raw-{number}"
        await raw.info()

    assert len(node.cluster.members.table.available) == 1000
    assert node.dropped == {"too_many_nodes": 1}


@pytest.mark.parametrize(
    "error",
    [
        None,
        {},
        [],
        {"name": 1, "message": None, "code": "x", "nodeID": []},
        {"name": "ValidationError", "code": 10**30},
        {"name": "ServiceNotFoundError", "code": -5, "type": 7, "data": {"a": 1}},
        {"name": "__class__", "message": "m", "code": 500},
    ],
)
async def test_errors_of_any_shape_are_raised(nodes: Nodes, error: Any) -> None:
    node, raw, _ = await cluster(nodes)
    call = asyncio.create_task(node.broker.call("raw.act"))
    await settled()
    (sent,) = raw.packets("REQ")
    await raw.send("RES", "one", {"id": sent["id"], "success": False, "error": error})

    with pytest.raises(Exception):  # noqa: B017, PT011 - of any class
        await call
    assert await is_alive(node, raw)


UNREADABLE = {
    "half of a surrogate pair": '"\\ud800"',
    "not UTF-8": '"\udcff"',
    "nested deeply": "[" * 5000 + "]" * 5000,
    "no number": "NaN",
    "number out of range": "1e400",
}


def unreadable(fields: dict[str, Any], key: str, value: str) -> bytes:
    """Return a packet with *value*, which need not be JSON, as the field *key*."""
    text = json.dumps({"ver": "4", "sender": "raw", **fields, key: "VALUE", "last": [{"id": 1}]})
    return text.replace('"VALUE"', value).encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("value", UNREADABLE.values(), ids=UNREADABLE)
async def test_call_that_cannot_be_read_gets_an_error(nodes: Nodes, value: str) -> None:
    """Without one, a node of Moleculer would wait forever: it has no timeout by default."""
    node, raw, counter = await cluster(nodes)

    await raw.send_raw("REQ", "one", unreadable(request("7"), "params", value))

    (response,) = raw.packets("RES")
    assert response["id"] == "7"
    assert response["error"].items() >= {"code": 400, "type": "INVALID_PACKET"}.items()
    assert node.dropped.keys() <= {"not_json", "invalid"}
    assert counter.runs == 0


@pytest.mark.parametrize("fields", [{"level": "1"}, {"meta": []}, {"id": "x" * 501}])
async def test_call_with_invalid_fields_gets_an_error(
    nodes: Nodes, fields: dict[str, Any]
) -> None:
    _, raw, counter = await cluster(nodes)

    await raw.send("REQ", "one", request(**fields))

    (response,) = raw.packets("RES")
    assert response["error"]["type"] == "INVALID_PACKET"
    assert counter.runs == 0


async def test_call_that_is_too_large_gets_an_error(nodes: Nodes) -> None:
    node, raw, _ = await cluster(nodes, max_packet_size=1000)

    await raw.send("REQ", "one", request(params="x" * 1000))

    (response,) = raw.packets("RES")
    assert response["error"]["type"] == "INVALID_PACKET"
    assert node.dropped == {"too_large": 1}


async def test_unreadable_packets_that_no_call_can_get_back_are_only_dropped(
    nodes: Nodes,
) -> None:
    node, raw, _ = await cluster(nodes)

    for fields in ({"sender": "stranger"}, {"ver": "3"}, {"id": ""}, {"id": 1}, {"sender": "*"}):
        await raw.send_raw("REQ", "one", unreadable({**request(), **fields}, "params", "NaN"))
    await raw.send_raw("RES", "one", unreadable({"id": "7"}, "data", "NaN"))

    assert sum(node.dropped.values()) == 6
    assert raw.packets("RES") == []


async def test_text_without_an_end_is_dropped_and_the_node_serves_on(nodes: Nodes) -> None:
    node, raw, _ = await cluster(nodes)

    await raw.send_raw("REQ", "one", b'{"id":"1","a":"' + b'\\"' * 30_000)

    assert node.dropped == {"not_json": 1}
    assert await is_alive(node, raw)


async def test_piece_that_cannot_be_read_ends_the_stream_of_a_call(nodes: Nodes) -> None:
    _, raw, _ = await cluster(nodes)

    await raw.send("REQ", "one", request("7", "counter.read", stream=True, seq=0))
    piece = request("7", "counter.read", stream=True, seq=1)
    await raw.send_raw("REQ", "one", unreadable(piece, "params", "NaN"))

    (response,) = raw.packets("RES")
    assert response["error"]["type"] == "INVALID_PACKET"


@pytest.mark.parametrize("value", UNREADABLE.values(), ids=UNREADABLE)
async def test_response_that_cannot_be_read_ends_its_call(nodes: Nodes, value: str) -> None:
    node, raw, _ = await cluster(nodes)
    call = asyncio.create_task(node.broker.call("raw.act"))
    await settled()
    (sent,) = raw.packets("REQ")

    fields = {"id": sent["id"], "success": True}
    await raw.send_raw("RES", "one", unreadable(fields, "data", value))

    with pytest.raises(MoleculerError, match="cannot be read") as caught:
        await call
    assert (caught.value.type, caught.value.node_id) == ("INVALID_PACKET", "raw")


async def test_piece_that_cannot_be_read_ends_the_stream_of_a_result(nodes: Nodes) -> None:
    node, raw, _ = await cluster(nodes)
    call = asyncio.create_task(node.broker.call("raw.act"))
    await settled()
    (sent,) = raw.packets("REQ")
    fields = {"id": sent["id"], "success": True, "stream": True}
    await raw.send("RES", "one", {**fields, "seq": 0})
    stream = await call

    await raw.send_raw("RES", "one", unreadable({**fields, "seq": 1}, "data", "NaN"))

    with pytest.raises(MoleculerError, match="cannot be read"):
        await anext(stream)


FIELDS = st.sampled_from(
    [
        *("id", "action", "params", "meta", "level", "timeout", "stream", "seq", "caller"),
        *("requestID", "success", "data", "error", "event", "groups", "broadcast", "services"),
        *("instanceID", "cpu", "time", "arrived", "name", "actions", "events", "type", "headers"),
        *("$streamError", "$streamObjectMode", "metadata", "protocols", "client", "ipList"),
    ]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=10)
    | st.sampled_from(["raw", "one", "counter.add", "Buffer"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS, inner, max_size=5),
    max_leaves=10,
)


@given(
    packets=st.lists(
        st.tuples(st.sampled_from(COMMANDS), st.dictionaries(FIELDS, JSON, max_size=8)),
        max_size=10,
    )
)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_any_packets_leave_the_node_alive(
    nodes: Nodes, packets: list[tuple[str, dict[str, Any]]], caplog: pytest.LogCaptureFixture
) -> None:
    if not nodes.bus.transporters:
        await nodes.start("one", Counter)
    raw = RawNode(nodes.bus)
    await raw.join(service("raw", "raw.act"), seq=1)
    try:
        for command, fields in packets:
            await raw.send(command, "one", json.loads(json.dumps(fields)))
        await raw.info(seq=10**6)
        await raw.send("REQ", "one", request(f"alive-{next(NUMBERS)}", "$node.list"))

        assert raw.packets("RES")[-1]["success"]
        assert "was not handled" not in caplog.text
    finally:
        await raw.send("DISCONNECT", None, {})
        nodes.bus.transporters.remove(raw.transporter)
