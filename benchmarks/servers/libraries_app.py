"""The libraries of rxkernel and of the sample application, idle: the floor of its memory."""

import asyncio
import signal
from importlib import import_module

import aiosqlite
import socketio
import uvloop
from aiohttp import web

for other in ("attrs", "blinker", "click", "injector", "msgspec"):
    import_module(other)


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    application = web.Application()
    socketio.AsyncServer(async_mode="aiohttp").attach(application)
    async with aiosqlite.connect(":memory:") as database:
        await database.execute_fetchall("CREATE TABLE tasks (title)")
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        print(f"Listening on http://127.0.0.1:{site.port}", flush=True)
        await stop.wait()
        await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(main())
