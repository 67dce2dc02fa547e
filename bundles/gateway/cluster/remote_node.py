"""Another node of the cluster, with its actions and handlers."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

import attrs

from bundles.gateway.cluster.packets import PROTOCOLS, InfoPacket

ONLY_EVENTS = "onlyEvents"
"""The key in the metadata of a service that is only a group of event handlers of a Python node."""

_OPEN = ("published", "public")
_MOST_CHARACTERS = 500


@attrs.frozen
class RemoteAction:
    """
    Attributes:
        visibility: ``published`` or ``public``. An action without a visibility is ``public`` here,
            so that clients of a gateway may call it only if a whitelist has it.
        timeout: seconds; None: the value of the settings.
        retries: None: the value of the settings.
    """

    name: str
    service: str
    visibility: str
    cache: bool = False
    timeout: float | None = None
    retries: int | None = None


@attrs.frozen
class RemoteHandlers:
    """The event handlers of a node with the same pattern and group."""

    pattern: str
    group: str


@attrs.define(eq=False)
class RemoteNode:
    """
    Attributes:
        instance: an id that is new after each start of the node.
        seq: the number of the last change of its services.
        protocols: the versions of the protocol that both nodes use.
        is_available: False if it has left, or sent no packet for too long.
        last_seen: when its last packet was received, by the clock of the event loop.
        cpu: the load of its machine in percent; None: unknown.
    """

    id: str
    instance: str
    seq: int
    protocols: tuple[str, ...]
    last_seen: float
    is_available: bool = True
    hostname: str | None = None
    client: Mapping[str, Any] = attrs.field(factory=dict)
    cpu: float | None = None
    services: frozenset[str] = frozenset()
    actions: Mapping[str, RemoteAction] = attrs.field(factory=dict)
    handlers: tuple[RemoteHandlers, ...] = ()

    @property
    def protocol(self) -> str:
        """The version of the packets that are sent to it."""
        return self.protocols[-1]

    @classmethod
    def of(cls, packet: InfoPacket, accepted: tuple[str, ...], now: float) -> "RemoteNode":
        services = tuple(_services_of(packet))
        client = packet.client or {}
        return cls(
            id=packet.sender,
            instance=packet.instance,
            seq=packet.seq,
            protocols=_protocols_of(packet, accepted),
            last_seen=now,
            hostname=packet.hostname,
            client={
                name: client[key]
                for name, key in (
                    ("type", "type"),
                    ("version", "version"),
                    ("lang_version", "langVersion"),
                )
                if isinstance(client.get(key), str)
            },
            services=frozenset(name for name, fields in services if not _has_only_events(fields)),
            actions={
                action.name: action
                for service, fields in services
                for action in _actions_of(service, fields)
            },
            handlers=tuple(
                dict.fromkeys(
                    handlers
                    for service, fields in services
                    for handlers in _handlers_of(service, fields)
                )
            ),
        )


def _protocols_of(packet: InfoPacket, accepted: tuple[str, ...]) -> tuple[str, ...]:
    """Return the versions that both nodes use, in order. Python nodes list theirs in the
    metadata."""
    metadata = packet.metadata
    listed = metadata.get("protocols") if isinstance(metadata, dict) else None
    if isinstance(listed, list):
        common = tuple(one for one in PROTOCOLS if one in listed and one in accepted)
        if common:
            return common
    return (packet.ver,)


def _services_of(packet: InfoPacket) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the full name and the fields of each service; invalid ones are ignored."""
    for fields in packet.services:
        if isinstance(fields, dict):
            name: Any = fields.get("fullName") or fields.get("name")
            if _is_name(name):
                yield name, fields


def _has_only_events(fields: dict[str, Any]) -> bool:
    """Whether *fields* are a group of event handlers on a Python node, and no service there."""
    metadata = fields.get("metadata")
    return isinstance(metadata, dict) and metadata.get(ONLY_EVENTS) is True


def _actions_of(service: str, fields: dict[str, Any]) -> Iterator[RemoteAction]:
    actions = fields.get("actions")
    for key, given in actions.items() if isinstance(actions, dict) else ():
        action = given if isinstance(given, dict) else {}
        name: Any = action.get("name", key)
        visibility = action.get("visibility") or "public"
        if _is_name(name) and visibility in _OPEN:
            yield RemoteAction(
                name=name,
                service=service,
                visibility=visibility,
                cache=bool(action.get("cache")),
                timeout=_seconds(action.get("timeout")),
                retries=_retries(action.get("retryPolicy")),
            )


def _handlers_of(service: str, fields: dict[str, Any]) -> Iterator[RemoteHandlers]:
    events = fields.get("events")
    for key, given in events.items() if isinstance(events, dict) else ():
        event = given if isinstance(given, dict) else {}
        pattern: Any = event.get("name", key)
        group: Any = event.get("group") or service
        if _is_name(pattern) and _is_name(group) and not pattern.startswith("$"):
            yield RemoteHandlers(pattern, group)


def _is_name(given: Any) -> TypeGuard[str]:
    return isinstance(given, str) and 0 < len(given) <= _MOST_CHARACTERS


def _seconds(milliseconds: Any) -> float | None:
    if isinstance(milliseconds, int | float) and 0 <= milliseconds < float("inf"):
        return milliseconds / 1000
    return None


def _retries(policy: Any) -> int | None:
    if isinstance(policy, dict) and policy.get("enabled") is True:
        retries = policy.get("retries")
        if isinstance(retries, int) and retries >= 0:
            return retries
    return None
