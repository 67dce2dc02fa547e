"""python-socketio as in its manual: an `AsyncServer` on aiohttp with default options."""

import asyncio
import signal
import time
from typing import Any

import socketio
import uvloop
from aiohttp import web

from benchmarks.servers.objects import live_objects

_WORK = 0.05
"""Seconds that the handler `work` takes."""

server = socketio.AsyncServer(async_mode="aiohttp")
ran = 0


def acknowledgement(content: object) -> dict[str, object]:
    """The same bytes as rxkernel's."""
    return {"statusCode": 200, "headers": {}, "content": content}


@server.event  # type: ignore[untyped-decorator]
async def echo(_: str, message: dict[str, Any]) -> dict[str, object]:
    return acknowledgement(message["body"])


@server.event  # type: ignore[untyped-decorator]
async def work(_: str, message: dict[str, Any]) -> dict[str, object]:
    global ran
    ran += 1
    await asyncio.sleep(_WORK)
    return acknowledgement(message["body"])


@server.event  # type: ignore[untyped-decorator]
async def broadcast(_: str, message: dict[str, Any]) -> dict[str, object]:
    begin = time.perf_counter()
    await server.emit("news", message["body"])
    return acknowledgement(time.perf_counter() - begin)


@server.event  # type: ignore[untyped-decorator]
async def collect(*_: object) -> dict[str, object]:
    return acknowledgement(live_objects())


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    application = web.Application()
    server.attach(application)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"Listening on http://127.0.0.1:{site.port}", flush=True)
    await stop.wait()
    await runner.cleanup()
    print(f"ran {ran}", flush=True)


if __name__ == "__main__":
    uvloop.run(main())
