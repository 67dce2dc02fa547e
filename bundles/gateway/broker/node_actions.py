"""The actions ``$node.*``. Clients of a gateway may call them only if a whitelist has them."""

from typing import Any

from injector import inject

from bundles.gateway.broker.action import action
from bundles.gateway.broker.broker import Broker
from bundles.gateway.broker.health import health


class NodeActions:
    @inject
    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    @action("$node.health")
    async def health(self) -> dict[str, Any]:
        """Return the state of this machine and process."""
        return health()

    @action("$node.list")
    async def nodes(self) -> list[dict[str, Any]]:
        """Return the nodes."""
        return self._broker.nodes()

    @action("$node.services")
    async def services(
        self, skip_internal: bool = False, with_actions: bool = False
    ) -> list[dict[str, Any]]:
        """Return the services, without settings."""
        return self._broker.services(skip_internal=skip_internal, with_actions=with_actions)

    @action("$node.actions")
    async def actions(
        self, skip_internal: bool = False, with_endpoints: bool = False
    ) -> list[dict[str, Any]]:
        """Return the actions."""
        return self._broker.actions(skip_internal=skip_internal, with_endpoints=with_endpoints)

    @action("$node.events")
    async def events(
        self, skip_internal: bool = False, with_endpoints: bool = False
    ) -> list[dict[str, Any]]:
        """Return the patterns of the event handlers."""
        return self._broker.events(skip_internal=skip_internal, with_endpoints=with_endpoints)
