"""rxkernel: ``python -m rxkernel serve benchmarks.servers.rxkernel_app:with_listeners``."""

import asyncio
import time

from injector import inject

from benchmarks.servers.objects import live_objects
from benchmarks.servers.raised_limits import RAISED_LIMITS
from rxkernel import (
    Application,
    ApplicationEvents,
    Broadcaster,
    KernelEvents,
    Request,
    RequestEvent,
    ResponseEvent,
    ShutdownEvent,
    observe,
    websocket,
)

_WORK = 0.05
"""Seconds that the action `work` takes."""


class Controller:
    ran = 0

    @inject
    def __init__(self, broadcaster: Broadcaster) -> None:
        self.broadcaster = broadcaster

    @websocket("echo")
    async def echo(self, request: Request) -> object:
        body: object = request.body
        return body

    @websocket("work")
    async def work(self, request: Request) -> object:
        Controller.ran += 1
        await asyncio.sleep(_WORK)
        body: object = request.body
        return body

    @websocket("broadcast")
    async def broadcast(self, request: Request) -> float:
        """Seconds that the call took."""
        begin = time.perf_counter()
        await self.broadcaster.emit("news", request.body)
        return time.perf_counter() - begin

    @websocket("collect")
    async def collect(self, request: Request) -> dict[str, int]:
        return live_objects()


@observe(ApplicationEvents.SHUTDOWN)
async def say_what_ran(event: ShutdownEvent) -> None:
    print(f"ran {Controller.ran}", flush=True)


async def on_request(event: RequestEvent) -> None:
    event.request.attributes["seen"] = True


async def on_response(event: ResponseEvent) -> None:
    event.request.attributes["status"] = event.response.status_code


def without_listeners() -> Application:
    return Application(
        controllers=[Controller],
        listeners=[say_what_ran],
        settings=RAISED_LIMITS,
    )


def with_listeners() -> Application:
    application = without_listeners()
    for _ in range(3):
        application.dispatcher.add_listener(KernelEvents.KERNEL_REQUEST, on_request)
    for _ in range(2):
        application.dispatcher.add_listener(KernelEvents.KERNEL_RESPONSE, on_response)
    return application
