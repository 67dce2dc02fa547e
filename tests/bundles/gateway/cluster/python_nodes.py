"""Nodes of rxkernel in the process of a test, on a server of NATS or Redis."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bundles.gateway import (
    Broker,
    CurrentContext,
    GatewayBundle,
    GatewaySettings,
    MoleculerClientError,
    MoleculerRetryableError,
    Retries,
    action,
    on_event,
)
from bundles.gateway.cluster.cluster import Cluster
from bundles.gateway.cluster.membership import Discovery
from bundles.redis import RedisBundle, RedisSettings
from rxkernel import Application, KernelClient, NotFoundException, Settings, StreamResponse
from rxkernel.application.overrides import Overrides
from tests.bundles.gateway.cluster.node_peers import stream_bytes
from tests.bundles.gateway.pauses import Pauses
from tests.waiting import until


class Python:
    """The actions that nodes of Moleculer call.

    Attributes:
        begun, cancelled: set by `wait`, which ends when `released` is set.
        runs: how often `flaky` has run; it fails the first time.
    """

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.released = asyncio.Event()
        self.runs = 0

    @action("python.wait")
    async def wait(self) -> str:
        self.begun.set()
        try:
            await self.released.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return "waited"

    @action("python.flaky")
    async def flaky(self) -> int:
        self.runs += 1
        if self.runs == 1:
            raise MoleculerRetryableError("Try again", 503, "BUSY")
        return self.runs

    @action("python.add", visibility="published")
    async def add(self, a: float, b: float) -> float:
        return a + b

    @action("python.echo")
    async def echo(self, ctx: CurrentContext) -> Any:
        return ctx.params

    @action("python.fail")
    async def fail(self, kind: str) -> None:
        match kind:
            case "client":
                raise MoleculerClientError("Not like this", 400, "WRONG", {"a": [1, None]})
            case "retryable":
                raise MoleculerRetryableError("Try again", 503, "BUSY")
            case "http":
                raise NotFoundException("no such order", code="unknown_order", errors=[1])
            case _:
                raise RuntimeError("a secret")

    @action("python.meta")
    async def meta(self, ctx: CurrentContext, fail: bool = False) -> dict[str, Any]:
        came = dict(ctx.meta)
        ctx.meta["python"] = {"seen": True}
        if fail:
            raise MoleculerClientError("After the meta", 400, "AFTER")
        return came

    @action("python.context")
    async def context(self, ctx: CurrentContext) -> dict[str, Any]:
        return {
            "sender": ctx.sender,
            "level": ctx.level,
            "caller": ctx.caller,
            "request_id": ctx.request_id,
            "has_time": ctx.remaining is not None,
        }

    @action("python.nested")
    async def nested(self, ctx: CurrentContext, action: str, params: dict[str, Any]) -> Any:
        return await ctx.call(action, params)

    @action("python.hidden", visibility="protected")
    async def hidden(self) -> None: ...

    @action("values.node")
    async def node(self, ctx: CurrentContext) -> str:
        return ctx.node_id

    @action("python.up")
    async def up(self, ctx: CurrentContext) -> dict[str, Any]:
        assert ctx.stream is not None
        digest, length, error = hashlib.sha256(), 0, None
        try:
            async for piece in ctx.stream:
                digest.update(piece)
                length += len(piece)
        except Exception as exc:  # noqa: BLE001 - the test compares it
            error = str(exc)
        return {
            "sha256": digest.hexdigest(),
            "length": length,
            "error": error,
            "params": ctx.params,
            "meta": dict(ctx.meta),
        }

    @action("python.down")
    async def down(self, size: int) -> StreamResponse:
        return StreamResponse(pieces(size))

    @action("python.broken")
    async def broken(self) -> StreamResponse:
        return StreamResponse(failing())


async def pieces(size: int, length: int = 100_000) -> AsyncIterator[bytes]:
    content = stream_bytes(size)
    for begin in range(0, size, length):
        yield content[begin : begin + length]


async def failing() -> AsyncIterator[bytes]:
    """Fails with a delay, for the reason in peer/streams.mjs."""
    yield b"0123456789"
    await asyncio.sleep(0.05)
    raise MoleculerClientError("the source is gone", 400, "GONE")


class Listener:
    """The events that nodes of Moleculer send.

    Attributes:
        events: ``handler``, ``name``, ``payload``, ``meta``, ``sender``, ``caller`` and ``level``
            of each.
    """

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    @on_event("user.*", group="listener")
    async def user(self, ctx: CurrentContext) -> None:
        self._note("user.*", ctx)

    @on_event("order.created", group="mail")
    async def order(self, ctx: CurrentContext) -> None:
        self._note("mail", ctx)

    @on_event("$node.*")
    async def nodes(self, ctx: CurrentContext) -> None:
        self._note("$node", ctx)

    def _note(self, handler: str, ctx: CurrentContext) -> None:
        self.events.append(
            {
                "handler": handler,
                "name": ctx.event_name,
                "payload": ctx.params,
                "meta": dict(ctx.meta),
                "sender": ctx.sender,
                "caller": ctx.caller,
                "level": ctx.level,
            }
        )

    def of(self, handler: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["handler"] == handler]

    async def wait_for(self, handler: str, count: int = 1) -> list[dict[str, Any]]:
        await until(lambda: len(self.of(handler)) >= count)
        return self.of(handler)


class PythonNode:
    """A booted application whose node has joined the cluster.

    Attributes:
        expected_drops: how many packets a test expects to be dropped, by reason.
    """

    def __init__(self, application: Application) -> None:
        self.application = application
        self.broker = application.injector.get(Broker)
        self.cluster = application.injector.get(Cluster)
        self.server = application.servers["cluster"]
        self.expected_drops: dict[str, int] = {}

    @property
    def actions(self) -> Python:
        return self.application.injector.get(Python)

    @property
    def listener(self) -> Listener:
        return self.application.injector.get(Listener)

    @property
    def dropped(self) -> dict[str, int]:
        """The numbers of dropped packets, by reason, without zeros."""
        return {reason: count for reason, count in self.cluster.dropped.counts.items() if count}

    def nodes_of(self, name: str) -> list[str]:
        """Return the nodes on which the action *name* is available."""
        actions = self.broker.actions(with_endpoints=True)
        (found,) = [action["endpoints"] for action in actions if action["name"] == name] or [()]
        return sorted(endpoint["node_id"] for endpoint in found if endpoint["available"])

    async def leave(self) -> None:
        """Leave gracefully."""
        await self.server.drain()
        await self.server.stop()

    async def wait_for_action(self, name: str, *nodes: str) -> None:
        """Wait until exactly *nodes* have the action *name*."""
        await until(lambda: self.nodes_of(name) == sorted(nodes))


@asynccontextmanager
async def python_node(
    url: str, node_id: str, *controllers: Any, **settings: Any
) -> AsyncIterator[PythonNode]:
    """A node with `Python` and `Listener`, or with *controllers*, that leaves at the end.

    Args:
        url: the URL of a server of NATS or Redis.
    """
    nats = url.startswith("nats")
    if nats:
        settings["nats_url"] = url
    sections: dict[str, Any] = {
        "gateway": GatewaySettings(
            node_id=node_id, transporter="nats" if nats else "redis", **settings
        )
    }
    if not nats:
        sections["redis"] = RedisSettings(url=url)
    application = Application(
        bundles=(GatewayBundle,) if nats else (RedisBundle, GatewayBundle),
        controllers=controllers or (Python, Listener),
        settings=Settings(bundles=sections),
    )
    overrides: Overrides = {Discovery: Discovery(0), Retries: Pauses()}
    async with KernelClient(application, overrides=overrides):
        node = PythonNode(application)
        await node.server.start()
        try:
            yield node
        finally:
            await node.leave()
