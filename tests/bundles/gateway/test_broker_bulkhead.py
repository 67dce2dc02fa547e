"""Bulkheads: the limits of running and waiting calls of an action."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

import pytest

from bundles.gateway import (
    Broker,
    Bulkhead,
    Cache,
    QueueIsFullError,
    RequestTimeoutError,
    ServiceNotFoundError,
    action,
)
from rxkernel import (
    ConfigurationError,
    ForbiddenException,
    KernelEvents,
    RequestEvent,
    http,
    observe,
)
from tests.bundles.gateway.conftest import SiteOf
from tests.waiting import until


class Kitchen:
    """Its actions run until their dish is released.

    Attributes:
        begun: the dishes whose calls run or have run, in their order.
    """

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._released: set[str] = set()
        self._changed = asyncio.Event()

    def release(self, *dishes: str) -> None:
        self._released.update(dishes)
        self._changed.set()
        self._changed = asyncio.Event()

    @action("kitchen.cook", bulkhead=Bulkhead(concurrency=1, queue_size=2), visibility="published")
    @http("POST", "/dishes/{dish}", "cook")
    async def cook(self, dish: str) -> str:
        self.begun.append(dish)
        while dish not in self._released:
            await self._changed.wait()
        if dish == "burnt":
            raise LookupError(dish)
        return dish

    @action("kitchen.bake", bulkhead=Bulkhead(concurrency=1, queue_size=2))
    async def bake(self, dish: str) -> str:
        return await self.cook(dish)

    @action("kitchen.fry", bulkhead=Bulkhead(concurrency=2, queue_size=0))
    async def fry(self, dish: str) -> str:
        return await self.cook(dish)

    @action("kitchen.menu", bulkhead=Bulkhead(1, 0), cache=Cache(keys=("dish",)))
    async def menu(self, dish: str) -> str:
        return await self.cook(dish)


Tasks = list[asyncio.Task[Any]]


async def started(*calls: Coroutine[Any, Any, Any]) -> Tasks:
    """Run *calls* in tasks, until each has begun its action or waits for a slot."""
    tasks = [asyncio.create_task(call) for call in calls]
    await asyncio.sleep(0)
    return tasks


def cook(broker: Broker, dish: str, name: str = "cook", **options: Any) -> Any:
    return broker.call(f"kitchen.{name}", {"dish": dish}, **options)


async def test_calls_beyond_the_concurrency_wait_in_order(site_of: SiteOf) -> None:
    kitchen = Kitchen()
    broker = (await site_of(kitchen)).broker
    tasks = await started(*(cook(broker, dish) for dish in "abc"))
    assert kitchen.begun == ["a"]

    kitchen.release("b", "c")
    assert kitchen.begun == ["a"]
    kitchen.release("a")

    assert await asyncio.gather(*tasks) == ["a", "b", "c"]
    assert kitchen.begun == ["a", "b", "c"]


async def test_call_beyond_the_queue_is_rejected(site_of: SiteOf) -> None:
    """As in Moleculer: `QueueIsFullError`."""
    kitchen = Kitchen()
    broker = (await site_of(kitchen)).broker
    tasks = await started(*(cook(broker, dish) for dish in "abc"))

    with pytest.raises(QueueIsFullError) as caught:
        await cook(broker, "d")

    error = caught.value
    assert error.message == (
        "Queue is full. Request 'kitchen.cook' action on 'node-1' node is rejected."
    )
    assert (error.name, error.number, error.type) == ("QueueIsFullError", 429, "QUEUE_FULL")
    assert error.retryable
    assert error.data == {"action": "kitchen.cook", "nodeID": "node-1"}
    kitchen.release("a", "b", "c", "d")
    await asyncio.gather(*tasks)
    assert await cook(broker, "d") == "d"


async def test_queue_of_size_0_rejects_calls_instead_of_waiting(site_of: SiteOf) -> None:
    kitchen = Kitchen()
    broker = (await site_of(kitchen)).broker
    tasks = await started(cook(broker, "a", "fry"), cook(broker, "b", "fry"))

    assert kitchen.begun == ["a", "b"]
    with pytest.raises(QueueIsFullError):
        await cook(broker, "c", "fry")
    kitchen.release("a", "b")
    await asyncio.gather(*tasks)


async def test_actions_with_equal_bulkheads_have_slots_of_their_own(site_of: SiteOf) -> None:
    kitchen = Kitchen()
    broker = (await site_of(kitchen)).broker
    tasks = await started(cook(broker, "a"), cook(broker, "b", "bake"))

    assert kitchen.begun == ["a", "b"]
    kitchen.release("a", "b")
    await asyncio.gather(*tasks)


async def test_failed_call_frees_its_slot(site_of: SiteOf) -> None:
    kitchen = Kitchen()
    broker = (await site_of(kitchen)).broker
    kitchen.release("burnt", "b")

    failed, following = await started(cook(broker, "burnt"), cook(broker, "b"))

    assert await following == "b"
    with pytest.raises(LookupError):
        await failed


async def test_waiting_call_past_its_timeout_leaves_the_queue(site_of: SiteOf) -> None:
    kitchen = Kitchen()
    broker = (await site_of(kitchen)).broker
    (first,) = await started(cook(broker, "a"))

    with pytest.raises(RequestTimeoutError):
        await cook(broker, "b", timeout=0.01)

    others = await started(cook(broker, "c"), cook(broker, "d"))  # both places are free
    kitchen.release("a", "c", "d")
    await asyncio.gather(first, *others)
    assert kitchen.begun == ["a", "c", "d"]


async def test_cancelled_calls_give_up_their_places(site_of: SiteOf) -> None:
    kitchen = Kitchen()
    broker = (await site_of(kitchen)).broker
    runs, waits = await started(cook(broker, "a"), cook(broker, "b"))

    waits.cancel()
    await asyncio.wait((waits,))
    others = await started(cook(broker, "c"), cook(broker, "d"))
    runs.cancel()
    await asyncio.wait((runs,))

    kitchen.release("c", "d")
    assert await asyncio.gather(*others) == ["c", "d"]
    assert kitchen.begun == ["a", "c", "d"]


async def test_cached_result_needs_no_slot(site_of: SiteOf) -> None:
    kitchen = Kitchen()
    broker = (await site_of(kitchen, cacher="memory")).broker
    kitchen.release("a")
    assert await cook(broker, "a", "menu") == "a"
    tasks = await started(cook(broker, "b", "menu"))

    assert await cook(broker, "a", "menu") == "a"
    with pytest.raises(QueueIsFullError):
        await cook(broker, "c", "menu")

    kitchen.release("b")
    await asyncio.gather(*tasks)


class Guard:
    @observe(KernelEvents.KERNEL_REQUEST)
    async def refuse(self, event: RequestEvent) -> None:
        if event.request.params.get("dish") == "forbidden":
            raise ForbiddenException("no")


async def test_call_that_a_listener_refuses_needs_no_slot(site_of: SiteOf) -> None:
    kitchen = Kitchen()
    broker = (await site_of(kitchen, listeners=(Guard,))).broker
    tasks = await started(*(cook(broker, dish) for dish in "abc"))

    with pytest.raises(ForbiddenException):
        await cook(broker, "forbidden")

    kitchen.release("a", "b", "c")
    await asyncio.gather(*tasks)


async def test_http_on_the_same_method_needs_no_slot(site_of: SiteOf) -> None:
    kitchen = Kitchen()
    site = await site_of(kitchen)
    tasks = await started(*(cook(site.broker, dish) for dish in "abc"))
    kitchen.release("d")

    assert (await site.client.http("cook", params={"dish": "d"})).content == "d"

    kitchen.release("a", "b", "c")
    await asyncio.gather(*tasks)


async def test_call_of_a_client_is_rejected_when_the_queue_is_full(site_of: SiteOf) -> None:
    kitchen = Kitchen()
    site = await site_of(kitchen)
    tasks = await started(*(cook(site.broker, dish) for dish in "abc"))

    response = await site.client.websocket("call", body=["kitchen.cook", {"dish": "d"}])

    (error,) = response.content
    assert (error["name"], error["code"]) == ("QueueIsFullError", 429)
    kitchen.release("a", "b", "c")
    await asyncio.gather(*tasks)


class Grill:
    """The thread of the first call ends when it is released."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.released = threading.Event()

    @action("grill.cook", bulkhead=Bulkhead(1, 0))
    def cook(self) -> str:
        if not self.begun.is_set():
            self.begun.set()
            self.released.wait()
        return "done"


async def test_slot_of_a_cancelled_thread_is_free_when_it_has_ended(site_of: SiteOf) -> None:
    grill = Grill()
    broker = (await site_of(grill)).broker
    (task,) = await started(broker.call("grill.cook"))
    await until(grill.begun.is_set)

    task.cancel()
    await asyncio.sleep(0)
    try:
        with pytest.raises(QueueIsFullError):
            await broker.call("grill.cook")
    finally:
        grill.released.set()

    await asyncio.wait((task,))
    assert task.cancelled()
    assert await broker.call("grill.cook") == "done"


async def test_reload_with_the_same_values_keeps_the_slots(site_of: SiteOf) -> None:
    old = Kitchen()
    site = await site_of(old)
    tasks = await started(*(cook(site.broker, dish) for dish in "abc"))
    new = Kitchen()
    new.release("d")

    await site.application.reload(remove=[old], controllers=[new])

    with pytest.raises(QueueIsFullError):
        await cook(site.broker, "d")
    old.release("a", "b", "c")
    await asyncio.gather(*tasks)
    assert await cook(site.broker, "d") == "d"
    assert (old.begun, new.begun) == (["a", "b", "c"], ["d"])


class Larger:
    @action("kitchen.cook", bulkhead=Bulkhead(concurrency=3, queue_size=2))
    async def cook(self, dish: str) -> str:
        return dish


async def test_reload_with_other_values_makes_new_slots(site_of: SiteOf) -> None:
    old = Kitchen()
    site = await site_of(old)
    tasks = await started(*(cook(site.broker, dish) for dish in "abc"))

    await site.application.reload(remove=[old], controllers=[Larger])

    assert await cook(site.broker, "d") == "d"
    old.release("a", "b", "c")
    assert await asyncio.gather(*tasks) == ["a", "b", "c"]


async def test_reload_without_the_action_serves_waiting_calls(site_of: SiteOf) -> None:
    old = Kitchen()
    site = await site_of(old)
    tasks = await started(*(cook(site.broker, dish) for dish in "ab"))

    await site.application.reload(remove=[old])

    with pytest.raises(ServiceNotFoundError):
        await cook(site.broker, "c")
    old.release("a", "b")
    assert await asyncio.gather(*tasks) == ["a", "b"]


class Wrong:
    @action("wrong.kind", bulkhead=True)  # type: ignore[arg-type]
    async def kind(self) -> None: ...

    @action("wrong.numbers", bulkhead=Bulkhead(concurrency=0, queue_size=-1))
    async def numbers(self) -> None: ...


async def test_invalid_bulkheads_are_errors_at_boot(site_of: SiteOf) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await site_of(Wrong)

    problems = "\n".join(caught.value.problems)
    value = "Bulkhead(concurrency=0, queue_size=-1)"
    for part in (
        "bulkhead is True; it must be Bulkhead(concurrency=…, queue_size=…), or None",
        f"concurrency of {value} must be a whole number, 1 or more",
        f"queue_size of {value} must be a whole number, 0 or more",
    ):
        assert part in problems


async def test_node_actions_list_the_bulkhead_of_each_action(site_of: SiteOf) -> None:
    broker = (await site_of(Kitchen)).broker

    entries = await broker.call("$node.actions")

    having = {entry["name"] for entry in entries if entry["action"]["bulkhead"]}
    assert having == {"kitchen.bake", "kitchen.cook", "kitchen.fry", "kitchen.menu"}
