"""The route of an action that other nodes offer, and perhaps also this node."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import attrs

from bundles.gateway.broker.call_options import UNSET
from bundles.gateway.broker.circuit_breaker import CircuitBreakers
from bundles.gateway.broker.registry import ActionEndpoint
from bundles.gateway.broker.route import Endpoint
from bundles.gateway.cluster.balancer import Balancer
from bundles.gateway.cluster.remote_node import RemoteAction, RemoteNode
from bundles.gateway.exceptions import ServiceNotAvailableError, ServiceNotFoundError
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


@attrs.frozen(eq=False)
class Choice:
    """The rules by which one of several endpoints is chosen.

    Attributes:
        circuits: the circuits of the endpoints; None if the setting ``circuit_breaker`` is off.
        settings: the settings of the bundle, with the defaults of calls.
    """

    balancer: Balancer
    circuits: CircuitBreakers | None
    settings: GatewaySettings

    def available(self, endpoints: Sequence[Endpoint]) -> Sequence[Endpoint]:
        """Return the *endpoints* whose circuits are not open."""
        if self.circuits is None:
            return endpoints
        now, circuit = asyncio.get_running_loop().time(), self.circuits.circuit
        return [one for one in endpoints if circuit(one.name, one.node_id).is_available(now)]

    def forget(self, node_id: str) -> None:
        """Forget the circuits of the node *node_id*, which has left."""
        if self.circuits is not None:
            self.circuits.forget(node_id)


class SharedAction:
    """See `Route`. The options of the action are those on this node if it offers the action, else
    those on the first of the other nodes.

    Args:
        local: the endpoint of this node, if other nodes may call it.
        remote: the endpoints of the other nodes that are alive; empty if all have left.
    """

    def __init__(
        self,
        name: str,
        local: ActionEndpoint | None,
        remote: Sequence[RemoteEndpoint],
        choice: Choice,
    ) -> None:
        settings = choice.settings
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
        self.has_policy = bool(
            self.timeout or self.retries or choice.circuits or self.fallback is not UNSET
        )
        self._choice = choice
        self._all: tuple[Endpoint, ...] = (*remote,) if local is None else (local, *remote)
        is_preferred = settings.prefer_local or name.startswith("$")
        self._preferred = local if is_preferred else None

    @property
    def visibility(self) -> str:
        """``published`` if all other nodes that are alive publish it, else ``public``."""
        is_published = self.remote and all(
            one.action.visibility == "published" for one in self.remote
        )
        return "published" if is_published else "public"

    def next(self, node_id: str | None, failed: Collection[str] = ()) -> Endpoint:
        if node_id is not None:
            return self._on(node_id)
        available = self._choice.available(self._all)
        if not available:
            raise ServiceNotAvailableError(self.name)
        if failed:
            available = [one for one in available if one.node_id not in failed] or available
        if available[0] is self._preferred:
            return available[0]
        return self._choice.balancer.choose(self.name, available)

    def _on(self, node_id: str) -> Endpoint:
        for endpoint in self._all:
            if endpoint.node_id == node_id:
                return endpoint
        raise ServiceNotFoundError(self.name, node_id)


def shared_actions(
    local: Mapping[str, ActionEndpoint], nodes: Iterable[RemoteNode], choice: Choice
) -> dict[str, SharedAction]:
    """Return the actions of *nodes*, including nodes that have left: the error for their actions
    is "not available" instead of "not found"."""
    endpoints: dict[str, list[RemoteEndpoint]] = {}
    for node in nodes:
        for action in node.actions.values():
            of_action = endpoints.setdefault(action.name, [])
            if node.is_available:
                of_action.append(RemoteEndpoint(action, node))
    return {
        name: SharedAction(name, local.get(name), remote, choice)
        for name, remote in endpoints.items()
        if name not in local or (local[name].is_shared and remote)
    }
