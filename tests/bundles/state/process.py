"""A process that increments: ``python -m … REDIS_URL PREFIX TIMES TOTAL``. It ends when the
count is TOTAL, and prints each value that its subscriber received."""

import asyncio
import sys
from typing import Any

from bundles.redis import RedisBundle, RedisSettings
from bundles.state import State, StateBundle, StateSettings
from rxkernel import Application, HttpSettings, Settings

_BURST = 100


async def main(url: str, prefix: str, times: int, total: int) -> None:
    bundles = {
        "redis": RedisSettings(url=url, prefix=prefix),
        "state": StateSettings(store="redis"),
    }
    application = Application(
        bundles=[RedisBundle, StateBundle],
        settings=Settings(http=HttpSettings(port=0), bundles=bundles),
    )
    async with application:
        state = application.injector.get(State)
        done = asyncio.Event()

        def seen(path: str, value: Any, is_remote: bool) -> None:
            sys.stdout.write(f"{value}\n")
            if value == total:
                done.set()

        state.subscribe("count", seen)
        for number in range(times):
            state.increment("count")
            if number % _BURST == 0:
                await asyncio.sleep(0)
        await done.wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
