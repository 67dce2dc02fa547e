"""Timeouts and queues: defaults, order, cancellation, load."""

import asyncio
import gc
import tracemalloc
from collections import Counter
from typing import Any

import pytest

from bundles.contracts import Contracts, ContractsBundle, ContractsSettings, Queue, contract
from rxkernel import (
    Application,
    ConfigurationError,
    KernelClient,
    KernelEvents,
    Request,
    RequestEvent,
    Settings,
    both,
    http,
    observe,
)
from tests.waiting import until


def client_of(*controllers: Any, health: bool = False, **contracts: Any) -> KernelClient:
    settings = Settings(health=health, bundles={"contracts": ContractsSettings(**contracts)})
    return KernelClient(
        Application(bundles=[ContractsBundle], controllers=controllers, settings=settings)
    )


class Waits:
    def __init__(self) -> None:
        self.running = self.most = 0
        self.released = asyncio.Event()

    async def _wait(self) -> str:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.released.wait()
        finally:
            self.running -= 1
        return "done"

    @http("GET", "/unlimited", "unlimited")
    @contract(timeout=None, queue=None)
    async def unlimited(self) -> str:
        return await self._wait()

    @http("GET", "/own", "own")
    @contract(timeout=0.01)
    async def own(self) -> str:
        return await self._wait()

    @http("GET", "/default", "default")
    @contract(caption="With the limits of the settings")
    async def default(self) -> str:
        return await self._wait()

    @http("GET", "/bare", "bare")
    async def bare(self) -> str:
        return await self._wait()


# T26
async def test_timeout_none_overrides_the_settings() -> None:
    waits = Waits()
    async with client_of(waits, timeout=0.01) as client:
        call = asyncio.create_task(client.http("unlimited"))
        assert (await client.http("bare")).status_code == 408
        waits.released.set()
        assert (await call).content == "done"


# T27
@pytest.mark.parametrize("name", ["default", "bare"])
async def test_contract_without_timeout_has_the_timeout_of_the_settings(name: str) -> None:
    async with client_of(Waits(), timeout=0.02) as client:
        response = await client.http(name)

    assert response.status_code == 408
    assert response.content["message"] == "Timeout of 20ms reached"


async def test_timeout_of_a_contract_overrides_the_settings() -> None:
    async with client_of(Waits(), timeout=60) as client:
        assert (await client.http("own")).content["message"] == "Timeout of 10ms reached"


async def test_queue_of_the_settings_is_shared_by_all_definitions() -> None:
    waits = Waits()
    async with client_of(waits, queue=Queue(concurrency=2, size=10, timeout=60)) as client:
        names = ["default", "bare", "default", "bare", "bare"]
        calls = [asyncio.create_task(client.http(name)) for name in names]
        await until(lambda: waits.running == 2)
        outside = asyncio.create_task(client.http("unlimited"))
        await until(lambda: waits.running == 3)

        waits.released.set()

        assert {(await call).status_code for call in (*calls, outside)} == {200}
        assert waits.most == 3


async def test_call_that_waits_for_its_own_queue_takes_no_slot_of_the_settings() -> None:
    ordered, waits = Ordered(), Waits()
    queue = Queue(concurrency=2, size=10, timeout=60)
    async with client_of(ordered, waits, queue=queue) as client:
        contracts = client.application.injector.get(Contracts)
        own, shared = contracts.slots_of(Ordered.queue), contracts.slots_of(queue)
        calls = [asyncio.create_task(client.http("first"))]
        await until(lambda: shared.free == 1)
        calls.append(asyncio.create_task(client.http("next", body=1)))
        await until(lambda: own.waiting == 1)
        assert shared.free == 1

        calls.append(asyncio.create_task(client.http("bare")))
        await until(lambda: waits.running == 1)
        ordered.first_ends.set()
        waits.released.set()
        assert {(await call).status_code for call in calls} == {200}
        assert (own.free, shared.free) == (1, 2)


async def test_probes_do_not_wait_in_the_queue_of_the_settings() -> None:
    waits = Waits()
    queue = Queue(concurrency=1, size=10, timeout=60)
    async with client_of(waits, health=True, queue=queue, timeout=60) as client:
        call = asyncio.create_task(client.http("bare"))
        await until(lambda: waits.running)
        assert (await client.http("healthz")).status_code == 200
        waits.released.set()
        await call


class Ordered:
    queue = Queue(concurrency=1, size=100, timeout=60)

    def __init__(self) -> None:
        self.order: list[int] = []
        self.first_ends = asyncio.Event()

    @http("GET", "/first", "first")
    @contract(queue=queue)
    async def first(self) -> None:
        await self.first_ends.wait()

    @both("POST", "/next", "next")
    @contract(queue=queue)
    async def next(self, request: Request) -> None:
        self.order.append(request.body)


async def test_queue_shared_by_definitions_starts_calls_in_order_of_arrival() -> None:
    """Calls come over two transports, and some of them are cancelled while they wait."""
    ordered = Ordered()
    async with client_of(ordered) as client:
        contracts = client.application.injector.get(Contracts)
        slots = contracts.slots_of(Ordered.queue)
        first = asyncio.create_task(client.http("first"))
        await until(lambda: slots.free == 0)
        calls = []
        for number in range(20):
            call = client.http if number % 2 else client.websocket
            calls.append(asyncio.create_task(call("next", body=number)))
            await until(lambda: slots.waiting == len(calls))
        for cancelled in calls[::5]:
            cancelled.cancel()
        ordered.first_ends.set()
        await asyncio.gather(first, *calls, return_exceptions=True)

        assert ordered.order == [n for n in range(20) if n % 5]
        assert (slots.free, slots.waiting) == (1, 0)


async def test_call_cancelled_when_its_turn_has_come_passes_its_slot_on() -> None:
    ordered = Ordered()
    async with client_of(ordered) as client:
        contracts = client.application.injector.get(Contracts)
        slots = contracts.slots_of(Ordered.queue)
        first = asyncio.create_task(client.http("first"))
        await until(lambda: slots.free == 0)
        second = asyncio.create_task(client.http("next", body=2))
        await until(lambda: slots.waiting == 1)
        third = asyncio.create_task(client.http("next", body=3))
        await until(lambda: slots.waiting == 2)

        ordered.first_ends.set()
        await until(lambda: slots.waiting < 2)  # the turn of the second call has come
        second.cancel()
        await asyncio.gather(first, second, third, return_exceptions=True)

        assert ordered.order[-1] == 3
        assert (slots.free, slots.waiting) == (1, 0)


class Crowd:
    queue = Queue(concurrency=1, size=200, timeout=60)

    @http("GET", "/crowd", "crowd")
    @contract(queue=queue, timeout=60)
    async def crowd(self) -> str:
        await asyncio.sleep(0)
        return "done"


async def test_concurrent_calls_in_thousands_all_get_a_response_and_leave_no_memory() -> None:
    async with client_of(Crowd()) as client:
        definition = client.application.kernel.http_definitions["crowd"]
        kernel = client.application.kernel

        async def call() -> int:
            response = await kernel.answer(definition, Request("HTTP"))
            return response.status_code

        async def crowd() -> Counter[int]:
            return Counter(await asyncio.gather(*(call() for _ in range(3_000))))

        async def memory_after_a_crowd() -> int:
            assert await crowd() == {200: 201, 503: 2799}
            await asyncio.sleep(0)  # the loop drops the tasks of `gather`
            gc.collect()
            return tracemalloc.get_traced_memory()[0]

        tracemalloc.start()
        try:
            used = [await memory_after_a_crowd() for _ in range(3)]
        finally:
            tracemalloc.stop()

        slots = client.application.injector.get(Contracts).slots_of(Crowd.queue)
        assert (slots.free, slots.waiting) == (1, 0)
        assert used[2] - used[1] < 30_000  # 10 bytes for each call


class Outside:
    """A listener and an outer timeout around the contract."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @observe(KernelEvents.KERNEL_REQUEST)
    async def note(self, event: RequestEvent) -> None:
        self.seen.append(event.request.route_name or "")


async def test_request_timeout_cancels_a_call_that_waits() -> None:
    waits = Waits()
    settings = Settings(
        request_timeout=0.05,
        bundles={"contracts": ContractsSettings(queue=Queue(concurrency=1, timeout=60))},
    )
    outside = Outside()
    application = Application(
        bundles=[ContractsBundle], controllers=[waits], listeners=[outside], settings=settings
    )
    async with KernelClient(application) as client:
        responses = await asyncio.gather(client.http("bare"), client.http("default"))

        assert [r.content["code"] for r in responses] == ["timeout", "timeout"]
        assert [r.status_code for r in responses] == [503, 503]
        assert sorted(outside.seen) == ["bare", "default"]
        waits.released.set()
        assert (await client.http("bare")).status_code == 200


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"timeout": 0}, "timeout must be seconds, more than 0, or none; it is 0"),
        ({"timeout": float("nan")}, "it is nan"),
        ({"queue": Queue(concurrency=0)}, "concurrency of Queue"),
        ({"queue": Queue(1, size=0)}, "size of Queue"),
        ({"queue": Queue(1, timeout=-1)}, "timeout of Queue"),
    ],
)
def test_invalid_settings_are_an_error(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises((ValueError, ConfigurationError), match=problem):
        ContractsSettings(**settings)
