"""Processes without a port that are connected to the others."""

import sys

from bundles.tasks import TaskQueue
from rxkernel import Broadcaster
from tests.bundles.redis_servers import RedisServer
from tests.bundles.scale.queue_site import News, create
from tests.cli.processes import Process
from tests.required_tools import ROOT
from tests.servers.socketio_clients import raw_socket
from tests.serving import serving


async def test_script_without_a_port_reaches_clients(shared_redis: RedisServer) -> None:
    async with serving(create(shared_redis.url)) as site, raw_socket(site) as client:
        async with create(shared_redis.url).connected() as script:
            assert await script.injector.get(Broadcaster).emit("news", "Tea")
        assert await client.receive() == '42["news","Tea"]'


async def test_queued_task_of_a_worker_reaches_clients(shared_redis: RedisServer) -> None:
    worker = Process(
        [
            *("env", f"TEST_REDIS_URL={shared_redis.url}", sys.executable, "-m", "rxkernel"),
            *("--app", "tests.bundles.scale.queue_site", "tasks", "worker"),
        ],
        ROOT,
    )
    try:
        async with serving(create(shared_redis.url)) as site, raw_socket(site) as client:
            news = site.injector.get(News)
            queued = await site.injector.get(TaskQueue).enqueue(news.announce, "Tea")
            assert await queued.result(timeout=60.0) is True
            assert await client.receive() == '42["news","Tea"]'
    finally:
        worker.kill()
