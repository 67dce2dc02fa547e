"""Which handlers of this node and of others get an event."""

from collections.abc import Callable, Iterable, Iterator

import attrs

from bundles.gateway.broker.registry import EventEndpoints, Registry, listening_to
from bundles.gateway.broker.route import EventHandlers
from bundles.gateway.broker.wildcards import matcher
from bundles.gateway.cluster.balancer import Balancer
from bundles.gateway.cluster.remote_node import RemoteNode

Receivers = dict[RemoteNode, set[str]]
"""The groups of each node that gets an event."""


@attrs.define(eq=False)
class _Handlers:
    """The handlers with one pattern and one group, on all nodes."""

    pattern: str
    group: str
    accepts: Callable[[str], bool]
    local: EventEndpoints | None = None
    nodes: list[RemoteNode] = attrs.field(factory=list)


class SharedEvents:
    """The handlers of this node, those of *registry*, and of *nodes*."""

    def __init__(
        self,
        registry: Registry,
        nodes: Iterable[RemoteNode],
        balancer: Balancer,
        *,
        prefer_local: bool,
    ) -> None:
        self._registry = registry
        self._balancer = balancer
        self._prefer_local = prefer_local
        self._handlers: dict[tuple[str, str], _Handlers] = {}
        for endpoints in registry.handlers:
            self._of(endpoints.pattern, endpoints.group).local = endpoints
        for node in nodes:
            for one in node.handlers:
                self._of(one.pattern, one.group).nodes.append(node)

    def _of(self, pattern: str, group: str) -> _Handlers:
        key = (pattern, group)
        if key not in self._handlers:
            self._handlers[key] = _Handlers(pattern, group, matcher(pattern))
        return self._handlers[key]

    @property
    def keys(self) -> Iterable[tuple[str, str]]:
        """The pattern and the group of all handlers."""
        return self._handlers

    def all(
        self, event: str, groups: str | Iterable[str] | None
    ) -> tuple[EventHandlers, Receivers]:
        """Return all that get *event*, here and on other nodes."""
        receivers: Receivers = {}
        for handlers in self._matching(event, groups):
            for node in handlers.nodes:
                receivers.setdefault(node, set()).add(handlers.group)
        return self._registry.handlers_of(event, groups, to_all=True), receivers

    def one_of_each_group(
        self, event: str, groups: str | Iterable[str] | None
    ) -> tuple[EventHandlers, Receivers]:
        """Return one handler of each group that gets *event*, here or on another node."""
        here = []
        receivers: Receivers = {}
        for handlers in self._matching(event, groups):
            node = self._node_for(handlers)
            if node is not None:
                receivers.setdefault(node, set()).add(handlers.group)
            elif handlers.local is not None:
                here.append((handlers.group, handlers.local.next()))
        return here, receivers

    def _node_for(self, handlers: _Handlers) -> RemoteNode | None:
        """The other node that handles the next event; None: this node does."""
        if handlers.local is None:
            candidates: list[RemoteNode | None] = [*handlers.nodes]
        elif self._prefer_local or not handlers.nodes:
            return None
        else:
            candidates = [None, *handlers.nodes]
        return self._balancer.choose((handlers.pattern, handlers.group), candidates)

    def _matching(self, event: str, groups: str | Iterable[str] | None) -> Iterator[_Handlers]:
        return listening_to(event, groups, self._handlers.values())
