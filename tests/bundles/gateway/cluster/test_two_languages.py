"""A node of rxkernel and nodes of Moleculer in one cluster, on each bus with each protocol."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from bundles.gateway import (
    MoleculerClientError,
    MoleculerError,
    MoleculerRetryableError,
    RequestTimeoutError,
    ValidationError,
)
from bundles.gateway.cluster.remote_errors import RemoteError
from tests.bundles.gateway.cluster.conftest import Server
from tests.bundles.gateway.cluster.node_peers import (
    NodePeer,
    NodeVersion,
    StreamSource,
    received,
    sha256,
    start_peers,
    stream_bytes,
)
from tests.bundles.gateway.cluster.python_nodes import (
    PythonNode,
    failing,
    pieces,
    python_node,
)
from tests.waiting import until

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def peers(server: Server, node_version: NodeVersion) -> Iterator[list[NodePeer]]:
    """The first has all services."""
    with ExitStack() as stack:
        common: Any = {"namespace": node_version, "retryPolicy": {"enabled": True, "retries": 0}}
        second = ("values", "mailer")
        found = [
            NodePeer("node-1", node_version, server.url, **common),
            NodePeer("node-2", node_version, server.url, services=second, **common),
        ]
        start_peers(found, stack)
        yield found


@pytest.fixture
async def python(
    server: Server, node_version: NodeVersion, peers: list[NodePeer]
) -> AsyncIterator[PythonNode]:
    """A node and the peers know each other. The peers log nothing during the test."""
    async with python_node(
        server.url, "python", namespace=node_version, prefer_local=False
    ) as found:
        await found.wait_for_action("values.node", "node-1", "node-2", "python")
        for one in peers:
            await one.wait_for_action("values.node", "node-1", "node-2", "python")
            one.received.clear()
            one.log.clear()
        yield found
        await until(lambda: found.dropped == found.expected_drops)
        assert [one.log for one in peers] == [[], []]


# --- Node calls Python


@pytest.mark.parametrize("params", [{"a": [1, {"b": None}], "text": "é"}, [1], "text", 1.5, False])
async def test_node_gets_results_of_python(
    python: PythonNode, node: NodePeer, params: Any
) -> None:
    assert await node.call("python.echo", params) == params


async def test_text_with_half_an_emoji_is_an_error_in_both_directions(
    python: PythonNode, node: NodePeer
) -> None:
    """JavaScript allows such texts, and UTF-8 does not. Without an error, a call would hang."""
    python.expected_drops["not_json"] = 2

    error = await node.error("python.echo", "\ud83d")
    assert error.summary().items() >= {"code": 400, "type": "INVALID_PACKET"}.items()
    with pytest.raises(MoleculerError, match="halfAnEmoji"):
        await python.broker.call("values.halfAnEmoji", node_id="node-1")


async def test_node_gets_errors_of_python(python: PythonNode, node: NodePeer) -> None:
    client = await node.error("python.fail", {"kind": "client"})
    retryable = await node.error("python.fail", {"kind": "retryable"})
    not_found = await node.error("python.fail", {"kind": "http"})
    unexpected = await node.error("python.fail", {"kind": "plain"})

    assert client.summary() == {
        "name": "MoleculerClientError",
        "message": "Not like this",
        "code": 400,
        "type": "WRONG",
        "data": {"a": [1, None]},
        "nodeID": "python",
        "retryable": False,
    }
    assert client.fields["classes"][0] == "MoleculerClientError"
    assert retryable.fields["classes"][0] == "MoleculerRetryableError"
    assert retryable.summary().items() >= {"code": 503, "type": "BUSY", "retryable": True}.items()
    assert (
        not_found.summary().items()
        >= {
            "name": "NotFoundException",
            "code": 404,
            "type": "unknown_order",
            "data": [1],
        }.items()
    )
    assert "secret" not in str(unexpected.fields)
    assert unexpected.fields["message"] == "Internal Server Error"


async def test_node_gets_validation_errors_of_python(python: PythonNode, node: NodePeer) -> None:
    error = await node.error("python.add", {"a": 1})

    assert error.fields["classes"][0] == "ValidationError"
    assert (
        error.summary().items()
        >= {
            "name": "ValidationError",
            "code": 422,
            "type": "VALIDATION_ERROR",
            "nodeID": "python",
        }.items()
    )
    assert [(one["type"], one["field"]) for one in error.fields["data"]] == [("required", "b")]


async def test_node_does_not_find_protected_actions_of_python(
    python: PythonNode, node: NodePeer
) -> None:
    assert "python.hidden" not in await node.actions()


async def test_node_gets_the_meta_that_python_set(python: PythonNode, node: NodePeer) -> None:
    meta = {"user": {"id": 7}}

    answer = await node.answer("python.meta", meta=meta)
    error = await node.error("python.meta", {"fail": True}, meta=meta)

    assert answer.result == meta
    assert answer.meta == error.meta == {"user": {"id": 7}, "python": {"seen": True}}


async def test_python_action_called_by_node_has_sender_level_and_request_id(
    python: PythonNode, node: NodePeer
) -> None:
    first = await node.call("python.context", requestID="req-1", timeout=5000)
    params = {"action": "python.context", "params": {}}
    nested = await node.call("nested.call", params)

    assert first == {
        "sender": "node-1",
        "level": 1,
        "caller": None,
        "request_id": "req-1",
        "has_time": True,
    }
    assert (nested["result"]["level"], nested["result"]["caller"]) == (2, "nested")
    assert nested["result"]["request_id"] == nested["requestID"]


async def test_call_goes_from_node_through_python_to_node(
    python: PythonNode, node: NodePeer
) -> None:
    params = {"action": "ctx.info", "params": {}}

    answer = await node.answer("python.nested", params, requestID="r", meta={"user": 1})

    assert answer.result["level"] == 2
    assert answer.result["nodeID"] == "python"
    assert answer.result["requestID"] == "r"
    assert answer.result["meta"] == {"user": 1}


async def test_error_goes_from_node_through_python_to_node(
    python: PythonNode, node: NodePeer
) -> None:
    params = {"action": "math.div", "params": {"a": 1, "b": 0}}

    error = await node.error("python.nested", params)

    direct = await node.error("math.div", {"a": 1, "b": 0})
    assert error.summary() == {**direct.summary(), "nodeID": "node-1"}


# --- Python calls Node


@pytest.mark.parametrize("params", [{"a": [1, {"b": None}], "text": "é"}, [1], "text", 1.5, False])
async def test_python_gets_results_of_node(python: PythonNode, params: Any) -> None:
    assert await python.broker.call("values.echo", params) == params


async def test_python_gets_no_result_of_node(python: PythonNode) -> None:
    assert await python.broker.call("values.nothing") is None


@pytest.mark.parametrize(
    ("name", "code", "kind", "retryable"),
    [
        ("client", 400, "WRONG", False),
        ("retryable", 503, "BUSY", True),
        ("server", 500, "BROKEN", True),
        ("custom", 409, "OUT_OF_STOCK", False),
    ],
)
async def test_python_gets_errors_of_node(
    python: PythonNode, name: str, code: int, kind: str, retryable: bool
) -> None:
    names = {
        "client": "MoleculerClientError",
        "retryable": "MoleculerRetryableError",
        "server": "MoleculerServerError",
        "custom": "OutOfStockError",
    }
    with pytest.raises(MoleculerError) as caught:
        await python.broker.call(f"errors.{name}", {"x": 1})

    error = caught.value
    assert (error.name, error.number, error.type) == (names[name], code, kind)
    assert error.retryable is retryable
    assert error.errors == {"x": 1}
    assert error.node_id == "node-1"


async def test_python_gets_unexpected_errors_of_node(python: PythonNode) -> None:
    with pytest.raises(RemoteError, match="TypeError: Cannot read") as caught:
        await python.broker.call("errors.plain")

    assert (caught.value.name, caught.value.node_id) == ("TypeError", "node-1")


async def test_python_gets_validation_errors_of_node(python: PythonNode) -> None:
    with pytest.raises(ValidationError) as caught:
        await python.broker.call("math.add", {"a": "x", "b": 1})

    assert caught.value.errors == [
        {
            "type": "number",
            "message": "The 'a' field must be a number.",
            "field": "a",
            "actual": "x",
            "nodeID": "python",
            "action": "math.add",
        }
    ]


async def test_python_gets_the_meta_that_node_set(python: PythonNode) -> None:
    context = python.broker.context({"user": "ada"})

    came = await context.call("meta.echo", {"set": {"seen": 1}})
    with pytest.raises(MoleculerError, match="After the meta"):
        await context.call("meta.fail", {"set": {"failed": 2}})

    assert came == {"user": "ada"}
    assert context.meta == {"user": "ada", "seen": 1, "failed": 2}


async def test_node_action_called_by_python_has_sender_level_and_request_id(
    python: PythonNode,
) -> None:
    info = await python.broker.call("ctx.info", meta={"k": 1})
    nested = await python.broker.call("python.nested", {"action": "ctx.info", "params": {}})

    assert (info["nodeID"], info["level"], info["meta"]) == ("python", 1, {"k": 1})
    assert (nested["level"], nested["caller"]) == (2, "python.nested")


async def test_round_robin_20_calls_of_three_nodes(python: PythonNode) -> None:
    """The nodes receive 7, 7 and 6 calls."""
    nodes = Counter([await python.broker.call("values.node") for _ in range(20)])

    assert sorted(nodes.values()) == [6, 7, 7]
    assert set(nodes) == {"python", "node-1", "node-2"}


async def test_round_robin_of_node_includes_python(
    python: PythonNode, peers: list[NodePeer]
) -> None:
    calls = [await peers[0].call("python.context") for _ in range(2)]

    assert [call["sender"] for call in calls] == ["node-1"] * 2


async def test_call_of_a_given_node_runs_there(python: PythonNode, node: NodePeer) -> None:
    for name in ("python", "node-1", "node-2"):
        assert await python.broker.call("values.node", node_id=name) == name
        assert await node.call("values.node", nodeID=name) == name


# --- time and attempts


async def test_timeout_of_node_cancels_the_action_of_python(
    python: PythonNode, node: NodePeer
) -> None:
    error = await node.error("python.wait", timeout=100)
    await python.actions.cancelled.wait()

    assert (
        error.summary().items()
        >= {
            "name": "RequestTimeoutError",
            "code": 504,
            "type": "REQUEST_TIMEOUT",
            "data": {"action": "python.wait", "nodeID": "python"},
        }.items()
    )
    node.log.clear()  # a warning


async def test_timeout_of_python_ends_its_call_of_node(python: PythonNode, node: NodePeer) -> None:
    with node.paused(), pytest.raises(RequestTimeoutError) as caught:
        await python.broker.call("slow.wait", {"ms": 60_000}, timeout=0.1)

    assert caught.value.errors == {"action": "slow.wait", "nodeID": "node-1"}
    python.expected_drops["late_response"] = 1  # the node reports the timeout, too
    await until(lambda: node.log)
    assert "Request 'slow.wait' is timed out." in node.log[0]["text"]
    node.log.clear()


async def test_time_that_remains_goes_from_node_through_python_to_node(
    python: PythonNode, node: NodePeer
) -> None:
    params = {"action": "ctx.info", "params": {}}

    info = await node.call("python.nested", params, timeout=60_000)

    assert 0 < info["timeout"] < 60_000


async def test_node_repeats_a_call_of_python(python: PythonNode, node: NodePeer) -> None:
    assert await node.call("python.flaky", retries=2) == 2
    node.log.clear()  # a warning


async def test_python_repeats_a_call_of_node(python: PythonNode, node: NodePeer) -> None:
    with pytest.raises(MoleculerRetryableError):
        await python.broker.call("errors.retryable", {"noted": True}, retries=2)

    assert len(await received(node, "errors.retryable", 3)) == 3


# --- events


async def test_python_receives_emitted_events_of_node(python: PythonNode, node: NodePeer) -> None:
    params = {"event": "user.created", "data": {"id": 2}, "options": {"groups": ["listener"]}}

    await node.emit("user.created", {"id": 1}, meta={"by": "ada"})
    await node.broadcast("user.created", {"id": 1}, meta={"by": "ada"})
    await node.call("nested.broadcast", params)

    first, second = (await python.listener.wait_for("user.*", 2))[-2:]
    assert first == {
        "handler": "user.*",
        "name": "user.created",
        "payload": {"id": 1},
        "meta": {"by": "ada"},
        "sender": "node-1",
        "caller": None,
        "level": 1,
    }
    assert (second["payload"], second["caller"], second["level"]) == ({"id": 2}, "nested", 2)


async def test_node_receives_broadcast_events_of_python(
    python: PythonNode, peers: list[NodePeer]
) -> None:
    await python.broker.broadcast("order.created", {"id": 1}, meta={"by": "ada"})

    for handler, one in (("order.created", peers[0]), ("mail", peers[0]), ("mail", peers[1])):
        (event,) = await received(one, handler)
        assert (event["payload"], event["type"], event["meta"], event["nodeID"]) == (
            {"id": 1},
            "broadcast",
            {"by": "ada"},
            "python",
        )
    assert len(await python.listener.wait_for("mail")) == 1


async def test_emitted_event_reaches_one_node_of_each_group(
    python: PythonNode, peers: list[NodePeer]
) -> None:
    """The group ``mail`` is on three nodes, ``listener`` on one."""
    for number in range(6):
        await python.broker.emit("order.created", {"id": number})

    await received(peers[0], "order.created", 6)
    for events in (peers[0].received_by, peers[1].received_by, python.listener.of):
        await until(lambda: len(events("mail")) == 2)  # noqa: B023 - it is waited for
    assert {event["groups"][0] for event in peers[1].received_by("mail")} == {"mail"}


async def test_event_for_one_group_reaches_only_it(
    python: PythonNode, peers: list[NodePeer]
) -> None:
    await python.broker.broadcast("order.created", {"id": 1}, groups="mail")

    for one in peers:
        (event,) = await received(one, "mail")
        assert event["groups"] == ["mail"]
    assert peers[0].received_by("order.created") == []


# --- streams


async def test_node_sends_a_stream_to_python(python: PythonNode, node: NodePeer) -> None:
    result = await node.call(
        "python.up", {"name": "x"}, stream=StreamSource(300_000), meta={"user": 1}
    )

    assert (result["length"], result["error"]) == (300_000, None)
    assert result["sha256"] == sha256(stream_bytes(300_000))
    assert result["meta"] == {"user": 1}
    assert result["params"] == ({"name": "x"} if node.version == "0.15" else {})


async def test_node_reads_a_stream_of_python(python: PythonNode, node: NodePeer) -> None:
    read = await node.read("python.down", {"size": 300_000})

    assert (read.length, read.error) == (300_000, None)
    assert read.sha256 == sha256(stream_bytes(300_000))


async def test_python_sends_a_stream_to_node(python: PythonNode, node: NodePeer) -> None:
    result = await python.broker.call(
        "streams.up", {"name": "x"}, stream=pieces(300_000), meta={"user": 1}
    )

    assert (result["length"], result["error"]) == (300_000, None)
    assert result["sha256"] == sha256(stream_bytes(300_000))
    if node.version == "0.15":
        assert (result["params"], result["meta"]) == ({"name": "x"}, {"user": 1})
    else:
        assert result["meta"] == {"user": 1, "$params": {"name": "x"}}


async def test_python_reads_a_stream_of_node(python: PythonNode) -> None:
    stream = await python.broker.call("streams.down", {"size": 300_000})

    content = b"".join([piece async for piece in stream])
    assert sha256(content) == sha256(stream_bytes(300_000))


async def test_stream_goes_through_the_other_language_and_back(
    python: PythonNode, node: NodePeer
) -> None:
    stream = await python.broker.call("streams.echo", stream=pieces(300_000))

    content = b"".join([piece async for piece in stream])
    assert sha256(content) == sha256(stream_bytes(300_000))


@pytest.mark.parametrize("size", [0, 1])
async def test_short_streams_arrive(python: PythonNode, node: NodePeer, size: int) -> None:
    expected = sha256(stream_bytes(size))

    assert (await node.read("python.down", {"size": size})).sha256 == expected
    assert (await node.call("python.up", stream=StreamSource(size)))["sha256"] == expected
    result = await python.broker.call("streams.up", stream=pieces(size))
    assert result["sha256"] == expected


async def test_failure_of_a_stream_of_node_is_raised(python: PythonNode, node: NodePeer) -> None:
    params = {"size": 20, "chunk": 5, "fails_after": 10}
    stream = await python.broker.call("streams.down", params)

    got: list[bytes] = []
    with pytest.raises(RemoteError, match="the source is gone"):
        await read_into(got, stream)

    assert b"".join(got) == stream_bytes(10)
    sent = await node.call("python.up", stream=StreamSource(20, chunk=5, fails_after=10))
    assert sent["length"] == 10
    assert "the source is gone" in sent["error"]


async def test_failure_of_a_stream_of_python_is_raised(python: PythonNode, node: NodePeer) -> None:
    read = await node.read("python.broken")
    with pytest.raises(MoleculerClientError, match="the source is gone"):
        await python.broker.call("streams.up", stream=failing())
    (sent,) = await received(node, "streams.up")
    python.expected_drops["late_response"] = 1  # the result of that call

    assert (read.length, sent["payload"]["length"]) == (10, 10)
    assert read.error is not None
    for error in (read.error, sent["payload"]["error"]):
        assert (error["message"], error["code"]) == ("the source is gone", 400)
        assert (error["type"], error["nodeID"]) == ("GONE", "python")


async def read_into(pieces: list[bytes], stream: AsyncIterator[bytes]) -> None:
    async for piece in stream:
        pieces.append(piece)


# --- the cluster


async def test_nodes_list_each_other(python: PythonNode, node: NodePeer) -> None:
    versions = {one["id"]: one["client"]["type"] for one in python.broker.nodes()}
    listed = (await node.nodes())["python"]

    assert versions == {"python": "python", "node-1": "nodejs", "node-2": "nodejs"}
    assert listed["client"]["type"] == "python"
    assert listed["available"] is True


async def test_nodes_ping_each_other(python: PythonNode, node: NodePeer) -> None:
    pong = await node.ping("python")

    assert pong is not None
    assert pong["nodeID"] == "python"
    await python.broker.ping("node-1")
