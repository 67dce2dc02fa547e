"""The same contract over every transport: both paths of HTTP, Socket.IO, the transport of a
bundle, and calls in process."""

import asyncio
import threading
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import pytest
from rxkernel_lines import LINES

from bundles.contracts import Arguments, DomainError, Queue, contract
from rxkernel import (
    ExceptionEvent,
    ForbiddenException,
    KernelEvents,
    Request,
    ResponseEvent,
    both,
    observe,
    options_of,
    procedure,
)
from tests.bundles.contracts.callers import WAYS, Caller, calling, contracts_of
from tests.waiting import until

pytestmark = pytest.mark.parametrize("way", WAYS)


F = TypeVar("F", bound=Callable[..., Any])


def over_all(name: str) -> Callable[[F], F]:
    """Label a method for every transport."""

    def label(function: F) -> F:
        return procedure(name, LINES)(both("POST", f"/{name}", name)(function))

    return label


class OutOfStockError(DomainError):
    def __init__(self, item: str) -> None:
        super().__init__("out_of_stock")
        self.item = item


class ForeignError(Exception):
    code = 12345


NOT_FOUND = DomainError(404)


class Shop:
    def __init__(self) -> None:
        self.log: list[str] = []
        self.released = asyncio.Event()
        self.thread_released = threading.Event()

    @over_all("slow")
    @contract(timeout=0.02)
    async def slow(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.log.append("ended")

    @over_all("stubborn")
    @contract(timeout=0.02)
    async def stubborn(self) -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.log.append("caught")
        return "late"

    @over_all("order")
    @contract(errors={"out_of_stock": "There is none left", 404: "No such item", "moved": "Moved"})
    async def order(self, request: Request) -> Any:
        match request.body:
            case "returned":
                return NOT_FOUND
            case "raised":
                raise OutOfStockError("tea")
            case "own text":
                return DomainError("moved", "It is elsewhere", status_code=410)
            case "without code":
                return DomainError(500, "It is elsewhere")
            case "unlisted":
                return DomainError(12345)
            case "status":
                raise DomainError(404)
            case "foreign code":
                raise ForeignError
            case "bug":
                raise RuntimeError("a secret")
        return "ordered"

    @over_all("print")
    @contract(queue=Queue(concurrency=1, size=1, timeout=30))
    async def print(self, request: Request) -> Any:
        self.log.append(f"began {request.body}")
        await self.released.wait()
        self.log.append(f"ended {request.body}")
        return request.body

    @over_all("impatient")
    @contract(queue=Queue(concurrency=1, size=5, timeout=0.02))
    async def impatient(self, request: Request) -> str:
        self.log.append("began")
        await self.released.wait()
        return "done"

    @over_all("thread")
    @contract(timeout=0.02, queue=Queue(concurrency=1, size=5, timeout=30))
    def thread(self) -> str:
        self.log.append("thread")
        self.thread_released.wait(30)
        return "done"


def _check(arguments: dict[str, Any]) -> None:
    if arguments["job"] == "forbidden":
        raise ForbiddenException("not this job")


MACHINE_QUEUE = Queue(concurrency=1, size=1, timeout=30)


@contract(
    parameters={"job": "string", "copies": {"type": "int", "default": 1}},
    validate=_check,
    timeout=60,
    queue=MACHINE_QUEUE,
    errors={"no_paper": "There is no paper"},
    returns={"copies": "int"},
)
class Machine:
    """One contract with every key; `hang` replaces the timeout only."""

    def __init__(self) -> None:
        self.ended = False
        self.released = asyncio.Event()

    @over_all("run")
    async def run(self, arguments: Annotated[dict[str, Any], Arguments()]) -> Any:
        match arguments["job"]:
            case "empty":
                return DomainError("no_paper")
            case "wait":
                await self.released.wait()
            case "misfit":
                return {"copies": "many"}
        return {"copies": arguments["copies"]}

    @over_all("hang")
    @contract(timeout=0.02)
    async def hang(self, request: Request) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True


async def test_contract_with_every_key_enforces_each_of_them(way: str) -> None:
    machine = Machine()
    async with calling(way, machine) as caller:

        async def run(job: str) -> tuple[int, Any]:
            result = await caller.call("run", {"job": job})
            return result.status, result.content

        slots = contracts_of(caller).slots_of(MACHINE_QUEUE)
        assert await run("print") == (200, {"copies": 1})
        status, error = await run("forbidden")
        assert (status, error["message"]) == (403, "not this job")
        status, error = await run("empty")
        assert (status, error["code"], error["message"]) == (400, "no_paper", "There is no paper")
        assert await run("misfit") == (
            500,
            {"statusCode": 500, "message": "Internal Server Error"},
        )

        unfit = await caller.call("run", {"job": 5, "copy": 1})
        assert unfit.status == 422
        assert [e["path"] for e in unfit.content["errors"]] == ["body.job", "body.copy"]

        late = await caller.call("hang", {"job": "x"})
        assert (late.status, late.content["code"], machine.ended) == (408, "timeout", True)

        first = asyncio.create_task(run("wait"))
        await until(lambda: slots.free == 0)
        second = asyncio.create_task(run("print"))
        await until(lambda: slots.waiting == 1)
        status, error = await run("print")
        assert (status, error["code"]) == (503, "queue_full")
        machine.released.set()
        assert (await first)[0] == (await second)[0] == 200
        assert (slots.free, slots.waiting) == (1, 0)


# T25
async def test_timeout_cancels_action_and_responds_408(way: str) -> None:
    shop = Shop()
    async with calling(way, shop) as caller:
        result = await caller.call("slow")

        assert result.status == 408
        assert result.content["message"] == "Timeout of 20ms reached"
        assert result.content["code"] == "timeout"
        assert shop.log == ["ended"]
        assert contracts_of(caller).counts == {"timeout": 1}


async def test_timeout_action_that_catches_its_cancellation_responds_408(way: str) -> None:
    shop = Shop()
    async with calling(way, shop) as caller:
        assert (await caller.call("stubborn")).status == 408
    assert shop.log == ["caught"]


async def error_of(way: str, body: str) -> tuple[int, Any, str]:
    """The status, the code and the text of the error that `Shop.order` responds to *body*."""
    async with calling(way, Shop()) as caller:
        result = await caller.call("order", body)
    return result.status, result.content.get("code"), result.content["message"]


# T18
async def test_returned_error_has_its_own_text_and_code(way: str) -> None:
    assert await error_of(way, "own text") == (410, "moved", "It is elsewhere")


# T19
async def test_error_without_a_text_has_its_code_and_a_general_text(way: str) -> None:
    assert await error_of(way, "unlisted") == (400, 12345, "Domain error")


# T19
async def test_returned_error_without_a_code_has_500_and_its_own_text(way: str) -> None:
    """``new Error(text)`` of Metarhia is ``DomainError(500, text)``."""
    assert await error_of(way, "without code") == (500, 500, "It is elsewhere")


# T21
async def test_error_with_a_status_as_its_code_has_that_status(way: str) -> None:
    assert await error_of(way, "status") == (404, 404, "No such item")


# T22
async def test_exception_with_a_code_is_hidden(way: str) -> None:
    """Only a `DomainError` has a code for clients."""
    assert await error_of(way, "foreign code") == (500, None, "Internal Server Error")


# T23
async def test_returned_error_has_the_text_of_the_contract(way: str) -> None:
    assert await error_of(way, "returned") == (404, 404, "No such item")


async def test_raised_error_of_a_subclass_has_the_text_of_the_contract(way: str) -> None:
    assert await error_of(way, "raised") == (400, "out_of_stock", "There is none left")


# T20
async def test_other_exception_is_hidden(way: str, caplog: pytest.LogCaptureFixture) -> None:
    async with calling(way, Shop()) as caller:
        result = await caller.call("order", "bug")

    assert result.status == 500
    assert "secret" not in str(result.content)
    assert "a secret" in caplog.text


# T28
async def test_queue_full_responds_503_and_others_succeed_in_order(way: str) -> None:
    shop = Shop()
    async with calling(way, shop) as caller:
        calls = await three_calls(caller, shop)
        full = await calls[2]
        shop.released.set()
        first, second = await calls[0], await calls[1]

        assert full.status == 503
        assert full.content["code"] == "queue_full"
        if way != "lines":  # a line has no headers
            assert full.headers["Retry-After"] == "30"
        assert (first.content, second.content) == (0, 1)
        assert shop.log == ["began 0", "ended 0", "began 1", "ended 1"]
        assert contracts_of(caller).counts == {"queue_full": 1}


async def three_calls(caller: Caller, shop: Shop) -> "list[asyncio.Task[Any]]":
    """Send three calls, each after the previous one runs or waits."""
    slots = contracts_of(caller).slots_of(queue_of(Shop.print))
    calls = [asyncio.create_task(caller.call("print", 0))]
    await until(lambda: slots.free == 0)
    calls.append(asyncio.create_task(caller.call("print", 1)))
    await until(lambda: slots.waiting == 1)
    calls.append(asyncio.create_task(caller.call("print", 2)))
    return calls


def queue_of(function: Any) -> Queue:
    queue = options_of(function)["contract.queue"]
    assert isinstance(queue, Queue)
    return queue


# T29
async def test_call_that_waits_too_long_responds_503(way: str) -> None:
    shop = Shop()
    async with calling(way, shop) as caller:
        first = asyncio.create_task(caller.call("impatient"))
        await until(lambda: shop.log)
        second = await caller.call("impatient")
        shop.released.set()

        assert (second.status, second.content["code"]) == (503, "queue_timeout")
        assert (await first).status == 200


async def test_cancelled_plain_def_holds_its_slot_until_its_thread_ends(way: str) -> None:
    shop = Shop()
    async with calling(way, shop) as caller:
        contracts = contracts_of(caller)
        slots = contracts.slots_of(queue_of(Shop.thread))

        assert (await caller.call("thread")).status == 408
        assert slots.free == 0
        second = asyncio.create_task(caller.call("thread"))
        await until(lambda: slots.waiting)
        shop.thread_released.set()

        assert (await second).status in (200, 408)
        await until(lambda: slots.free == 1)
        assert contracts.counts["running_thread"] >= 1
        assert shop.log == ["thread", "thread"]


class Counting:
    """Counts the messages and errors of the kernel."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @observe(KernelEvents.KERNEL_EXCEPTION)
    async def exception(self, event: ExceptionEvent) -> None:
        self.seen.append(type(event.exception).__name__)

    @observe(KernelEvents.KERNEL_RESPONSE)
    async def response(self, event: ResponseEvent) -> None:
        self.seen.append(str(event.response.status_code))


async def test_listeners_see_every_message_and_every_error_of_a_contract(way: str) -> None:
    counting = Counting()
    async with calling(way, Shop(), listeners=[counting]) as caller:
        for name, body in (("slow", None), ("order", "returned"), ("order", "tea")):
            await caller.call(name, body)

    assert counting.seen == ["RequestTimeoutException", "408", "DomainError", "404", "200"]
