"""The cost of a contract, in process."""

import time

from benchmarks.report import Table
from bundles.contracts import ContractsBundle, Queue, contract
from rxkernel import Application, Request
from rxkernel import http as http_route
from rxkernel.routing.definitions import Handler


class Contracted:
    """The same action with different contracts, and without one."""

    @http_route("GET", "/bare", "bare")
    async def bare(self, request: Request) -> dict[str, str]:
        return {}

    @http_route("GET", "/facts", "facts")
    @contract(caption="Facts", errors={"none": "There is none"}, deprecated=True)
    async def facts(self, request: Request) -> dict[str, str]:
        return {}

    @http_route("GET", "/timeout", "timeout")
    @contract(timeout=30)
    async def timeout(self, request: Request) -> dict[str, str]:
        return {}

    @http_route("GET", "/queue", "queue")
    @contract(queue=Queue(concurrency=10))
    async def queue(self, request: Request) -> dict[str, str]:
        return {}


class Undeclared:
    """An action without a return annotation, which may return a `DomainError`."""

    @http_route("GET", "/undeclared", "undeclared")
    async def undeclared(self, request: Request):  # type: ignore[no-untyped-def]
        return {}


_CASES = {
    "no contract": ("bare", "bare"),
    "a contract without limits": ("facts", "bare"),
    "a timeout": ("timeout", "bare"),
    "a queue with a free slot": ("queue", "bare"),
    "no return annotation, without the bundle": ("without", "without"),
    "no return annotation": ("undeclared", "without"),
}
"""By title: what is measured, and what it is compared with."""


async def _seconds(handle: Handler, calls: int) -> float:
    """Processor time of one call."""
    begin = time.process_time()
    for _ in range(calls):
        await handle(Request("HTTP"))
    return (time.process_time() - begin) / calls


async def contracts(*, rounds: int = 100, calls: int = 2000) -> Table:
    table = Table(
        "Contracts, in process",
        {"definition": "", "CPU µs": ".2f", "more than without": ".2f"},
        f"The best of {rounds} interleaved rounds of {calls} calls.",
    )
    with_bundle = Application(bundles=[ContractsBundle], controllers=[Contracted, Undeclared])
    without = Application(controllers=[Undeclared])
    async with with_bundle, without:
        definitions = with_bundle.kernel.http_definitions
        handlers = {each.name: each.pipeline.handle for each in definitions}
        handlers["without"] = without.kernel.http_definitions["undeclared"].pipeline.handle
        best = dict.fromkeys(handlers, float("inf"))
        for _ in range(rounds):
            for name, handle in handlers.items():
                best[name] = min(best[name], await _seconds(handle, calls))
    for title, (name, base) in _CASES.items():
        table.add(title, best[name] * 1e6, (best[name] - best[base]) * 1e6)
    return table
