"""Finds the handlers of an event on this node and on others."""

from collections.abc import Callable, Iterable, Iterator

import attrs

from bundles.gateway.broker.registry import EventEndpoints, Registry, listening_to
from bundles.gateway.broker.route import EventHandlers
from bundles.gateway.broker.wildcards import matcher
from bundles.gateway.cluster.balancer import Balancer
from bundles.gateway.cluster.remote_node import RemoteNode

Receivers = dict[RemoteNode, set[str]]
"""The nodes that receive an event, each with the groups that handle it."""


@attrs.define(eq=False)
class _Handlers:
    """The handlers with the same pattern and group, on all nodes."""

    pattern: str
    group: str
    accepts: Callable[[str], bool]
    local: EventEndpoints | None = None
    nodes: list[RemoteNode] = attrs.field(factory=list)


class SharedEvents:
    """The handlers of this node, in *registry*, and those of *nodes*."""

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
        """Return the patterns and groups of all handlers."""
        return self._handlers

    def all(
        self, event: str, groups: str | Iterable[str] | None
    ) -> tuple[EventHandlers, Receivers]:
        """Return all handlers of *event*, on this node and on others."""
        receivers: Receivers = {}
        for handlers in self._matching(event, groups):
            for node in handlers.nodes:
                receivers.setdefault(node, set()).add(handlers.group)
        return self._registry.handlers_of(event, groups, to_all=True), receivers

    def one_of_each_group(
        self, event: str, groups: str | Iterable[str] | None
    ) -> tuple[EventHandlers, Receivers]:
        """Return one handler of *event* from each group, on this node or another one."""
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
        """Return the other node that handles the next event; None: this node handles it."""
        if handlers.local is None:
            candidates: list[RemoteNode | None] = [*handlers.nodes]
        elif self._prefer_local or not handlers.nodes:
            return None
        else:
            candidates = [None, *handlers.nodes]
        return self._balancer.choose((handlers.pattern, handlers.group), candidates)

    def _matching(self, event: str, groups: str | Iterable[str] | None) -> Iterator[_Handlers]:
        return listening_to(event, groups, self._handlers.values())
