"""Calls between nodes that share a bus."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from bundles.gateway import (
    CallItem,
    CurrentContext,
    MoleculerClientError,
    MoleculerError,
    MoleculerRetryableError,
    MoleculerServerError,
    RequestTimeoutError,
    ServiceNotAvailableError,
    ServiceNotFoundError,
    ValidationError,
    action,
)
from bundles.gateway.cluster.remote_errors import RemoteError
from bundles.gateway.exceptions import BrokerDisconnectedError, RequestRejectedError
from rxkernel import KernelEvents, NotFoundException, RequestEvent, RequestIdFilter
from tests.bundles.gateway.cluster.nodes import Node, Nodes, settled


class Broken(Mapping[str, Any]):
    """A result whose values cannot be read, such as a row of a closed database session."""

    def __getitem__(self, key: str) -> Any:
        raise RuntimeError(f"{key} is not loaded")

    def __iter__(self) -> Iterator[str]:
        return iter(["name"])

    def __len__(self) -> int:
        return 1


class Math:
    """The actions for most tests."""

    runs = 0

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.ended = asyncio.Event()

    @action("math.add", visibility="published")
    async def add(self, a: float, b: float) -> float:
        return a + b

    @action("math.where")
    async def where(self, ctx: CurrentContext) -> dict[str, Any]:
        return {
            "node": ctx.node_id,
            "sender": ctx.sender,
            "level": ctx.level,
            "caller": ctx.caller,
            "id": ctx.request_id,
        }

    @action("math.mark")
    async def mark(self, ctx: CurrentContext, key: str) -> Any:
        ctx.meta[key] = "marked"
        ctx.meta.get("nested", {})["changed"] = True
        return dict(ctx.meta)

    @action("math.params")
    async def params(self, ctx: CurrentContext) -> Any:
        return ctx.params

    @action("math.inner", visibility="protected")
    async def inner(self) -> None: ...

    @action("math.secret", visibility="private")
    async def secret(self) -> None: ...

    @action("math.remaining")
    async def remaining(self, ctx: CurrentContext) -> float | None:
        return ctx.remaining

    @action("math.wait")
    async def wait(self) -> str:
        self.begun.set()
        try:
            await self.ended.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return "waited"

    @action("math.fail")
    async def fail(self, kind: str) -> None:
        type(self).runs += 1
        match kind:
            case "client":
                raise MoleculerClientError("no", 422, "DIV_ZERO", {"a": 1})
            case "retryable":
                raise MoleculerRetryableError("again", 503, "AGAIN")
            case "http":
                raise NotFoundException("none", code="none_here", errors=[1])
            case "plain":
                raise RuntimeError("a secret")
            case "result":
                return object()  # type: ignore[return-value]
            case "circular":
                circular: list[Any] = []
                circular.append(circular)
                return circular  # type: ignore[return-value]
            case "broken":
                return Broken()  # type: ignore[return-value]
            case "broken error":
                raise MoleculerClientError("no", 422, "DIV_ZERO", Broken())


async def pair(nodes: Nodes, **options: Any) -> tuple[Node, Math]:
    """Return a node without actions, and the `Math` of another one."""
    node = await nodes.start("math-1", Math, **options)
    return await nodes.start("web-1"), node.application.injector.get(Math)


async def test_call_of_another_node_returns_its_result(nodes: Nodes) -> None:
    web, _ = await pair(nodes)

    assert await web.broker.call("math.add", {"a": 1, "b": 2}) == 3
    calls: dict[str, CallItem] = {"sum": {"action": "math.add", "params": {"a": 1, "b": 1}}}
    assert await web.broker.mcall(calls) == {"sum": 2}


@pytest.mark.parametrize("params", [None, {}, [], 0, False, "", "text", [1, {"a": None}], 1.5])
async def test_params_and_results_of_any_json_are_kept(nodes: Nodes, params: Any) -> None:
    web, _ = await pair(nodes)

    assert await web.broker.call("math.params", params) == ({} if params is None else params)


async def test_action_called_by_another_node_sees_its_caller(nodes: Nodes) -> None:
    class Site:
        @action("site.ask")
        async def ask(self, ctx: CurrentContext) -> Any:
            return [ctx.request_id, await ctx.call("math.where")]

    await nodes.start("math-1", Math)
    web = await nodes.start("web-1", Site)

    id, where = await web.broker.call("site.ask")

    assert where == {
        "node": "math-1",
        "sender": "web-1",
        "level": 2,
        "caller": "site.ask",
        "id": id,
    }


async def test_meta_is_passed_to_the_action_and_returned(nodes: Nodes) -> None:
    web, _ = await pair(nodes)
    context = web.broker.context({"user": {"id": 1}, "nested": {}})

    seen = await context.call("math.mark", {"key": "up"})

    assert seen == {"user": {"id": 1}, "nested": {"changed": True}, "up": "marked"}
    assert context.meta == {"user": {"id": 1}, "nested": {"changed": True}, "up": "marked"}


async def test_meta_of_a_failed_call_returns_to_the_caller(nodes: Nodes) -> None:
    class Failing:
        @action("failing.login")
        async def login(self, ctx: CurrentContext) -> None:
            ctx.meta["tried"] = True
            raise MoleculerClientError("no")

    await nodes.start("failing-1", Failing)
    web = await nodes.start("web-1")
    context = web.broker.context()

    with pytest.raises(MoleculerClientError):
        await context.call("failing.login")

    assert context.meta == {"tried": True}


@pytest.mark.parametrize("name", ["math.inner", "math.secret", "math.none"])
async def test_action_that_is_not_for_others_is_not_found(nodes: Nodes, name: str) -> None:
    web, _ = await pair(nodes)

    with pytest.raises(ServiceNotFoundError):
        await web.broker.call(name)


async def test_error_of_moleculer_keeps_all_fields(nodes: Nodes) -> None:
    web, _ = await pair(nodes)

    with pytest.raises(MoleculerClientError, match=r"^no$") as caught:
        await web.broker.call("math.fail", {"kind": "client"})

    error = caught.value
    assert (error.name, error.number, error.status_code) == ("MoleculerClientError", 422, 422)
    assert (error.type, error.code, error.data) == ("DIV_ZERO", "DIV_ZERO", {"a": 1})
    assert (error.retryable, error.node_id) == (False, "math-1")


async def test_invalid_params_are_a_validation_error(nodes: Nodes) -> None:
    web, _ = await pair(nodes)

    with pytest.raises(ValidationError) as caught:
        await web.broker.call("math.add", {"a": 1})

    assert caught.value.number == 422
    assert [entry["field"] for entry in caught.value.data] == ["b"]


async def test_http_exception_keeps_status_code_and_errors(nodes: Nodes) -> None:
    web, _ = await pair(nodes)

    with pytest.raises(Exception, match="none") as caught:
        await web.broker.call("math.fail", {"kind": "http"})

    error: Any = caught.value
    assert (error.name, error.status_code) == ("NotFoundException", 404)
    assert (error.type, error.data) == ("none_here", [1])


async def test_text_of_unexpected_exception_stays_on_its_node(
    nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    class Site:
        @action("site.ask")
        async def ask(self, ctx: CurrentContext) -> None:
            ids.append(ctx.request_id)
            await ctx.call("math.fail", {"kind": "plain"})

    ids: list[str] = []
    await nodes.start("math-1", Math)
    web = await nodes.start("web-1", Site)
    caplog.handler.addFilter(RequestIdFilter())

    with pytest.raises(RemoteError, match=r"^Error: Internal Server Error"):
        await web.broker.call("site.ask")

    (record,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert record.exc_info is not None
    assert "a secret" in str(record.exc_info[1])
    assert record.exc_info[2].tb_frame.f_code.co_name == "fail"  # type: ignore[union-attr]
    assert record.request_id == ids[0]  # type: ignore[attr-defined]


async def test_text_of_unexpected_exception_is_sent_in_debug_mode(nodes: Nodes) -> None:
    web, _ = await pair(nodes, debug=True)

    with pytest.raises(RemoteError, match="RuntimeError: a secret"):
        await web.broker.call("math.fail", {"kind": "plain"})


@pytest.mark.parametrize("kind", ["result", "circular", "broken"])
async def test_result_that_cannot_be_sent_is_an_error(nodes: Nodes, kind: str) -> None:
    web, _ = await pair(nodes)

    with pytest.raises(RemoteError):
        await web.broker.call("math.fail", {"kind": kind})
    assert await web.broker.call("math.add", {"a": 1, "b": 2}) == 3


async def test_data_of_an_error_that_cannot_be_sent_is_missing(nodes: Nodes) -> None:
    web, _ = await pair(nodes)

    with pytest.raises(MoleculerClientError, match="no") as caught:
        await web.broker.call("math.fail", {"kind": "broken error"})
    assert caught.value.errors is None


async def test_params_that_cannot_be_sent_are_a_type_error(nodes: Nodes) -> None:
    web, _ = await pair(nodes)

    with pytest.raises(TypeError, match="cannot be encoded as JSON"):
        await web.broker.call("math.params", {"a": object()})
    assert web.server.figures["outgoing_calls"] == 0


async def test_retries_are_made_by_the_caller(nodes: Nodes) -> None:
    web, _ = await pair(nodes, retries=5)
    Math.runs = 0

    with pytest.raises(MoleculerRetryableError, match="again"):
        await web.broker.call("math.fail", {"kind": "retryable"}, retries=2)

    assert Math.runs == 3


async def test_retries_avoid_the_nodes_that_have_failed(
    nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        @action("work.run")
        async def run(self) -> str:
            raise MoleculerRetryableError("again")

    class Whole:
        @action("work.run")
        async def run(self, ctx: CurrentContext) -> str:
            return ctx.node_id

    await nodes.start("broken-1", Broken)
    await nodes.start("broken-2", Broken)
    await nodes.start("whole", Whole)
    web = await nodes.start("web-1")

    for _ in range(6):
        assert await web.broker.call("work.run", retries=2) == "whole"
    assert (
        "the call of 'work.run' on the node 'broken-1' has failed, attempt 2 of 3" in caplog.text
    )


async def test_retry_uses_the_only_node_again(nodes: Nodes) -> None:
    web, _ = await pair(nodes)
    Math.runs = 0

    with pytest.raises(MoleculerRetryableError):
        await web.broker.call("math.fail", {"kind": "retryable"}, retries=3)

    assert Math.runs == 4


@pytest.mark.parametrize(
    ("base", "code"),
    [
        (MoleculerClientError, 422),
        (MoleculerServerError, 500),
        (MoleculerRetryableError, 400),
        (MoleculerError, 500),
    ],
)
async def test_error_of_an_own_class_is_of_the_nearest_class(
    nodes: Nodes, base: type[MoleculerError], code: int
) -> None:
    own = type("OutOfStock", (base,), {})

    class Stock:
        @action("stock.take")
        async def take(self) -> None:
            raise own("no tea", code, "OUT_OF_STOCK", {"left": 0})

    await nodes.start("stock-1", Stock)
    web = await nodes.start("web-1")

    with pytest.raises(base) as caught:
        await web.broker.call("stock.take")

    error = caught.value
    assert type(error) is base
    assert (error.name, error.number, error.type, error.data) == (
        "OutOfStock",
        code,
        "OUT_OF_STOCK",
        {"left": 0},
    )


async def test_fallback_of_the_caller_is_used(nodes: Nodes) -> None:
    web, _ = await pair(nodes)

    assert await web.broker.call("math.fail", {"kind": "plain"}, fallback=7) == 7


async def test_fallback_of_the_action_is_used_on_its_node(nodes: Nodes) -> None:
    class Weather:
        @action("weather.now", fallback=lambda ctx, exc: {"city": ctx.params["city"]})
        async def now(self, city: str) -> None:
            raise OSError

    await nodes.start("weather-1", Weather)
    web = await nodes.start("web-1")

    assert await web.broker.call("weather.now", {"city": "Oslo"}) == {"city": "Oslo"}


async def test_timeout_of_a_call_cancels_the_action(nodes: Nodes) -> None:
    web, math = await pair(nodes)

    with pytest.raises(RequestTimeoutError) as caught:
        await web.broker.call("math.wait", timeout=0.05)

    assert caught.value.data == {"action": "math.wait", "nodeID": "math-1"}
    await math.cancelled.wait()


async def test_nested_call_has_the_remaining_time(nodes: Nodes) -> None:
    class Site:
        @action("site.ask", timeout=5)
        async def ask(self, ctx: CurrentContext) -> Any:
            return await ctx.call("math.remaining")

    await nodes.start("math-1", Math)
    web = await nodes.start("web-1", Site)

    remaining = await web.broker.call("site.ask")

    assert 0 < remaining < 5
    assert await web.broker.call("math.remaining") is None


async def test_call_for_a_node_runs_there(nodes: Nodes) -> None:
    await nodes.start("math-1", Math)
    second = await nodes.start("math-2", Math)

    for node_id in ("math-1", "math-2", "math-1"):
        where = await second.broker.call("math.where", node_id=node_id)
        assert where["node"] == node_id
    with pytest.raises(ServiceNotFoundError) as caught:
        await second.broker.call("math.where", node_id="math-3", fallback=1)
    assert caught.value.data == {"action": "math.where", "nodeID": "math-3"}


async def test_own_action_is_preferred(nodes: Nodes) -> None:
    await nodes.start("math-1", Math)
    second = await nodes.start("math-2", Math)

    where = [(await second.broker.call("math.where"))["node"] for _ in range(4)]

    assert where == ["math-2"] * 4


async def test_round_robin_takes_turns_once_per_call(nodes: Nodes) -> None:
    """20 calls among three nodes: 7, 7 and 6."""
    for number in (1, 2, 3):
        await nodes.start(f"math-{number}", Math)
    web = await nodes.start("web-1")

    where = [(await web.broker.call("math.where"))["node"] for _ in range(20)]

    assert where[:4] == ["math-1", "math-2", "math-3", "math-1"]
    assert sorted(map(where.count, set(where))) == [6, 7, 7]


async def test_round_robin_includes_this_node_unless_it_is_preferred(nodes: Nodes) -> None:
    await nodes.start("math-1", Math)
    second = await nodes.start("math-2", Math, prefer_local=False)

    where = [(await second.broker.call("math.where"))["node"] for _ in range(4)]

    assert sorted(where) == ["math-1", "math-1", "math-2", "math-2"]


async def test_random_balancing_uses_all_nodes(nodes: Nodes) -> None:
    await nodes.start("math-1", Math)
    await nodes.start("math-2", Math)
    web = await nodes.start("web-1", balancing="random")

    where = {(await web.broker.call("math.where"))["node"] for _ in range(100)}

    assert where == {"math-1", "math-2"}


async def test_node_that_leaves_finishes_its_calls(nodes: Nodes) -> None:
    first = await nodes.start("math-1", Math)
    web = await nodes.start("web-1")
    math = first.application.injector.get(Math)
    call = asyncio.create_task(web.broker.call("math.wait"))
    await math.begun.wait()

    leaving = asyncio.create_task(first.leave())
    await settled()
    with pytest.raises(ServiceNotFoundError):
        await web.broker.call("math.add", {"a": 1, "b": 2})
    math.ended.set()

    assert await call == "waited"
    await leaving
    await settled()
    assert web.cluster.members.table.available == {}


async def test_call_that_arrives_while_the_node_leaves_is_repeated_on_another(
    nodes: Nodes,
) -> None:
    first = await nodes.start("math-1", Math)
    second = await nodes.start("math-2", Math)
    web = await nodes.start("web-1", retries=1)
    first.transporter.topics.discard("MOL.INFO")
    second.transporter.topics.discard("MOL.INFO")
    web.transporter.topics.discard("MOL.INFO")  # it does not learn that the first node leaves
    await first.server.drain()

    where = [(await web.broker.call("math.where"))["node"] for _ in range(4)]

    assert where == ["math-2"] * 4
    with pytest.raises(ServiceNotAvailableError) as caught:
        await web.broker.call("math.where", node_id="math-1", retries=0)
    assert caught.value.node_id == "math-1"


async def test_call_of_a_lost_node_is_rejected(nodes: Nodes) -> None:
    first = await nodes.start("math-1", Math)
    math = first.application.injector.get(Math)
    web = await nodes.start("web-1")
    call = asyncio.create_task(web.broker.call("math.wait"))
    await math.begun.wait()

    await first.vanish()
    web.cluster.members.check(-1)

    with pytest.raises(RequestRejectedError) as caught:
        await call
    assert caught.value.data == {"action": "math.wait", "nodeID": "math-1"}
    with pytest.raises(ServiceNotAvailableError):
        await web.broker.call("math.wait")
    assert await web.broker.call("math.wait", fallback="none") == "none"


async def test_calls_fail_while_the_bus_is_away(nodes: Nodes) -> None:
    web, math = await pair(nodes)
    call = asyncio.create_task(web.broker.call("math.wait"))
    await math.begun.wait()

    nodes.bus.go_down()
    with pytest.raises(BrokerDisconnectedError):
        await call
    with pytest.raises(BrokerDisconnectedError):
        await web.broker.call("math.add", {"a": 1, "b": 2})
    nodes.bus.come_up()
    await settled()

    assert await web.broker.call("math.add", {"a": 1, "b": 2}) == 3


async def test_listeners_of_the_kernel_see_calls_of_others(nodes: Nodes) -> None:
    node = await nodes.start("math-1", Math)
    web = await nodes.start("web-1")
    seen: list[tuple[str, str]] = []

    async def count(event: RequestEvent) -> None:
        seen.append((str(event.request.transport), event.request.url))

    node.client.dispatcher.add_listener(KernelEvents.KERNEL_REQUEST, count)
    await web.broker.call("math.add", {"a": 1, "b": 2})

    assert seen == [("ACTION", "math.add")]
