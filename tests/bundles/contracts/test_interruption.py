"""Cases around the cancellation of an action: its clean-up, streams, other cancellations."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from types import ModuleType
from typing import Any

import pytest

from bundles.contracts import Contract, Contracts, ContractsBundle, Queue, contract
from rxkernel import (
    Application,
    ConflictException,
    Connection,
    DefinitionEvent,
    HttpMetadata,
    KernelClient,
    KernelEvents,
    Request,
    StreamResponse,
    http,
    observe,
    websocket,
)
from tests.waiting import until


class Cases:
    def __init__(self) -> None:
        self.log: list[str] = []
        self.cleaning = asyncio.Event()

    @http("GET", "/fails", "fails")
    @contract(timeout=0.01)
    async def fails(self, request: Request) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            if "conflict" in request.params:
                raise ConflictException("not logged")
            raise RuntimeError("the clean-up failed")

    @http("GET", "/stream", "stream")
    @contract(timeout=0.01)
    async def stream(self) -> Any:
        source = self._pieces()
        await anext(source)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return StreamResponse(source)

    async def _pieces(self) -> AsyncIterator[bytes]:
        try:
            yield b"first"
            yield b"second"
        finally:
            self.log.append("closed")

    @http("GET", "/slow", "slow_cleanup")
    @contract(timeout=0.01)
    async def slow_cleanup(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.cleaning.set()
            await asyncio.sleep(0.01)
            self.log.append("cleaned")

    @http("GET", "/gone", "gone")
    @contract(cancel_on_disconnect=True, timeout=60)
    async def gone(self) -> None:
        self.log.append("ran")

    @websocket("leave")
    @contract(cancel_on_disconnect=True)
    async def leave(self, connection: Connection) -> str:
        await connection.disconnect()
        await asyncio.sleep(0)
        self.log.append("left")
        return "left"


def client_of(controller: object) -> KernelClient:
    return KernelClient(Application(bundles=[ContractsBundle], controllers=[controller]))


async def test_exception_of_a_cancelled_action_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with client_of(Cases()) as client:
        assert (await client.http("fails")).status_code == 408
        assert "HTTP fails failed while it was cancelled" in caplog.text
        assert "the clean-up failed" in caplog.text

        caplog.clear()
        assert (await client.http("fails", params={"conflict": 1})).status_code == 408
        assert caplog.text == ""


async def test_stream_of_an_action_that_caught_its_cancellation_is_closed() -> None:
    cases = Cases()
    async with client_of(cases) as client:
        assert (await client.http("stream")).status_code == 408
        assert cases.log == ["closed"]


async def test_message_that_is_cancelled_while_its_action_ends_stays_cancelled() -> None:
    """A server that stops cancels its messages; the timeout must not turn that into a response."""
    cases = Cases()
    async with client_of(cases) as client:
        definition = client.application.kernel.http_definitions["slow_cleanup"]
        message = asyncio.create_task(
            client.application.kernel.answer(definition, Request("HTTP"))
        )
        await cases.cleaning.wait()
        message.cancel()
        with pytest.raises(asyncio.CancelledError):
            await message


class Gone:
    """A source of ``request.native`` whose client has already disconnected."""

    def native(self) -> None: ...

    def when_disconnected(self, callback: Callable[[], None]) -> Callable[[], None]:
        callback()
        return lambda: None


async def test_call_of_a_disconnected_client_does_not_run() -> None:
    cases = Cases()
    async with client_of(cases) as client:
        kernel = client.application.kernel
        request = Request("HTTP")
        request.native_source = Gone()
        response = await kernel.answer(kernel.http_definitions["gone"], request)

        assert (response.status_code, response.content["code"]) == (499, "disconnected")
        assert cases.log == []


async def test_action_that_disconnects_its_own_client_runs_to_its_end() -> None:
    cases = Cases()
    async with client_of(cases) as client:
        connection = client.connection()
        response = await client.websocket("leave", connection=connection)

        assert response.status_code == 499
        assert cases.log == ["left"]


async def test_timeouts_of_many_calls_expire_in_order_with_one_timer() -> None:
    """Each call has its own deadline, although a definition has one timer."""
    ended: list[int] = []

    class Many:
        @http("GET", "/many/{number:int}", "many")
        @contract(timeout=0.03)
        async def many(self, number: int) -> None:
            try:
                if number % 3:  # the others never wait, so they cannot be interrupted
                    await asyncio.sleep(3600)
            finally:
                ended.append(number)

    async with client_of(Many()) as client:
        calls = []
        for number in range(9):
            calls.append(asyncio.create_task(client.http("many", params={"number": number})))
            await asyncio.sleep(0.004)
        statuses = [(await call).status_code for call in calls]
        again = await client.http("many", params={"number": 1})

    assert statuses == [200 if number % 3 == 0 else 408 for number in range(9)]
    assert [number for number in ended[:-1] if number % 3] == [1, 2, 4, 5, 7, 8]
    assert again.status_code == 408


X = {"x": "1"}


def test_timeout_in_each_of_several_event_loops_responds_408(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A test suite may use one loop for each test, so a timer of an earlier loop may be
    pending."""

    class Waits:
        @http("GET", "/wait", "wait")
        @contract(timeout=0.02)
        async def wait(self, request: Request) -> None:
            await asyncio.sleep(3600 if request.params else 0)

    client = KernelClient(Application(bundles=[ContractsBundle], controllers=[Waits]))

    async def call() -> None:
        statuses = [(await client.http("wait", params=given)).status_code for given in ({}, X, {})]
        assert statuses == [200, 408, 200]

    async def end_of_timers() -> None:
        assert (await client.http("wait", params=X)).status_code == 408
        await asyncio.sleep(0.05)  # both timers of this loop have fired

    loops = [asyncio.new_event_loop() for _ in range(2)]
    for loop in loops:
        loop.run_until_complete(call())
    for loop in loops:
        loop.run_until_complete(end_of_timers())
    loops[0].run_until_complete(client.close())
    for loop in loops:
        loop.close()
    assert caplog.records == []


async def test_reload_keeps_the_slots_of_a_queue() -> None:
    queue = Queue(concurrency=1, size=5, timeout=60)
    released = asyncio.Event()
    began: list[str] = []
    module = ModuleType("pages")

    def route(version: str) -> HttpMetadata:
        async def page() -> str:
            began.append(version)
            await released.wait()
            return version

        options = Contract(queue=queue, caption=version).options
        return HttpMetadata(module, "page", "/page", "GET", page, options)

    application = Application(bundles=[ContractsBundle])
    first = route("one")
    application.http_metadata_storage.add(first)
    async with KernelClient(application) as client:
        contracts = application.injector.get(Contracts)
        one = asyncio.create_task(client.http("page"))
        await until(lambda: began)
        await application.reload(remove=[first], add=[route("two")])
        two = asyncio.create_task(client.http("page"))
        await until(lambda: contracts.slots_of(queue).waiting == 1)
        assert began == ["one"]
        released.set()
        assert [(await call).content for call in (one, two)] == ["one", "two"]


class Dropped:
    @http("GET", "/dropped", "dropped")
    @contract(timeout=0.01)
    async def dropped(self) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return StreamResponse(self)

    def __aiter__(self) -> AsyncIterator[bytes]:
        raise NotImplementedError

    async def aclose(self) -> None:
        raise ValueError("cannot be closed")


async def test_dropped_stream_that_cannot_be_closed_responds_408_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with KernelClient(
        Application(bundles=[ContractsBundle], controllers=[Dropped])
    ) as client:
        assert (await client.http("dropped")).status_code == 408
    assert "cannot be closed" in caplog.text


queue = Queue(concurrency=1)


class Threads:
    def __init__(self) -> None:
        self.begun, self.ends = threading.Event(), threading.Event()

    @http("GET", "/thread", "thread")
    @contract(queue=queue)
    def thread(self) -> str:
        self.begun.set()
        self.ends.wait(30)
        return "ended"


class Catches:
    """Wraps each action: if it is cancelled, it returns a response."""

    @observe(KernelEvents.KERNEL_DEFINITION)
    async def wrap(self, event: DefinitionEvent) -> None:
        def decorate(action: Any) -> Any:
            async def caught(request: Request) -> Any:
                try:
                    return await action(request)
                except asyncio.CancelledError:
                    return "caught"

            return caught

        event.wrap(decorate)


@pytest.mark.parametrize("listeners", [[], [Catches]], ids=["raised", "caught"])
async def test_thread_of_a_cancelled_call_without_timeout_holds_its_slot_and_is_counted(
    listeners: list[Any],
) -> None:
    threads = Threads()
    application = Application(
        bundles=[ContractsBundle], controllers=[threads], listeners=listeners
    )
    async with KernelClient(application) as client:
        task = asyncio.create_task(client.http("thread"))
        await until(threads.begun.is_set)
        contracts = application.injector.get(Contracts)
        slots = contracts.slots_of(queue)
        task.cancel()
        await until(lambda: contracts.counts["running_thread"] == 1)
        assert slots.free == 0
        threads.ends.set()
        await until(lambda: slots.free == 1)
        await asyncio.wait([task])
    assert dict(contracts.counts) == {"running_thread": 1}
