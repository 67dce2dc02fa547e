"""Circuit breakers, bulkheads and trace context between nodes."""

import asyncio
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any

import pytest
from injector import Binder

from bundles.gateway import (
    Bulkhead,
    CurrentContext,
    MoleculerServerError,
    QueueIsFullError,
    ServiceNotAvailableError,
    action,
    on_event,
)
from rxkernel import Propagator
from tests.bundles.gateway.cluster.nodes import Nodes, settled
from tests.bundles.gateway.cluster.raw_node import RawNode, service

BREAKER: dict[str, Any] = {
    "circuit_breaker": True,
    "breaker_min_requests": 3,
    "breaker_window": 3600.0,
    "breaker_half_open": 3600.0,
}


class Broken:
    @action("work.run")
    async def run(self) -> None:
        raise MoleculerServerError("broken")


class Whole:
    @action("work.run")
    async def run(self, ctx: CurrentContext) -> str:
        return ctx.node_id


async def test_circuit_of_a_broken_node_opens_and_others_get_its_calls(nodes: Nodes) -> None:
    await nodes.start("broken", Broken)
    await nodes.start("whole", Whole)
    web = await nodes.start("web-1", **BREAKER)

    results = [await web.broker.call("work.run", fallback="failed") for _ in range(10)]

    assert results == ["failed", "whole"] * 3 + ["whole"] * 4
    with pytest.raises(ServiceNotAvailableError):
        await web.broker.call("work.run", node_id="broken")


async def test_circuit_of_this_node_opens_and_others_get_its_calls(nodes: Nodes) -> None:
    await nodes.start("whole", Whole)
    web = await nodes.start("web-1", Broken, **BREAKER)

    results = [await web.broker.call("work.run", fallback="failed") for _ in range(5)]

    assert results == ["failed", "failed", "failed", "whole", "whole"]


async def test_circuit_of_a_node_that_comes_back_is_closed(nodes: Nodes) -> None:
    broken = await nodes.start("work-1", Broken)
    web = await nodes.start("web-1", **BREAKER)
    for _ in range(3):
        await web.broker.call("work.run", fallback="failed")
    with pytest.raises(ServiceNotAvailableError):
        await web.broker.call("work.run")

    await broken.leave()
    await nodes.start("work-1", Whole)

    assert await web.broker.call("work.run") == "work-1"


async def test_outage_of_the_bus_opens_no_circuit(nodes: Nodes) -> None:
    await nodes.start("whole", Whole)
    web = await nodes.start("web-1", **BREAKER)
    nodes.bus.go_down()
    for _ in range(5):
        await web.broker.call("work.run", fallback="failed")

    nodes.bus.come_up()
    await settled()

    assert await web.broker.call("work.run") == "whole"


class Slow:
    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()

    @action("slow.run", bulkhead=Bulkhead(concurrency=1, queue_size=0))
    async def run(self) -> str:
        self.begun.set()
        await self.may_end.wait()
        return "ended"


async def test_bulkhead_limits_calls_of_other_nodes(nodes: Nodes) -> None:
    node = await nodes.start("slow-1", Slow)
    slow = node.application.injector.get(Slow)
    web = await nodes.start("web-1")
    call = asyncio.create_task(web.broker.call("slow.run"))
    await slow.begun.wait()

    with pytest.raises(QueueIsFullError) as caught:
        await web.broker.call("slow.run")
    slow.may_end.set()

    assert await call == "ended"
    assert caught.value.data == {"action": "slow.run", "nodeID": "slow-1"}


TRACE: ContextVar[str] = ContextVar("trace", default="none")


class Tracing(Propagator):
    def extract(self, carrier: Mapping[str, str]) -> None:
        TRACE.set(carrier.get("TraceParent", "none") + "+")

    def inject(self, carrier: MutableMapping[str, str]) -> None:
        carrier["traceparent"] = TRACE.get()


def tracing(binder: Binder) -> None:
    binder.bind(Propagator, to=Tracing())


class Traced:
    heard: list[str]

    def __init__(self) -> None:
        self.heard = []

    @action("traced.read")
    async def read(self, ctx: CurrentContext) -> Any:
        return [TRACE.get(), ctx.meta.get("user")]

    @on_event("traced")
    async def event(self) -> None:
        self.heard.append(TRACE.get())


async def test_trace_context_goes_with_calls_and_events(nodes: Nodes) -> None:
    node = await nodes.start("traced-1", Traced, modules=[tracing])
    web = await nodes.start("web-1", modules=[tracing])
    TRACE.set("mine")
    context = web.broker.context({"user": 1})

    assert await context.call("traced.read") == ["mine+", 1]
    await context.emit("traced")
    await settled()

    assert context.meta == {"user": 1}
    assert node.application.injector.get(Traced).heard == ["mine+"]
    assert TRACE.get() == "mine"


async def test_trace_context_is_in_the_meta(nodes: Nodes) -> None:
    """It also passes through nodes of Moleculer, since they forward the meta."""
    raw = RawNode(nodes.bus)
    web = await nodes.start("web-1", modules=[tracing])
    await raw.join(service("raw", "raw.act", events=("traced",)))
    TRACE.set("mine")

    call = asyncio.create_task(web.broker.call("raw.act"))
    await web.broker.emit("traced")
    await settled()
    call.cancel()

    (request,), (event,) = raw.packets("REQ"), raw.packets("EVENT")
    assert request["meta"] == event["meta"] == {"traceparent": "mine"}
