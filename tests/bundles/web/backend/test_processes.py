"""``application.backend`` of two processes, which the bundle `scale` connects."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bundles.web import BackendEvents
from rxkernel import Application, KernelClient, decode_json
from tests.bundles.redis_servers import running_redis
from tests.bundles.web.backend.test_backend_events import FILES
from tests.bundles.web.conftest import Site
from tests.bundles.web.connected import connected


@pytest.fixture
async def two(
    site: Site, redis_server: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[list[Application]]:
    site.write(FILES)
    with running_redis(redis_server, tmp_path_factory.mktemp("redis")) as redis:
        async with connected(site.root, redis) as applications:
            yield applications


async def seen_by(application: Application, number: int) -> Any:
    """Wait until the handlers of *application* have received *number* events, and return them."""
    client = KernelClient(application)
    async with asyncio.timeout(20):
        while True:
            seen = decode_json((await client.http("GET /seen.json")).content)
            if len(seen) >= number:
                return seen
            await asyncio.sleep(0.005)


async def test_event_is_handled_once_in_each_process_in_its_order(two: list[Application]) -> None:
    """Each handler reads the files of its own process."""
    here, there = two
    for number in range(20):
        assert await here.injector.get(BackendEvents).emit("price", {"number": number})
    await seen_by(there, 20)
    response = await KernelClient(there).http("POST /price.json", body={"price": 1})
    assert response.content == b'[true,{"price":1}]'

    sent: list[dict[str, int]] = [{"number": number} for number in range(20)] + [{"price": 1}]
    for application in two:
        assert await seen_by(application, 21) == [[1, {**each, "price": 0}] for each in sent]
