"""Results in Redis, shared with a Node process: npm `moleculer` 0.14 and its cacher."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import attrs
import pytest

from bundles.gateway import Cache, CurrentContext, action
from tests.bundles.gateway.cached_sites import CachedSite, cached_sites
from tests.bundles.redis_servers import RedisServer
from tests.node_scripts import report_of

pytestmark = pytest.mark.node

Call = tuple[str, dict[str, Any], dict[str, Any]]


@attrs.define
class Price:
    by: str
    total: float


class Prices:
    """The actions of cachers.mjs."""

    @action("prices.sum", cache=True)
    async def sum(self, ctx: CurrentContext) -> Price:
        return Price("python", ctx.params["a"] + ctx.params["b"])

    @action("prices.all", cache=Cache(keys=()))
    async def all(self, ctx: CurrentContext) -> Price:
        return Price("python", 0)

    @action("prices.find", cache=Cache(keys=("item.id", "currency", "#user.id")))
    async def find(self, ctx: CurrentContext) -> Price:
        return Price("python", 1)

    @action("prices.text", version=2, cache=Cache(keys=("text",)))
    async def text(self, text: str) -> Price:
        return Price("python", 2)


CALLS: list[Call] = [
    ("prices.sum", {"a": 1, "b": 2}, {}),
    ("prices.sum", {"b": 2, "a": 1}, {}),
    ("prices.sum", {"a": 0.1, "b": 1e21}, {}),
    ("prices.sum", {"x": "é", "a": -1.5, "10": True, "2": None, "l": [1, ["t"]], "b": 1e-7}, {}),
    ("prices.sum", {"a": 1, "b": 2, "text": "😀é" * 60}, {}),
    ("prices.sum", {"a": 1, "b": 2, "text": "x" * 500}, {}),
    ("prices.all", {"any": 1}, {}),
    ("prices.find", {"item": {"id": 5}, "currency": "EUR"}, {"user": {"id": 7}}),
    ("prices.find", {"item": {"id": 5}, "currency": "EUR"}, {}),
    ("prices.find", {"item": None, "currency": None}, {"user": {"id": "ada"}}),
    ("v2.prices.text", {"text": "Hello, World"}, {}),
    ("v2.prices.text", {"text": ""}, {}),
    ("v2.prices.text", {"text": "y" * 101}, {}),
]
"""Each of them has its own key."""


@pytest.fixture
async def site(redis: RedisServer) -> AsyncIterator[CachedSite]:
    async with AsyncExitStack() as stack:
        start = cached_sites(stack, "redis", redis.url)
        yield await start(Prices(), cache_max_params_length=100)


async def in_node(node: Path, url: str, calls: list[Call]) -> list[dict[str, Any]]:
    """Call the actions of cachers.mjs in Node, and return the results."""
    script = Path(__file__).with_name("cachers.mjs")
    results: list[dict[str, Any]] = await report_of(
        node, script, url, json.dumps(calls), patience=30
    )
    return results


async def test_node_process_reads_our_results(
    site: CachedSite, redis: RedisServer, moleculer_io: Path
) -> None:
    ours = [await site.call(name, params, meta=meta) for name, params, meta in CALLS]

    theirs = await in_node(moleculer_io, redis.url, CALLS)

    assert {price.by for price in ours} == {"python"}
    assert theirs == [{"by": "python", "total": price.total} for price in ours]


async def test_results_of_a_node_process_are_read(
    site: CachedSite, redis: RedisServer, moleculer_io: Path
) -> None:
    theirs = await in_node(moleculer_io, redis.url, CALLS)

    ours = [await site.call(name, params, meta=meta) for name, params, meta in CALLS]

    assert {result["by"] for result in theirs} == {"node"}
    assert ours == [Price("node", result["total"]) for result in theirs]


async def test_parameters_that_moleculer_cannot_tell_apart_are_not_shared(
    site: CachedSite, redis: RedisServer, moleculer_io: Path
) -> None:
    """``{"text": "1"}`` and ``{"text": 1}`` have the same key there."""
    calls: list[Call] = [("v2.prices.text", {"text": text}, {}) for text in ("1", "a|b", "null")]
    await in_node(moleculer_io, redis.url, calls)

    assert [(await site.call(*call[:2])).by for call in calls] == ["python"] * 3


async def test_results_of_a_node_process_are_cleaned(
    site: CachedSite, redis: RedisServer, moleculer_io: Path
) -> None:
    await in_node(moleculer_io, redis.url, CALLS)

    await site.cacher.clean("prices.*")

    assert (await site.call("prices.sum", {"a": 1, "b": 2})).by == "python"
    assert (await site.call("v2.prices.text", {"text": ""})).by == "node"
