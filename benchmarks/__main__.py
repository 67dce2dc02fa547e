"""What the kernel costs: ``make bench``.

Two things are compared in one interleaved run, and only their ratio is told: these
machines are small and noisy. Servers, peers and plots come with the issue on speed.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median

from rxkernel import (
    Application,
    KernelEvents,
    Request,
    RequestEvent,
    Response,
    ResponseEvent,
    http,
)

ROUNDS, CALLS = 15, 20_000

Call = Callable[[Request], Awaitable[object]]


class Controller:
    @http("GET", "/hello", "hello")
    async def hello(self, request: Request) -> Response:
        return Response({"hello": "world"})


async def on_request(event: RequestEvent) -> None:
    event.request.attributes["seen"] = True


async def on_response(event: ResponseEvent) -> None:
    event.response.status_code = 200


async def microseconds(call: Call) -> float:
    """Processor time of one call."""
    request = Request("HTTP")
    begin = time.process_time_ns()
    for _ in range(CALLS):
        await call(request)
    return (time.process_time_ns() - begin) / CALLS / 1000


async def main() -> None:
    bare, full = Application(controllers=[Controller]), Application(controllers=[Controller])
    for _ in range(3):
        full.dispatcher.add_listener(KernelEvents.KERNEL_REQUEST, on_request)
    for _ in range(2):
        full.dispatcher.add_listener(KernelEvents.KERNEL_RESPONSE, on_response)
    async with bare, full:
        calls: dict[str, Call] = {
            "the action alone": Controller().hello,
            "its definition, no listeners": bare.kernel.http_definitions["hello"].handler,
            "its definition, 3 + 2 listeners": full.kernel.http_definitions["hello"].handler,
        }
        rounds: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(ROUNDS):
            for name, call in calls.items():
                rounds[name].append(await microseconds(call))
    base = median(rounds["the action alone"])
    for name, times in rounds.items():
        print(f"{name:34} {median(times):6.2f} µs   x {median(times) / base:5.2f}")
    print(f"medians of {ROUNDS} interleaved rounds of {CALLS} calls")


if __name__ == "__main__":
    asyncio.run(main())
