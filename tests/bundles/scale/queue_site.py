"""An application whose queued task sends a broadcast, for this process and for workers."""

import os

from injector import inject

from bundles.redis import RedisBundle, RedisSettings
from bundles.scale import ScaleBundle, ScaleSettings
from bundles.tasks import TaskQueueSettings, TasksBundle, TasksSettings, task
from rxkernel import Application, Broadcaster, HttpSettings, Settings
from tests.bundles.scale.process import QUICK, SECRET


class News:
    @inject
    def __init__(self, broadcaster: Broadcaster) -> None:
        self._broadcaster = broadcaster

    @task
    async def announce(self, title: str) -> bool:
        return await self._broadcaster.emit("news", title)


def create(url: str) -> Application:
    bundles = {
        "redis": RedisSettings(url=url),
        "scale": ScaleSettings(bus="redis", secret=SECRET, **QUICK),
        "tasks": TasksSettings(store="memory", queue=TaskQueueSettings(store="redis")),
    }
    return Application(
        bundles=[RedisBundle, ScaleBundle, TasksBundle],
        controllers=[News],
        settings=Settings(http=HttpSettings(port=0), bundles=bundles),
    )


if "TEST_REDIS_URL" in os.environ:
    application = create(os.environ["TEST_REDIS_URL"])
