"""An action that other nodes offer, and perhaps this node too: a route of calls."""

from collections.abc import Sequence
from typing import Any

import attrs

from bundles.gateway.broker.call_options import UNSET
from bundles.gateway.broker.registry import ActionEndpoint
from bundles.gateway.broker.route import Endpoint
from bundles.gateway.cluster.balancer import Balancer
from bundles.gateway.cluster.remote_node import RemoteAction, RemoteNode
from bundles.gateway.errors import ServiceNotAvailableError, ServiceNotFoundError
from bundles.gateway.settings import GatewaySettings


@attrs.frozen(eq=False)
class RemoteEndpoint:
    """An action on another node."""

    action: RemoteAction
    node: RemoteNode

    @property
    def name(self) -> str:
        return self.action.name

    @property
    def node_id(self) -> str:
        return self.node.id


class SharedAction:
    """See `Route`. The options of the action are those of this node if it offers the action, else
    those that the first of the other nodes has sent.

    Args:
        local: the endpoint of this node, if other nodes may call it.
        remote: those of other nodes that live; empty if all have left.
    """

    def __init__(
        self,
        name: str,
        local: ActionEndpoint | None,
        remote: Sequence[RemoteEndpoint],
        balancer: Balancer,
        settings: GatewaySettings,
    ) -> None:
        self.name = name
        self.remote = remote
        self.timeout, self.retries = settings.request_timeout, settings.retries
        self.fallback: Any = UNSET
        if local is not None:
            self.timeout, self.retries = local.timeout, local.retries
            self.fallback = local.fallback
        elif remote:
            action = remote[0].action
            self.timeout = self.timeout if action.timeout is None else action.timeout
            self.retries = self.retries if action.retries is None else action.retries
        self._local = local
        self._balancer = balancer
        self._all: tuple[Endpoint, ...] = (*remote,) if local is None else (local, *remote)
        self._is_local_first = local is not None and (
            settings.prefer_local or name.startswith("$")
        )

    @property
    def visibility(self) -> str:
        """``published`` if it is so on all other nodes that live."""
        is_published = self.remote and all(
            one.action.visibility == "published" for one in self.remote
        )
        return "published" if is_published else "public"

    def next(self, node_id: str | None) -> Endpoint:
        if node_id is not None:
            return self._on(node_id)
        if self._is_local_first and self._local is not None:
            return self._local
        if not self._all:
            raise ServiceNotAvailableError(self.name)
        return self._balancer.choose(self.name, self._all)

    def _on(self, node_id: str) -> Endpoint:
        for endpoint in self._all:
            if endpoint.node_id == node_id:
                return endpoint
        raise ServiceNotFoundError(self.name, node_id)
