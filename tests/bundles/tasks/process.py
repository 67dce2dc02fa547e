"""A process that runs tasks, for a test that kills it: ``python -m … FILE|URL add|hang|run``.

URL is that of a Redis, by which the processes share the tasks.
"""

import asyncio
import sys
from pathlib import Path

from bundles.redis import RedisBundle, RedisSettings
from bundles.tasks import TASKS, Scheduler, TasksBundle, TasksSettings
from rxkernel import Application, Bundle, HttpSettings, Settings, procedure


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Jobs:
    @procedure("tick", TASKS)
    async def tick(self) -> None:
        say("tick")

    @procedure("hang", TASKS)
    async def hang(self) -> None:
        say("hangs")
        await asyncio.Event().wait()


def application_of(place: str, jobs: object) -> Application:
    sections: dict[str, object] = {"tasks": TasksSettings(file=Path(place))}
    bundles: list[type[Bundle]] = [TasksBundle]
    if place.startswith("redis://"):
        bundles.append(RedisBundle)
        sections["tasks"] = TasksSettings(store="redis", lease=0.8)
        sections["redis"] = RedisSettings(url=place)
    return Application(
        bundles=bundles,
        controllers=[jobs],
        settings=Settings(http=HttpSettings(port=0), bundles=sections),
    )


async def main(place: str, what: str) -> None:
    application = application_of(place, Jobs)
    await application.start()
    scheduler = application.injector.get(Scheduler)
    match what:
        case "add":
            await scheduler.add("tick", every=0.1, name="ticks")
        case "add-slow":
            await scheduler.add("tick", every=0.5)
        case "add-hang":
            await scheduler.add("hang", every=0.2)
        case "hang":
            await scheduler.add("hang", every="1d", name="hangs")
            await scheduler.run((await scheduler.entries())[0].id)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
