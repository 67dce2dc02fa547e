"""The limits of remote calls, and the circuit breaker."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bundles.autoload.remote import (
    RemoteConnectionException,
    RemoteMethod,
    RemoteStatusException,
    RemoteTimeoutException,
    RemoteUnavailableException,
)
from bundles.autoload.remote.admission import Admission
from bundles.autoload.remote.service_settings import QueueSettings, RateLimit
from tests.bundles.autoload.remote.conftest import MethodOf, ServiceOf
from tests.bundles.autoload.remote.stub import Stub
from tests.bundles.tasks.manual_clock import ManualClock, settle
from tests.waiting import until

GET: dict[str, Any] = {"method": {"get": ""}}
MINUTE = [{"calls": 10, "per": "1m"}]


@pytest.fixture
def limited(
    service_of: ServiceOf, method_of: MethodOf, clock: ManualClock
) -> Callable[..., RemoteMethod]:
    """A method of a service with settings, and the clock of the test."""

    def build(**values: Any) -> RemoteMethod:
        return method_of(GET, service_of(clock=clock, timeout=1000, **values))

    return build


# T58
async def test_eleventh_call_of_a_minute_is_refused(
    limited: Callable[..., RemoteMethod], stub: Stub, clock: ManualClock
) -> None:
    method = limited(limits=MINUTE)
    for _ in range(10):
        await method()
    await clock.advance(20)
    with pytest.raises(RemoteUnavailableException, match="10 calls within 60 seconds") as caught:
        await method()
    assert (caught.value.status_code, caught.value.headers) == (503, {"Retry-After": "40"})
    assert len(stub.received) == 10
    await clock.advance(40)
    await method()
    assert len(stub.received) == 11


# T58
async def test_eleventh_call_of_a_minute_is_held_if_the_queue_waits_long_enough(
    limited: Callable[..., RemoteMethod], stub: Stub, clock: ManualClock
) -> None:
    method = limited(limits=MINUTE, queue={"timeout": 60})
    for _ in range(10):
        await method()
    call = asyncio.ensure_future(method())
    await until(lambda: clock.timers)
    await clock.advance(59.9)
    assert not call.done()
    assert len(stub.received) == 10
    await clock.advance(0.1)
    await call
    assert len(stub.received) == 11


# T58
async def test_queue_of_size_0_refuses_instead_of_waiting(
    limited: Callable[..., RemoteMethod], clock: ManualClock
) -> None:
    method = limited(limits=[{"calls": 1, "per": 1}], queue={"size": 0})
    for moment in (0.0, 0.75):
        await method()
        await clock.advance(moment)
        with pytest.raises(RemoteUnavailableException):
            await method()
        await clock.advance(1 - moment)
    assert clock.timers == []


# T58
async def test_more_calls_than_the_queue_holds_are_refused(
    limited: Callable[..., RemoteMethod], stub: Stub, clock: ManualClock
) -> None:
    method = limited(limits=[{"calls": 1, "per": 1}], queue={"size": 2, "timeout": 10})
    calls = [asyncio.ensure_future(method()) for _ in range(4)]
    await until(lambda: calls[3].done() and calls[0].done())
    with pytest.raises(RemoteUnavailableException, match="2 calls are waiting"):
        await calls[3]
    for number in (2, 3):
        await clock.advance(1)
        await until(lambda: len(stub.received) == number)  # noqa: B023
    await asyncio.gather(*calls[:3])


# T58
async def test_call_over_one_of_several_limits_is_refused(
    limited: Callable[..., RemoteMethod], stub: Stub, clock: ManualClock
) -> None:
    method = limited(
        limits=[{"calls": 2, "per": "1s"}, {"calls": 3, "per": "1d"}], queue={"size": 0}
    )
    for _ in range(2):
        await method()
    with pytest.raises(RemoteUnavailableException, match="2 calls within 1 seconds"):
        await method()
    await clock.advance(1)
    await method()
    with pytest.raises(RemoteUnavailableException, match="3 calls within 86400 seconds"):
        await method()
    assert len(stub.received) == 3


# T58
async def test_repeated_call_counts_for_the_limit(
    service_of: ServiceOf, method_of: MethodOf, stub: Stub
) -> None:
    """A repetition that a limit refuses raises the error of the service."""
    stub.reply(503)
    service = service_of(limits=[{"calls": 2, "per": "1d"}], queue={"size": 0})
    with pytest.raises(RemoteStatusException):
        await method_of(GET, service)()
    assert len(stub.received) == 2


# T58
async def test_cancelled_wait_gives_its_slot_back(
    limited: Callable[..., RemoteMethod], clock: ManualClock
) -> None:
    method = limited(limits=[{"calls": 1, "per": 10}], queue={"timeout": 100})
    await method()
    waiting = [asyncio.ensure_future(method()) for _ in range(2)]
    await settle()
    waiting[0].cancel()
    await settle()
    await clock.advance(10)
    await waiting[1]


# T58
@given(
    limits=st.lists(
        st.builds(RateLimit, st.integers(1, 4), st.sampled_from([1.0, 1.5, 3.0])),
        min_size=1,
        max_size=3,
    ),
    concurrency=st.integers(1, 4),
    steps=st.lists(
        st.sampled_from(["call", "call", "end", "cancel", 0.45, 0.95]), min_size=20, max_size=60
    ),
)
def test_no_period_has_more_starts_than_its_limit(
    limits: list[RateLimit], concurrency: int, steps: list[str | float]
) -> None:
    asyncio.run(check_limits(tuple(limits), concurrency, steps))


async def check_limits(
    limits: tuple[RateLimit, ...], concurrency: int, steps: list[str | float]
) -> None:
    clock = ManualClock()
    admission = Admission(limits, QueueSettings(concurrency, 50, 5.0), clock)
    starts: list[float] = []
    running: list[asyncio.Event] = []
    most = 0

    async def call() -> None:
        async with admission.place("call", 1000) as place:
            place.start()
            starts.append(clock.monotonic())
            running.append(event := asyncio.Event())
            try:
                await event.wait()
            finally:
                running.remove(event)

    tasks: list[asyncio.Task[None]] = []
    for step in steps:
        if step == "call":
            tasks.append(asyncio.ensure_future(call()))
        elif step == "cancel" and tasks:
            tasks[-1].cancel()
        elif step == "end" and running:
            running[0].set()
        elif isinstance(step, float):
            await clock.advance(step)
        await settle()
        most = max(most, len(running))
    assert most <= concurrency
    for limit in limits:
        for early, late in zip(starts, starts[limit.calls :], strict=False):
            assert late >= early + limit.period
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await clock.advance(100)
    assert admission.waiting == 0
    for _ in range(min((limit.calls for limit in limits), default=concurrency)):
        async with admission.place("call", 0) as place:  # all slots are free again
            place.start()


async def test_call_over_the_concurrency_and_the_queue_is_refused(
    service_of: ServiceOf, method_of: MethodOf, stub: Stub
) -> None:
    released = asyncio.Event()

    async def wait(request: web.Request) -> web.Response:
        await released.wait()
        return web.json_response(1)

    stub.respond = wait
    service = service_of(queue={"concurrency": 2, "size": 1, "timeout": 60}, timeout=60)
    method = method_of(GET, service)
    calls = [asyncio.ensure_future(method()) for _ in range(3)]
    await until(lambda: len(stub.received) == 2)
    with pytest.raises(RemoteUnavailableException, match="too many calls are running"):
        await method()
    released.set()
    assert await asyncio.gather(*calls) == [1, 1, 1]
    assert len(stub.connections) == 2


# T58
async def test_circuit_opens_after_failures_and_closes_after_a_probe(
    limited: Callable[..., RemoteMethod],
    stub: Stub,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "bundles.autoload.remote.circuit_breaker")
    method = limited(circuit_breaker={"failures": 3, "window": 60, "pause": 10})
    stub.reply(500)
    for _ in range(3):
        with pytest.raises(RemoteStatusException):
            await method()
    with pytest.raises(RemoteUnavailableException, match="circuit is open") as caught:
        await method()
    assert caught.value.headers == {"Retry-After": "10"}
    await clock.advance(10)
    with pytest.raises(RemoteStatusException):  # the probe, which fails
        await method()
    with pytest.raises(RemoteUnavailableException):
        await method()
    assert len(stub.received) == 4
    await clock.advance(10)
    stub.reply({"ok": 1})
    assert [await method(), await method()] == [{"ok": 1}, {"ok": 1}]
    texts = [record.message for record in caplog.records if "circuit_breaker" in record.name]
    assert texts == [
        "bus.stub: 3 of 3 calls have failed; the circuit is open for 10 seconds",
        "bus.stub can be used again: the circuit is closed",
    ]


# T58
async def test_half_open_circuit_passes_one_probe(
    limited: Callable[..., RemoteMethod], stub: Stub, clock: ManualClock
) -> None:
    method = limited(circuit_breaker={"failures": 1, "pause": 10})
    stub.reply(500)
    with pytest.raises(RemoteStatusException):
        await method()
    await clock.advance(10)

    async def hang(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    stub.respond = hang
    probe = asyncio.ensure_future(method())
    await until(lambda: len(stub.received) == 2)
    with pytest.raises(RemoteUnavailableException):
        await method()
    probe.cancel()
    await asyncio.wait({probe})
    stub.reply({"ok": 1})
    assert await method() == {"ok": 1}  # another probe may run after a cancelled one


# T58
async def test_circuit_stays_closed_while_most_calls_succeed(
    limited: Callable[..., RemoteMethod], stub: Stub
) -> None:
    method = limited(circuit_breaker={"failures": 2, "ratio": 0.5})
    for status in (200, 200, 200, 500, 500, 200):
        stub.reply(status)
        if status == 500:
            with pytest.raises(RemoteStatusException):
                await method()
        else:
            await method()


# T58
async def test_failures_before_the_window_are_not_counted(
    limited: Callable[..., RemoteMethod], stub: Stub, clock: ManualClock
) -> None:
    method = limited(circuit_breaker={"failures": 2, "window": 10})
    stub.reply(500)
    for _ in range(4):
        with pytest.raises(RemoteStatusException):
            await method()
        await clock.advance(10)


# T58
async def test_errors_of_the_request_do_not_open_the_circuit(
    limited: Callable[..., RemoteMethod], stub: Stub
) -> None:
    method = limited(circuit_breaker={"failures": 1})
    stub.reply(404)
    for _ in range(3):
        with pytest.raises(RemoteStatusException):
            await method()


# T58
async def test_hanging_service_opens_the_circuit(
    service_of: ServiceOf, method_of: MethodOf, stub: Stub
) -> None:
    async def hang(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    stub.respond = hang
    method = method_of(GET, service_of(timeout=0.05, circuit_breaker={"failures": 1}))
    with pytest.raises(RemoteTimeoutException):
        await method()
    with pytest.raises(RemoteUnavailableException):
        await method()


# T58
async def test_service_that_does_not_listen_opens_the_circuit(
    service_of: ServiceOf, method_of: MethodOf
) -> None:
    service = service_of(url="http://127.0.0.1:1", circuit_breaker={"failures": 2}, retries=5)
    with pytest.raises(RemoteConnectionException):  # the second repetition is not sent
        await method_of(GET, service)()
    with pytest.raises(RemoteUnavailableException):
        await method_of(GET, service)()
