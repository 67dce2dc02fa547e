"""The interfaces of routes: an action with its endpoints, on this node or on others."""

from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Set
from typing import Any, Protocol

import attrs

from bundles.gateway.broker.call_options import CallMeta
from bundles.gateway.broker.catalog import OtherNode
from bundles.gateway.broker.context import Context
from rxkernel import ProcedureDefinition


class Endpoint(Protocol):
    """An action on one node."""

    @property
    def name(self) -> str:
        """The full name of the action."""

    @property
    def node_id(self) -> str: ...


class Route(Protocol):
    """The endpoints of an action, and the defaults of its calls: see `CallOptions`."""

    @property
    def name(self) -> str:
        """The full name of the action."""

    @property
    def timeout(self) -> float: ...

    @property
    def retries(self) -> int: ...

    @property
    def fallback(self) -> Any:
        """The fallback; `UNSET` without one."""

    @property
    def has_policy(self) -> bool:
        """Whether a call without options has a timeout, retries, a circuit breaker or a
        fallback."""

    def next(self, node_id: str | None, failed: Collection[str] = ()) -> Endpoint:
        """Return the endpoint of the next attempt: on *node_id*, or else, if possible, on a node
        that is not in *failed*, the nodes of earlier attempts.

        Raises:
            ServiceNotFoundError: the node does not offer the action.
            ServiceNotAvailableError: no node can run it now.
        """


EventHandlers = Iterable[tuple[str, ProcedureDefinition]]
"""The group and the definition of each handler on this node that receives an event."""


@attrs.frozen(eq=False)
class OutgoingEvent:
    """An event that is sent within *parent*: to one handler of each group, or to all handlers."""

    name: str
    payload: Any
    parent: Context | None
    groups: str | Iterable[str] | None
    meta: CallMeta | None
    to_all: bool


@attrs.frozen
class Pong:
    """The reply of the node *node_id* to a ping.

    Attributes:
        elapsed: seconds until it was received.
        clock_difference: seconds by which the clock of this node is ahead.
    """

    node_id: str
    elapsed: float
    clock_difference: float


class Remote(Protocol):
    """The part of the cluster that the broker uses."""

    @property
    def nodes(self) -> Iterable[OtherNode]:
        """All other nodes, including those that have left."""

    @property
    def shared(self) -> Mapping[str, Route]:
        """The actions that other nodes offer, which this node may offer too."""

    @property
    def services(self) -> Set[str]:
        """The services of the other nodes."""

    def visibilities(self) -> Mapping[str, str]:
        """The visibility of each action of other nodes: ``published`` or ``public``."""

    async def request(self, endpoint: Endpoint, context: Context) -> Any:
        """Call the action of another node once, and return its result."""

    async def send_event(self, event: OutgoingEvent) -> EventHandlers:
        """Send *event* to other nodes, and return the handlers of this node that must receive
        it."""

    async def ping(self, node_id: str, timeout: float) -> Pong:
        """See `Broker.ping`."""


Observer = Callable[[], None]

Call = Coroutine[Any, Any, Any]
