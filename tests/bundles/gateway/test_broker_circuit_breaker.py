"""Circuit breakers: the states of a circuit, and calls through it."""

import asyncio
from typing import Any

import pytest
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from bundles.gateway import (
    CurrentContext,
    GatewaySettings,
    MoleculerClientError,
    MoleculerError,
    MoleculerServerError,
    RequestTimeoutError,
    ServiceNotAvailableError,
    action,
    on_event,
)
from bundles.gateway.broker.circuit_breaker import Circuit, CircuitBreakers, State, is_failure
from rxkernel import ForbiddenException, GatewayTimeoutException
from tests.bundles.gateway.conftest import Site, SiteOf
from tests.waiting import until

SETTINGS = GatewaySettings(circuit_breaker=True, breaker_min_requests=4)
"""Half of at least 4 calls, within 60 seconds; a probe after 10 seconds."""

ERROR = MoleculerError("failed")


class Notes:
    """Circuits, and the changes of their states."""

    def __init__(self, settings: GatewaySettings = SETTINGS) -> None:
        self.changes: list[tuple[State, State]] = []
        self.circuits = CircuitBreakers(settings, self._changed)
        self.circuit = self.circuits.circuit("math.add", "node-1")

    def _changed(self, circuit: Circuit, before: State) -> None:
        self.changes.append((before, circuit.state))


def call(circuit: Circuit, now: float, exc: Exception | None = None) -> None:
    """Make a call that ends at once."""
    assert circuit.is_available(now)
    turn = circuit.begin(now)
    if exc is None:
        circuit.succeeded(turn, now)
    else:
        circuit.failed(turn, exc, now)


def opened(now: float = 0.0) -> Notes:
    """Return a circuit that opened at *now*."""
    notes = Notes()
    for _ in range(4):
        call(notes.circuit, now, ERROR)
    assert notes.changes == [("closed", "open")]
    notes.changes.clear()
    return notes


def test_circuit_opens_when_enough_calls_have_failed() -> None:
    notes = Notes()
    circuit = notes.circuit
    for exc in (None, ERROR, None):
        call(circuit, 0.0, exc)
    assert circuit.state == "closed"

    call(circuit, 0.0, ERROR)

    assert (circuit.failures, circuit.count, circuit.rate) == (2, 4, 0.5)
    assert notes.changes == [("closed", "open")]
    assert not circuit.is_available(9.9)
    assert circuit.is_available(10.0)


def test_circuit_stays_closed_below_the_threshold() -> None:
    circuit = Notes().circuit

    for number in range(100):
        call(circuit, 0.0, ERROR if number % 5 == 4 else None)

    assert circuit.state == "closed"
    assert circuit.rate == 0.2


def test_success_that_completes_the_least_count_opens_the_circuit() -> None:
    """Moleculer compares the rate after each call that it counts."""
    circuit = Notes().circuit
    for exc in (ERROR, ERROR, ERROR, None):
        assert circuit.state == "closed"
        call(circuit, 0.0, exc)

    assert circuit.state == "open"


def test_window_that_has_ended_is_forgotten() -> None:
    circuit = Notes().circuit
    for _ in range(3):
        call(circuit, 1000.0, ERROR)

    call(circuit, 1060.0, ERROR)

    assert (circuit.state, circuit.failures, circuit.count) == ("closed", 1, 1)
    for _ in range(3):
        call(circuit, 1119.9, ERROR)
    assert circuit.state == "open"


def test_one_probe_runs_at_a_time() -> None:
    notes = opened()
    circuit = notes.circuit

    circuit.begin(10.0)

    assert notes.changes == [("open", "half_open")]
    assert not circuit.is_available(19.9)


def test_success_of_the_probe_closes_the_circuit() -> None:
    notes = opened()
    circuit = notes.circuit

    call(circuit, 10.0)

    assert notes.changes == [("open", "half_open"), ("half_open", "closed")]
    assert circuit.is_available(10.0)
    assert (circuit.failures, circuit.count, circuit.rate) == (0, 0, 0.0)
    for _ in range(3):
        call(circuit, 10.0, ERROR)
    assert circuit.state == "closed"


def test_failure_of_the_probe_opens_the_circuit_again() -> None:
    notes = opened()
    circuit = notes.circuit

    call(circuit, 100.0, ERROR)

    assert notes.changes == [("open", "half_open"), ("half_open", "open")]
    assert (circuit.failures, circuit.count) == (5, 5)
    assert not circuit.is_available(109.9)
    assert circuit.is_available(110.0)


def test_probe_that_does_not_end_is_replaced() -> None:
    notes = opened()
    circuit = notes.circuit
    lost = circuit.begin(10.0)

    assert circuit.is_available(20.0)
    probe = circuit.begin(20.0)
    circuit.succeeded(lost, 21.0)

    assert circuit.state == "half_open"
    assert not circuit.is_available(29.9)
    circuit.failed(lost, ERROR, 22.0)
    circuit.succeeded(probe, 23.0)
    assert notes.changes == [("open", "half_open"), ("half_open", "closed")]


@pytest.mark.parametrize("exc", [None, MoleculerClientError("no")])
def test_probe_without_a_verdict_is_replaced_at_once(exc: Exception | None) -> None:
    """Such probes are cancelled, or fail by an exception of their caller."""
    notes = opened()
    circuit = notes.circuit
    turn = circuit.begin(10.0)
    if exc is None:
        circuit.abandoned(turn, 11.0)
    else:
        circuit.failed(turn, exc, 11.0)

    assert notes.changes == [("open", "half_open")]
    assert circuit.is_available(11.0)
    call(circuit, 11.0)
    assert notes.changes == [("open", "half_open"), ("half_open", "closed")]


@pytest.mark.parametrize("end", ["succeeded", "failed", "abandoned"])
def test_call_that_began_before_the_circuit_opened_is_not_counted(end: str) -> None:
    notes = Notes()
    circuit = notes.circuit
    early = circuit.begin(0.0)
    for _ in range(4):
        call(circuit, 1.0, ERROR)
    probe = circuit.begin(11.0)

    if end == "succeeded":
        circuit.succeeded(early, 12.0)
    elif end == "failed":
        circuit.failed(early, ERROR, 12.0)
    else:
        circuit.abandoned(early, 12.0)

    assert notes.changes == [("closed", "open"), ("open", "half_open")]
    assert not circuit.is_available(12.0)
    circuit.succeeded(probe, 13.0)
    assert notes.changes[2:] == [("half_open", "closed")]


def test_cancelled_calls_and_errors_of_callers_are_not_counted() -> None:
    circuit = Notes().circuit

    for _ in range(10):
        circuit.abandoned(circuit.begin(0.0), 0.0)
        call(circuit, 0.0, MoleculerClientError("no"))

    assert (circuit.state, circuit.failures, circuit.count) == ("closed", 0, 0)


class RemoteError(MoleculerServerError):
    def __init__(self, node_id: str | None) -> None:
        super().__init__("failed")
        self.node_id = node_id


@pytest.mark.parametrize(
    ("exc", "expected"),
    [
        (LookupError("bug"), True),
        (MoleculerServerError("down"), True),
        (MoleculerError("low", 200), False),
        (MoleculerError("high", 1000), True),
        (RequestTimeoutError("math.add", "node-1"), True),
        (MoleculerClientError("no"), False),
        (ServiceNotAvailableError("math.sub"), False),
        (GatewayTimeoutException(), True),
        (ForbiddenException(), False),
        (RemoteError(None), True),
        (RemoteError("node-1"), True),
        (RemoteError("node-2"), False),
    ],
)
def test_failures_are_errors_of_the_node_from_500(exc: Exception, expected: bool) -> None:
    """The same errors as in Moleculer: the option ``check``, and ``nodeID``, in
    `circuit-breaker.js`."""
    assert is_failure(exc, "node-1") is expected


def test_circuit_of_an_action_on_one_node_affects_no_other() -> None:
    notes = opened()
    circuits = notes.circuits

    assert circuits.circuit("math.add", "node-1") is notes.circuit
    assert circuits.circuit("math.add", "node-2").is_available(0.0)
    assert circuits.circuit("math.sub", "node-1").is_available(0.0)


def test_circuits_of_a_node_that_has_gone_are_forgotten() -> None:
    notes = Notes()
    turns = [notes.circuit.begin(0.0) for _ in range(4)]

    notes.circuits.forget("node-1")
    notes.circuits.forget("node-2")
    for turn in turns:
        notes.circuit.failed(turn, ERROR, 1.0)

    assert notes.circuits.circuit("math.add", "node-1") is not notes.circuit
    assert notes.changes == []


class Histories(RuleBasedStateMachine):
    """Calls begin and end in any order, at any times."""

    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.notes = Notes()
        self.circuit = self.notes.circuit
        self.now = 0.0

    @rule(seconds=st.sampled_from([0.0, 1.0, 9.0, 10.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.circuit.is_available(self.now))
    @rule(target=calls)
    def begin(self) -> int:
        return self.circuit.begin(self.now)

    @rule(turn=calls, end=st.sampled_from([None, ERROR, MoleculerClientError("no"), "cancelled"]))
    def end(self, turn: int, end: Any) -> None:
        if end is None:
            self.circuit.succeeded(turn, self.now)
        elif isinstance(end, Exception):
            self.circuit.failed(turn, end, self.now)
        else:
            self.circuit.abandoned(turn, self.now)

    @invariant()
    def it_is_never_closed_to_calls_for_long(self) -> None:
        assert self.circuit.is_available(self.now + SETTINGS.breaker_half_open)

    @invariant()
    def a_closed_one_has_not_reached_its_threshold(self) -> None:
        circuit = self.circuit
        assert 0 <= circuit.failures <= circuit.count
        if circuit.state == "closed":
            assert circuit.is_available(self.now)
            assert circuit.count < 4 or circuit.rate < 0.5

    @invariant()
    def changes_are_those_of_a_circuit_breaker(self) -> None:
        state: State = "closed"
        for before, after in self.notes.changes:
            assert before == state
            assert (before, after) in {
                ("closed", "open"),
                ("open", "half_open"),
                ("half_open", "open"),
                ("half_open", "closed"),
            }
            state = after
        assert state == self.circuit.state


TestHistories = Histories.TestCase
TestHistories.settings = profile(stateful_step_count=30)


class Shaky:
    """
    Attributes:
        error: what its action raises.
        heard: the events of circuits, with their payloads.
        messages: the ids of the messages of calls; sources: those of the events.
    """

    def __init__(self) -> None:
        self.runs = 0
        self.error: Exception | None = LookupError("bug")
        self.heard: list[tuple[str | None, Any]] = []
        self.messages: set[str] = set()
        self.sources: list[str] = []

    @action("shaky.do")
    async def do(self, ctx: CurrentContext) -> str:
        self.runs += 1
        self.messages.add(ctx.request_id)
        if self.error is not None:
            raise self.error
        return "done"

    @action("shaky.wait")
    async def wait(self) -> None:
        self.runs += 1
        await asyncio.Event().wait()

    @action("shaky.outer")
    async def outer(self, ctx: CurrentContext) -> Any:
        return await ctx.call("shaky.do")

    @on_event("$circuit-breaker.*")
    async def hear(self, ctx: CurrentContext) -> None:
        self.heard.append((ctx.event_name, ctx.params))
        self.sources.append(ctx.request_id)


async def shaky_site(site_of: SiteOf, shaky: Shaky, half_open: float = 60.0) -> Site:
    """An application whose circuits open after two failures."""
    site: Site = await site_of(
        shaky, circuit_breaker=True, breaker_min_requests=2, breaker_half_open=half_open
    )
    return site


async def fail(site: Site, times: int = 2, name: str = "shaky.do") -> None:
    for _ in range(times):
        with pytest.raises(LookupError):
            await site.broker.call(name)


async def test_action_with_an_open_circuit_is_not_available(site_of: SiteOf) -> None:
    shaky = Shaky()
    site = await shaky_site(site_of, shaky)
    await fail(site)

    with pytest.raises(ServiceNotAvailableError) as caught:
        await site.broker.call("shaky.do")

    error = caught.value
    assert (error.number, error.type, error.retryable) == (404, "SERVICE_NOT_AVAILABLE", True)
    assert error.data == {"action": "shaky.do"}
    assert shaky.runs == 2
    with pytest.raises(ServiceNotAvailableError) as caught:
        await site.broker.call("shaky.do", node_id="node-1")
    assert caught.value.data == {"action": "shaky.do", "nodeID": "node-1"}


async def test_fallback_is_the_result_while_the_circuit_is_open(site_of: SiteOf) -> None:
    shaky = Shaky()
    site = await shaky_site(site_of, shaky)
    await fail(site)

    assert await site.broker.call("shaky.do", fallback="later") == "later"
    assert shaky.runs == 2


async def test_each_attempt_of_a_repeated_call_is_counted(site_of: SiteOf) -> None:
    shaky = Shaky()
    shaky.error = MoleculerServerError("down")
    site = await shaky_site(site_of, shaky)

    with pytest.raises(ServiceNotAvailableError):
        await site.broker.call("shaky.do", retries=3)

    assert shaky.runs == 2
    assert len(site.pauses.seconds) == 3


async def test_circuit_of_a_nested_call_opens(site_of: SiteOf) -> None:
    shaky = Shaky()
    site = await shaky_site(site_of, shaky)
    await fail(site, name="shaky.outer")

    with pytest.raises(ServiceNotAvailableError):
        await site.broker.call("shaky.do")
    await until(lambda: len(shaky.heard) == 2)
    assert [payload["action"] for _, payload in shaky.heard] == ["shaky.do", "shaky.outer"]


async def test_timeouts_open_the_circuit(site_of: SiteOf) -> None:
    shaky = Shaky()
    site = await shaky_site(site_of, shaky)
    for _ in range(2):
        with pytest.raises(RequestTimeoutError):
            await site.broker.call("shaky.wait", timeout=0.01)

    with pytest.raises(ServiceNotAvailableError):
        await site.broker.call("shaky.wait", timeout=0.01)
    assert shaky.runs == 2


async def test_cancelled_call_is_not_counted(site_of: SiteOf) -> None:
    shaky = Shaky()
    site = await shaky_site(site_of, shaky)
    for number in range(1, 6):
        task = asyncio.create_task(site.broker.call("shaky.wait"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait((task,))
        assert shaky.runs == number


async def test_probe_closes_the_circuit_and_handlers_hear_each_change(
    site_of: SiteOf, caplog: pytest.LogCaptureFixture
) -> None:
    """The events are called as in Moleculer."""
    caplog.set_level("INFO", "bundles.gateway")
    shaky = Shaky()
    site = await shaky_site(site_of, shaky, half_open=0.01)
    await fail(site)
    circuits = site.broker.circuits
    assert circuits is not None
    circuit = circuits.circuit("shaky.do", "node-1")
    clock = asyncio.get_running_loop().time

    await until(lambda: circuit.is_available(clock()))
    await fail(site, times=1)
    await until(lambda: circuit.is_available(clock()))
    shaky.error = None
    assert await site.broker.call("shaky.do") == "done"

    await until(lambda: len(shaky.heard) == 5)
    endpoint = {"nodeID": "node-1", "action": "shaky.do"}
    two = {**endpoint, "failures": 2, "count": 2, "rate": 1.0}
    three = {**endpoint, "failures": 3, "count": 3, "rate": 1.0}
    assert shaky.heard == [
        ("$circuit-breaker.opened", two),
        ("$circuit-breaker.half-opened", two),
        ("$circuit-breaker.opened", three),
        ("$circuit-breaker.half-opened", three),
        ("$circuit-breaker.closed", {**endpoint, "failures": 0, "count": 0, "rate": 0.0}),
    ]
    assert caplog.messages == [
        "the circuit of shaky.do on node-1 has opened: 2 of 2 calls have failed",
        "the circuit of shaky.do on node-1 has closed",
    ]


async def test_event_of_a_circuit_is_outside_of_the_message_that_failed(site_of: SiteOf) -> None:
    shaky = Shaky()
    site = await shaky_site(site_of, shaky)

    await fail(site, name="shaky.outer")

    await until(lambda: len(shaky.sources) == 2)
    assert not shaky.messages & set(shaky.sources)


async def test_circuit_breaker_without_its_setting_is_not_used(site_of: SiteOf) -> None:
    shaky = Shaky()
    site = await site_of(shaky)

    await fail(site, times=25)

    assert site.broker.circuits is None
    assert not site.broker.routes.registry.actions["shaky.do"].has_policy
