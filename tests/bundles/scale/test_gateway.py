"""The gateway's `broadcast` and `get_clients` reach all processes by this bundle."""

from bundles.gateway import Broker, GatewayBundle
from tests.bundles.redis_servers import RedisServer
from tests.bundles.scale.conftest import SiteOf
from tests.servers.socketio_clients import raw_socket


async def test_gateway_broadcasts_and_lists_clients_of_all_processes(
    site_of: SiteOf, shared_redis: RedisServer
) -> None:
    here, there = [await site_of(shared_redis, bundles=(GatewayBundle,)) for _ in range(2)]
    await here.sees(1)
    broker = here.application.injector.get(Broker)

    async with raw_socket(here.application) as ada, raw_socket(there.application) as bob:
        ids = {one.id for one in await there.broadcaster.connections(local=True)}
        await here.broadcaster.join(list(ids), "readers")

        assert set(await broker.call("io.get_clients", {"room": "readers"})) == ids
        await broker.call("io.broadcast", {"event": "news", "args": [1], "rooms": ["readers"]})
        await broker.call("io.broadcast", {"event": "all"})

        assert [await bob.receive() for _ in range(2)] == ['42["news",1]', '42["all"]']
        assert await ada.receive() == '42["all"]'
