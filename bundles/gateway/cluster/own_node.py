"""The information about this node that other nodes receive."""

import os
import platform
import socket
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from uuid import uuid4

from bundles.gateway.broker.registry import ActionEndpoint, Registry
from bundles.gateway.cluster.packets import InfoPacket
from bundles.gateway.cluster.remote_node import ONLY_EVENTS


class OwnNode:
    """
    Attributes:
        instance: an id that is new after each start.
        seq: the number of the last change of its services.
    """

    def __init__(self, accepted: tuple[str, ...]) -> None:
        self.instance = str(uuid4())
        self.seq = 0
        self._accepted = accepted
        self._services: list[dict[str, Any]] = []

    def offer(self, registry: Registry | None) -> None:
        """Offer the actions and handlers of *registry* from now on. None: this node is leaving,
        and offers nothing."""
        self.seq += 1
        self._services = [] if registry is None else _services_of(registry)

    def info(self) -> InfoPacket:
        return InfoPacket(
            services=self._services,
            instance=self.instance,
            seq=self.seq,
            hostname=socket.gethostname(),
            client={
                "type": "python",
                "version": _version(),
                "langVersion": platform.python_version(),
            },
            config={},
            ip_list=[],
            metadata={"protocols": list(self._accepted)},
        )


def cpu_percent() -> float | None:
    """Return the load of this machine in percent; None: the system does not report it."""
    try:
        load = os.getloadavg()[0]
    except OSError:
        return None
    return min(100.0, round(load * 100 / (os.cpu_count() or 1), 1))


@cache
def _version() -> str:
    try:
        return version("rxkernel")
    except PackageNotFoundError:  # rxkernel runs from its sources, without an installation
        return "0"


def _services_of(registry: Registry) -> list[dict[str, Any]]:
    """Return the services in the form of Moleculer. Event handlers belong to a service with the
    name of their group."""
    services: dict[str, dict[str, Any]] = {}

    def service(name: str) -> dict[str, Any]:
        if name not in services:
            services[name] = {
                "name": name,
                "fullName": name,
                "settings": {},
                "metadata": {},
                "actions": {},
                "events": {},
            }
        return services[name]

    for endpoint in registry.actions.values():
        if endpoint.is_shared:
            service(endpoint.service)["actions"][endpoint.name] = _action(endpoint)
    for handlers in registry.handlers:
        if not handlers.pattern.startswith("$"):
            if handlers.group not in services:
                service(handlers.group)["metadata"] = {ONLY_EVENTS: True}
            service(handlers.group)["events"][handlers.pattern] = {
                "name": handlers.pattern,
                "group": handlers.group,
            }
    return list(services.values())


def _action(endpoint: ActionEndpoint) -> dict[str, Any]:
    options = endpoint.options
    described: dict[str, Any] = {
        "name": endpoint.name,
        "rawName": endpoint.name.rpartition(".")[2],
        "visibility": options.visibility,
        "cache": bool(options.cache),
    }
    if options.timeout is not None:
        described["timeout"] = options.timeout * 1000
    if options.retries is not None:
        described["retryPolicy"] = {"enabled": options.retries > 0, "retries": options.retries}
    return described
