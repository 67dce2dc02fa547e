"""The offers of the nodes as plain data: the results of ``$node.list`` and similar actions.

They contain no settings, process arguments or environment variables.
"""

import platform
import socket
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from bundles.gateway.broker.call_options import UNSET
from bundles.gateway.broker.registry import ActionEndpoint, Registry

_CLIENT = {"type": "python", "lang_version": platform.python_version()}


class OtherAction(Protocol):
    """An action of another node, see `ActionOptions`."""

    @property
    def name(self) -> str: ...

    @property
    def service(self) -> str: ...

    @property
    def visibility(self) -> str: ...

    @property
    def cache(self) -> bool: ...

    @property
    def timeout(self) -> float | None: ...

    @property
    def retries(self) -> int | None: ...


class OtherHandlers(Protocol):
    """The event handlers of another node with one pattern and one group."""

    @property
    def pattern(self) -> str: ...

    @property
    def group(self) -> str: ...


class OtherNode(Protocol):
    """Another node of the cluster; ``cpu`` is the load of its machine in percent."""

    id: str
    is_available: bool
    hostname: str | None
    client: Mapping[str, Any]
    cpu: float | None
    services: frozenset[str]

    @property
    def actions(self) -> Mapping[str, OtherAction]: ...

    @property
    def handlers(self) -> Sequence[OtherHandlers]: ...


class Catalog:
    """The offers of this node and of *others*."""

    def __init__(self, registry: Registry, node_id: str, others: Iterable[OtherNode]) -> None:
        self._registry = registry
        self._node_id = node_id
        self._others = tuple(others)

    def nodes(self) -> list[dict[str, Any]]:
        """Return the nodes, this node first."""
        own = {
            "id": self._node_id,
            "available": True,
            "local": True,
            "hostname": socket.gethostname(),
            "client": dict(_CLIENT),
        }
        return [own, *map(other_node, self._others)]

    def actions(self, *, skip_internal: bool, with_endpoints: bool) -> list[dict[str, Any]]:
        """Return the actions, sorted by name; for an action of this node, with its description."""
        local = self._registry.actions
        entries = []
        for name in sorted({*local, *(name for node in self._others for name in node.actions)}):
            if skip_internal and name.startswith("$"):
                continue
            nodes = [node for node in self._others if name in node.actions]
            has_local = name in local
            described = _described(local[name]) if has_local else _other(nodes[0].actions[name])
            where = self._endpoints(int(has_local), nodes, with_endpoints=with_endpoints)
            entries.append({"name": name, **where, "action": described})
        return entries

    def services(self, *, skip_internal: bool, with_actions: bool) -> list[dict[str, Any]]:
        """Return the services, sorted by name."""
        local = self._registry.services
        entries = []
        for service in sorted(
            {*local, *(name for node in self._others for name in node.services)}
        ):
            if skip_internal and service.startswith("$"):
                continue
            nodes = [node for node in self._others if service in node.services]
            has_local = service in local
            entry: dict[str, Any] = {
                "name": service,
                "available": has_local or any(node.is_available for node in nodes),
                "has_local": has_local,
                "nodes": [*([self._node_id] if has_local else ()), *(node.id for node in nodes)],
            }
            if with_actions:
                entry["actions"] = self._actions_of(service)
            entries.append(entry)
        return entries

    def _actions_of(self, service: str) -> dict[str, Any]:
        described = {
            action.name: _other(action)
            for node in self._others
            for action in node.actions.values()
            if action.service == service
        }
        for name, endpoint in self._registry.actions.items():
            if endpoint.service == service:
                described[name] = _described(endpoint)
        return dict(sorted(described.items()))

    def events(self, *, skip_internal: bool, with_endpoints: bool) -> list[dict[str, Any]]:
        """Return the patterns of the event handlers with their groups, sorted."""
        counts: dict[tuple[str, str], int] = {}
        nodes: dict[tuple[str, str], list[OtherNode]] = {}
        for endpoints in self._registry.handlers:
            counts[endpoints.pattern, endpoints.group] = len(endpoints.handlers)
        for node in self._others:
            for handlers in node.handlers:
                nodes.setdefault((handlers.pattern, handlers.group), []).append(node)
        return [
            {
                "name": key[0],
                "group": key[1],
                **self._endpoints(
                    counts.get(key, 0), nodes.get(key, []), with_endpoints=with_endpoints
                ),
            }
            for key in sorted({*counts, *nodes})
            if not (skip_internal and key[0].startswith("$"))
        ]

    def _endpoints(
        self, count: int, nodes: Iterable[OtherNode], *, with_endpoints: bool
    ) -> dict[str, Any]:
        """Return the endpoints of something offered *count* times on this node, and on *nodes*."""
        endpoints = [{"node_id": self._node_id, "local": True, "available": True}] * count
        endpoints += [
            {"node_id": node.id, "local": False, "available": node.is_available} for node in nodes
        ]
        facts: dict[str, Any] = {
            "count": len(endpoints),
            "has_local": count > 0,
            "available": any(one["available"] for one in endpoints),
        }
        if with_endpoints:
            facts["endpoints"] = endpoints
        return facts


def other_node(node: OtherNode) -> dict[str, Any]:
    """Return the entry of another node."""
    entry = {
        "id": node.id,
        "available": node.is_available,
        "local": False,
        "hostname": node.hostname,
        "client": dict(node.client),
    }
    return entry if node.cpu is None else {**entry, "cpu": node.cpu}


def _described(endpoint: ActionEndpoint) -> dict[str, Any]:
    """Return the arguments of `@action`, without values of the application."""
    options = endpoint.options
    return {
        "name": endpoint.name,
        "visibility": options.visibility,
        "cache": bool(options.cache),
        "timeout": options.timeout,
        "retries": options.retries,
        "bulkhead": options.bulkhead is not None,
        "has_fallback": options.fallback is not UNSET,
    }


def _other(action: OtherAction) -> dict[str, Any]:
    return {
        "name": action.name,
        "visibility": action.visibility,
        "cache": action.cache,
        "timeout": action.timeout,
        "retries": action.retries,
        "has_fallback": False,
    }
