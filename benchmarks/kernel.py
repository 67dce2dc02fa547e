"""The cost of the kernel alone, in process: an action by itself, and called by the kernel."""

import time
from collections.abc import Awaitable, Callable
from statistics import median

import attrs
import msgspec

from benchmarks.report import Table
from rxkernel import (
    Application,
    KernelEvents,
    Request,
    RequestEvent,
    Response,
    ResponseEvent,
    http,
)

Call = Callable[[Request], Awaitable[object]]


@attrs.frozen
class Item:
    name: str
    price: float
    count: int = 1


@attrs.frozen
class Order:
    who: str
    items: list[Item]


BODY = {"who": "Ada", "items": [{"name": "tea", "price": 2.5}, {"name": "milk", "price": 1.0}]}
ITEM = Item("tea", 2.5)


class Controller:
    @http("GET", "/hello", "hello")
    async def hello(self, request: Request) -> Response:
        return Response({"hello": "world"})

    @http("GET", "/typed/{id:int}", "parameters")
    async def parameters(self, id: int, verbose: bool = False) -> Response:
        return Response({"hello": "world"})

    @http("GET", "/by-hand/{id:int}", "parameters_by_hand")
    async def parameters_by_hand(self, request: Request) -> Response:
        request.param("id", int)
        if "verbose" in request.params:
            request.param("verbose", bool)
        return Response({"hello": "world"})

    @http("POST", "/typed", "body")
    async def body(self, order: Order) -> Response:
        return Response({"hello": "world"})

    @http("POST", "/by-hand", "body_by_hand")
    async def body_by_hand(self, request: Request) -> Response:
        msgspec.convert(request.body, Order)
        return Response({"hello": "world"})

    @http("GET", "/shaped", "shaped")
    async def shaped(self, request: Request) -> Item:
        return ITEM


async def on_request(event: RequestEvent) -> None:
    event.request.attributes["seen"] = True


async def on_response(event: ResponseEvent) -> None:
    event.response.status_code = 200


async def _seconds(call: Call, calls: int) -> float:
    """Processor time of one call."""
    request = Request("HTTP", params={"id": 7, "verbose": "true"}, body=BODY)
    begin = time.process_time()
    for _ in range(calls):
        await call(request)
    return (time.process_time() - begin) / calls


async def kernel(*, rounds: int = 15, calls: int = 20_000) -> Table:
    bare, full = Application(controllers=[Controller]), Application(controllers=[Controller])
    for _ in range(3):
        full.dispatcher.add_listener(KernelEvents.KERNEL_REQUEST, on_request)
    for _ in range(2):
        full.dispatcher.add_listener(KernelEvents.KERNEL_RESPONSE, on_response)
    async with bare, full:
        ways: dict[str, Call] = {
            "the action alone": Controller().hello,
            "its definition, no listeners": bare.kernel.http_definitions["hello"].handler,
            "its definition, 3 + 2 listeners": full.kernel.http_definitions["hello"].handler,
            "two typed parameters": bare.kernel.http_definitions["parameters"].handler,
            "the same by hand": bare.kernel.http_definitions["parameters_by_hand"].handler,
            "a typed body": bare.kernel.http_definitions["body"].handler,
            "msgspec.convert by hand": bare.kernel.http_definitions["body_by_hand"].handler,
            "a shaped return value": bare.kernel.http_definitions["shaped"].handler,
        }
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, call in ways.items():
                taken[name].append(await _seconds(call, calls))
    table = Table(
        "The kernel, in process",
        {"what is called": "", "CPU µs": ".2f", "ratio": ".2f"},
        f"Medians of {rounds} interleaved rounds of {calls} calls.",
    )
    base = median(taken["the action alone"])
    for name, times in taken.items():
        table.add(name, median(times) * 1e6, median(times) / base)
    return table
