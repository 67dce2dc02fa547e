"""A process that runs tasks, for a test that kills it: ``python -m … FILE add|hang|run``."""

import asyncio
import sys
from pathlib import Path

from bundles.tasks import TASKS, Scheduler, TasksBundle, TasksSettings
from rxkernel import Application, HttpSettings, Settings, procedure


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


async def main(file: Path, what: str) -> None:
    application = Application(
        bundles=[TasksBundle],
        controllers=[Jobs],
        settings=Settings(http=HttpSettings(port=0), bundles={"tasks": TasksSettings(file=file)}),
    )
    await application.start()
    scheduler = application.injector.get(Scheduler)
    match what:
        case "add":
            await scheduler.add("tick", every=0.1, name="ticks")
        case "hang":
            await scheduler.add("hang", every="1d", name="hangs")
            await scheduler.run((await scheduler.entries())[0].id)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
