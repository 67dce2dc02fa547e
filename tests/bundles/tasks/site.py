"""An application with tasks, and with a clock that the test controls."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs

from bundles.redis import RedisBundle, RedisSettings
from bundles.tasks import Clock, Scheduler, TaskEntry, TasksBundle, TasksSettings
from rxkernel import Application, HttpSettings, KernelClient, Settings
from tests.bundles.redis_servers import RedisServer
from tests.bundles.tasks.manual_clock import ManualClock, settle


@attrs.define(eq=False)
class Site:
    """
    Attributes:
        client: for messages; closing it stops the application.
    """

    client: KernelClient
    clock: ManualClock

    @property
    def scheduler(self) -> Scheduler:
        found: Scheduler = self.client.application.injector.get(Scheduler)
        return found

    async def advance(self, seconds: float) -> None:
        await self.clock.advance(seconds)

    async def add(self, task: str, **given: Any) -> str:
        """Add a task that is due at least once, and return its id."""
        id = await self.scheduler.add(task, **given)
        assert id is not None
        return id

    async def entry(self, id: str) -> TaskEntry:
        return next(entry for entry in await self.scheduler.entries() if entry.id == id)

    async def start(self) -> None:
        """Run the tasks by their times, without the ports of the other servers."""
        application = self.client.application
        server = application.servers["tasks"]
        server.configure(application.kernel)
        await server.start()
        await settle()

    async def stop(self) -> None:
        server = self.client.application.servers["tasks"]
        await server.drain()
        await server.stop()


SiteOf = Callable[..., Any]


@asynccontextmanager
async def running_site(
    *controllers: Any,
    clock: ManualClock | None = None,
    file: Path | None = None,
    redis: RedisServer | None = None,
    redis_timeout: float = 20.0,
    prefix: str = "",
    bundles: tuple[Any, ...] = (TasksBundle,),
    workers: bool = False,
    is_started: bool = True,
    modules: tuple[Any, ...] = (),
    listeners: tuple[Any, ...] = (),
    **settings: Any,
) -> AsyncIterator[Site]:
    """A site that is stopped at the end. Without *file* and *redis*, its store is ``memory``."""
    clock = ManualClock() if clock is None else clock
    place: dict[str, Any] = (
        {"store": "memory"} if file is None else {"store": "sqlite", "file": file}
    )
    sections: dict[str, Any] = {}
    if redis is not None:
        place, bundles = {"store": "redis"}, (RedisBundle, *bundles)
        sections["redis"] = RedisSettings(
            url=redis.url,
            prefix=prefix,
            connect_timeout=redis_timeout,
            command_timeout=redis_timeout,
        )
    application = Application(
        bundles=bundles,
        controllers=controllers,
        modules=modules,
        listeners=listeners,
        settings=Settings(
            health=True,
            http=HttpSettings(reuse_port=workers),
            bundles={"tasks": TasksSettings(**place, **settings), **sections},
        ),
    )
    async with KernelClient(application, overrides={Clock: clock}) as client:
        site = Site(client, clock)
        if is_started:
            await site.start()
        try:
            yield site
        finally:
            if is_started:
                await site.stop()
