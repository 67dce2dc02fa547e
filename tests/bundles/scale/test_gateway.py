"""The gateway's `broadcast` and `get_clients` reach all processes once, also in a cluster of
Moleculer."""

import itertools
import json
from contextlib import AsyncExitStack

import pytest

from bundles.gateway import Broker, CurrentContext, GatewayBundle, GatewaySettings, action
from tests.bundles.gateway.gateways import gateway
from tests.bundles.redis_servers import RedisServer
from tests.bundles.scale.conftest import Site, SiteOf
from tests.servers.socketio_clients import RawSocket, raw_socket
from tests.waiting import until


class Rooms:
    @action("rooms.enter", visibility="published")
    async def enter(self, ctx: CurrentContext, room: str) -> str:
        ctx.meta["$join"] = room
        return room


class Sites:
    """Starts gateways, and connects a client to each.

    Attributes:
        clients: the clients of all gateways.
    """

    def __init__(
        self, site_of: SiteOf, redis: RedisServer, name: str, stack: AsyncExitStack
    ) -> None:
        self.clients: list[RawSocket] = []
        self._site_of = site_of
        self._redis = redis
        self._name = name
        self._stack = stack
        self._numbers = itertools.count(1)

    async def start(self, *, scale: bool, cluster: bool) -> Site:
        number = next(self._numbers)
        section = GatewaySettings(
            node_id=f"io-{number}",
            namespace=self._name,
            transporter="redis" if cluster else "none",
            heartbeat_interval=0.1,
        )
        site: Site = await self._site_of(
            self._redis,
            Rooms,
            scale=None if scale else {"bus": "memory"},
            bundles=(GatewayBundle(gateway(call={})),),
            sections={"gateway": section},
        )
        socket = await self._stack.enter_async_context(raw_socket(site.application))
        self.clients.append(socket)
        return site

    async def know_each_other(self, *sites: Site) -> None:
        """Wait until each of *sites* has all of them in its cluster."""
        for site in sites:
            broker = site.application.injector.get(Broker)
            await until(lambda broker=broker: len(broker.nodes()) == len(sites))  # type: ignore[misc]


@pytest.fixture
async def sites(site_of: SiteOf, shared_redis: RedisServer, request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    async with AsyncExitStack() as stack:
        yield Sites(site_of, shared_redis, request.node.name.replace("[", "-").strip("]"), stack)


def broker_of(site: Site) -> Broker:
    found: Broker = site.application.injector.get(Broker)
    return found


@pytest.mark.parametrize("cluster", [False, True])
async def test_broadcasts_and_lists_reach_clients_of_all_processes_once(
    cluster: bool, sites: Sites
) -> None:
    here, there = [await sites.start(scale=True, cluster=cluster) for _ in range(2)]
    await here.sees(1)
    await there.sees(1)
    if cluster:
        await sites.know_each_other(here, there)
    for number, client in enumerate(sites.clients):
        for room in ("readers", f"process-{number}"):
            await client.send(f'420["call","rooms.enter",{{"room":"{room}"}}]')
            assert await client.receive() == f'430[null,"{room}"]'
    ids = {one.id for one in await there.broadcaster.connections(local=True)}

    assert len(ids) == 1
    for site in (here, there):
        broker = broker_of(site)
        found = await broker.call("io.get_clients", {"room": "readers"})
        assert len(found) == len(set(found)) == 2
        assert set(await broker.call("io.get_clients", {"room": "process-1"})) == ids
        rooms = ["readers", "process-0", "process-1"]
        await broker.call("io.broadcast", {"event": "both", "rooms": rooms})
    await broker_of(here).call("io.broadcast", {"event": "all"})
    await broker_of(there).call("io.broadcast", {"event": "none", "rooms": []})
    await broker_of(there).call("io.broadcast", {"event": "local", "local": True})
    for number, site in enumerate((here, there)):
        await broker_of(site).call("io.broadcast", {"event": f"last-{number}"})

    common = ["all", "both", "both", "last-0", "last-1"]
    first, second = [await received(client) for client in sites.clients]
    assert (first, second) == (common, sorted([*common, "local"]))


async def received(client: RawSocket) -> list[str]:
    """Return the events up to the last one of each process. Events of two processes have no
    order."""
    found: list[str] = []
    while not {"last-0", "last-1"} <= set(found):
        frame = await client.receive()
        assert isinstance(frame, str)
        found += json.loads(frame.removeprefix("42"))
    return sorted(found)


async def test_broadcast_of_a_node_without_the_bus_is_received_once(sites: Sites) -> None:
    """The cluster sends it to both processes, so neither may forward it to the other."""
    here, there = [await sites.start(scale=True, cluster=True) for _ in range(2)]
    alone = await sites.start(scale=False, cluster=True)
    await here.sees(1)
    await there.sees(1)
    await sites.know_each_other(here, there, alone)

    await broker_of(alone).call("io.broadcast", {"event": "first"})
    for client in sites.clients[:2]:
        assert await client.receive() == '42["first"]'
    await broker_of(alone).call("io.broadcast", {"event": "last"})

    for client in sites.clients[:2]:
        assert await client.receive() == '42["last"]'
    assert [await sites.clients[2].receive() for _ in range(2)] == ['42["first"]', '42["last"]']
