"""Circuit breaker: if calls of an action on a node fail too often, it is not called for a while.

There are no timers: times, by the clock of the event loop, are compared when a call begins or
    ends.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from bundles.gateway.exceptions import BrokerDisconnectedError, MoleculerError
from bundles.gateway.settings import GatewaySettings
from rxkernel import HttpException

State = Literal["closed", "open", "half_open"]

Observer = Callable[["Circuit", State], None]
"""Called after each change of the state, with the previous state; it must not raise."""

_EVENTS: dict[State, str] = {
    "closed": "$circuit-breaker.closed",
    "open": "$circuit-breaker.opened",
    "half_open": "$circuit-breaker.half-opened",
}


class Circuit:
    """The circuit of one action on one node.

    closed
        All calls are made and counted. The circuit opens when enough of them have failed.
    open
        Calls are rejected. After ``breaker_half_open`` seconds the next call is a probe.
    half_open
        One probe runs. If it succeeds, the circuit closes; if it fails, the circuit opens again.
        If it has not ended after ``breaker_half_open`` seconds, the next call replaces it.

    A call that was cancelled, or whose exception is not a failure by `is_failure`, is not counted;
    if it was the probe, the next call is the probe. A call that began before the last change of
    the state is not counted either.

    Attributes:
        failures, count: the failed and all calls in the window, and probes since the circuit has
            opened.
    """

    def __init__(
        self, action: str, node_id: str, settings: GatewaySettings, observer: Observer
    ) -> None:
        self.action = action
        self.node_id = node_id
        self.state: State = "closed"
        self.failures = self.count = 0
        self._settings = settings
        self._observer = observer
        self._turn = 0  # only calls that began in the same turn are counted
        self._end_of_window = float("-inf")
        self._available_from = float("-inf")  # used unless it is closed

    @property
    def rate(self) -> float:
        """The share of the calls that have failed."""
        return self.failures / self.count if self.count else 0.0

    def is_available(self, now: float) -> bool:
        """Whether a call may be made."""
        return self.state == "closed" or now >= self._available_from

    def begin(self, now: float) -> int:
        """Begin a call; `is_available` must be true. If the circuit is not closed, it is the
        probe.

        Returns:
            The turn, which must be passed to `succeeded`, `failed` or `abandoned` at the end.
        """
        if self.state != "closed":
            self._turn += 1
            self._available_from = now + self._settings.breaker_half_open
            if self.state == "open":
                self._change("half_open")
        return self._turn

    def succeeded(self, turn: int, now: float) -> None:
        """Count a call that has returned a result."""
        if turn != self._turn:
            return
        if self.state == "half_open":
            self._turn += 1
            self.failures = self.count = 0
            self._change("closed")
        else:
            self._add(0, now)

    def failed(self, turn: int, exc: Exception, now: float) -> None:
        """Count a call that has raised *exc*."""
        if not is_failure(exc, self.node_id):
            self.abandoned(turn, now)
        elif turn == self._turn:
            self._add(1, now)

    def abandoned(self, turn: int, now: float) -> None:
        """Note that the call was cancelled."""
        if turn == self._turn and self.state == "half_open":
            self._available_from = now

    def retire(self) -> None:
        """Do not count the currently running calls."""
        self._turn += 1

    async def watch(self, call: Awaitable[Any]) -> Any:
        """Await *call*, and count its outcome."""
        clock = asyncio.get_running_loop().time
        turn = self.begin(clock())
        try:
            result = await call
        except Exception as exc:
            self.failed(turn, exc, clock())
            raise
        except BaseException:
            self.abandoned(turn, clock())
            raise
        self.succeeded(turn, clock())
        return result

    def _add(self, failures: int, now: float) -> None:
        """Count a call, and open the circuit if too many have failed."""
        settings, is_probe = self._settings, self.state == "half_open"
        if not is_probe and now >= self._end_of_window:
            self._end_of_window = now + settings.breaker_window
            self.failures = self.count = 0
        self.failures += failures
        self.count += 1
        if is_probe or (
            self.count >= settings.breaker_min_requests and self.rate >= settings.breaker_threshold
        ):
            self._turn += 1
            self._available_from = now + settings.breaker_half_open
            self._change("open")

    def _change(self, state: State) -> None:
        before, self.state = self.state, state
        self._observer(self, before)


class CircuitBreakers:
    """The circuits of the actions on all nodes.

    Args:
        observer: called after each change of the state of a circuit.
    """

    def __init__(self, settings: GatewaySettings, observer: Observer) -> None:
        self._settings = settings
        self._observer = observer
        self._nodes: dict[str, dict[str, Circuit]] = {}

    def circuit(self, action: str, node_id: str) -> Circuit:
        """Return the circuit of *action* on the node, which is closed at first."""
        circuits = self._nodes.get(node_id)
        if circuits is None:
            circuits = self._nodes[node_id] = {}
        circuit = circuits.get(action)
        if circuit is None:
            circuit = Circuit(action, node_id, self._settings, self._observer)
            circuits[action] = circuit
        return circuit

    def forget(self, node_id: str) -> None:
        """Remove the circuits of a node that has left."""
        for circuit in self._nodes.pop(node_id, {}).values():
            circuit.retire()


def event_of(circuit: Circuit) -> tuple[str, dict[str, Any]]:
    """Return the name and the payload of the event for the last change of the state."""
    payload = {
        "nodeID": circuit.node_id,
        "action": circuit.action,
        "failures": circuit.failures,
        "count": circuit.count,
        "rate": circuit.rate,
    }
    return _EVENTS[circuit.state], payload


def is_failure(exc: Exception, node_id: str) -> bool:
    """Whether *exc* shows that the action does not work on the node: its code is 500 or more, or
    it has no code. An exception with the ``node_id`` of another node is excluded, and also the
    loss of this node's connection."""
    if isinstance(exc, BrokerDisconnectedError):
        return False
    if getattr(exc, "node_id", node_id) not in (node_id, None):
        return False
    if isinstance(exc, MoleculerError):
        return exc.number >= 500
    return not isinstance(exc, HttpException) or exc.status_code >= 500
