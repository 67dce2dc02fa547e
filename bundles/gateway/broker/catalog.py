"""What this node offers, as plain data: the results of ``$node.list`` and the like.

They have no settings, no arguments of the process and no environment.
"""

import platform
import socket
from typing import Any

from bundles.gateway.broker.call_options import UNSET
from bundles.gateway.broker.registry import ActionEndpoint, Registry

_CLIENT = {"type": "python", "lang_version": platform.python_version()}


def node_entry(node_id: str) -> dict[str, Any]:
    """This node."""
    return {
        "id": node_id,
        "available": True,
        "local": True,
        "hostname": socket.gethostname(),
        "client": dict(_CLIENT),
    }


def action_entries(
    registry: Registry, node_id: str, *, skip_internal: bool, with_endpoints: bool
) -> list[dict[str, Any]]:
    """The actions, sorted by name."""
    return [
        {
            "name": name,
            **_local(node_id, 1, with_endpoints),
            "action": _described(endpoint),
        }
        for name, endpoint in sorted(registry.actions.items())
        if not (skip_internal and name.startswith("$"))
    ]


def service_entries(
    registry: Registry, node_id: str, *, skip_internal: bool, with_actions: bool
) -> list[dict[str, Any]]:
    """The services, sorted by name."""
    entries = []
    for service in sorted(registry.services):
        if skip_internal and service.startswith("$"):
            continue
        entry = {"name": service, "available": True, "has_local": True, "nodes": [node_id]}
        if with_actions:
            entry["actions"] = {
                name: _described(endpoint)
                for name, endpoint in sorted(registry.actions.items())
                if endpoint.service == service
            }
        entries.append(entry)
    return entries


def event_entries(
    registry: Registry, node_id: str, *, skip_internal: bool, with_endpoints: bool
) -> list[dict[str, Any]]:
    """The patterns of the event handlers with their groups, sorted."""
    return [
        {
            "name": found.pattern,
            "group": found.group,
            **_local(node_id, len(found.handlers), with_endpoints),
        }
        for found in sorted(registry.handlers, key=lambda one: (one.pattern, one.group))
        if not (skip_internal and found.pattern.startswith("$"))
    ]


def _local(node_id: str, count: int, with_endpoints: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {"count": count, "has_local": True, "available": True}
    if with_endpoints:
        facts["endpoints"] = [{"node_id": node_id, "local": True, "available": True}] * count
    return facts


def _described(endpoint: ActionEndpoint) -> dict[str, Any]:
    """What `@action` was given, without values of the application."""
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
