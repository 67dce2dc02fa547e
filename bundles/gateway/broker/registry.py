"""The offers of this node: its actions by name, and its event handlers by pattern and group."""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Protocol, TypeVar

import attrs

from bundles.gateway.broker.action import ACTION, ActionOptions
from bundles.gateway.broker.call_options import UNSET
from bundles.gateway.broker.on_event import EVENT_HANDLER, EventHandlerOptions, group_of
from bundles.gateway.broker.transport import ACTIONS, EVENTS
from bundles.gateway.broker.wildcards import matcher
from bundles.gateway.exceptions import ServiceNotFoundError
from bundles.gateway.settings import GatewaySettings
from rxkernel import Compiled, ProcedureDefinition


@attrs.frozen(eq=False)
class ActionEndpoint:
    """An action of this node.

    Attributes:
        name: the full name; service: the part before its last dot; node_id: this node.
        timeout, retries: the options of the action, or else the settings.
        has_policy: whether a call without options has a timeout, retries, a circuit breaker or a
            fallback.
    """

    name: str
    service: str
    node_id: str
    options: ActionOptions
    definition: ProcedureDefinition
    timeout: float
    retries: int
    has_policy: bool
    is_private: bool

    @property
    def fallback(self) -> Any:
        return self.options.fallback

    @property
    def is_shared(self) -> bool:
        """Whether other nodes may call it."""
        return self.options.visibility in ("published", "public")

    def next(self, node_id: str | None, failed: Collection[str] = ()) -> "ActionEndpoint":
        """Return this endpoint, since it is the only one of the action; see `Route`."""
        if node_id is not None and node_id != self.node_id:
            raise ServiceNotFoundError(self.name, node_id)
        return self

    @property
    def target(self) -> Any:
        """The class, the instance or the module of the action."""
        return self.definition.metadata.target

    @classmethod
    def of(cls, definition: ProcedureDefinition, settings: GatewaySettings) -> "ActionEndpoint":
        options = definition.options.get(ACTION)
        if options is None:  # metadata that was made in code
            options = ActionOptions(name=definition.name)
        timeout = settings.request_timeout if options.timeout is None else options.timeout
        retries = settings.retries if options.retries is None else options.retries
        return cls(
            name=definition.name,
            service=definition.name.rpartition(".")[0],
            node_id=settings.node_id,
            options=options,
            definition=definition,
            timeout=timeout,
            retries=retries,
            has_policy=bool(
                timeout or retries or settings.circuit_breaker or options.fallback is not UNSET
            ),
            is_private=options.visibility == "private",
        )


@attrs.define(eq=False)
class EventEndpoints:
    """Handlers with the same pattern and group, which share the events of `Broker.emit`."""

    pattern: str
    group: str
    handlers: list[ProcedureDefinition] = attrs.field(factory=list)
    accepts: Callable[[str], bool] = attrs.field(init=False, repr=False)
    _next: int = 0

    def __attrs_post_init__(self) -> None:
        self.accepts = matcher(self.pattern)

    def next(self) -> ProcedureDefinition:
        """Return the handler of the next event."""
        self._next = (self._next + 1) % len(self.handlers)
        return self.handlers[self._next - 1]


class Listening(Protocol):
    """Handlers of one group, with the events that they receive, by name."""

    group: str
    accepts: Callable[[str], bool]


L = TypeVar("L", bound=Listening)


class Registry:
    """
    Attributes:
        actions: by full name; services: the names of their services.
    """

    def __init__(self, compiled: Compiled | None, settings: GatewaySettings) -> None:
        self.actions: dict[str, ActionEndpoint] = {}
        self.handlers: list[EventEndpoints] = []
        if compiled is not None:
            for definition in compiled.definitions.get(ACTIONS, ()):
                self.actions[definition.name] = ActionEndpoint.of(definition, settings)
            self._add_handlers(compiled.definitions.get(EVENTS, ()))
        self.services = {endpoint.service for endpoint in self.actions.values()}

    def _add_handlers(self, definitions: Iterable[ProcedureDefinition]) -> None:
        by_key: dict[tuple[str, str], EventEndpoints] = {}
        for definition in definitions:
            options = definition.options.get(EVENT_HANDLER)
            if options is None:  # metadata that was made in code
                options = EventHandlerOptions(pattern=definition.name)
            group = options.group or group_of(definition.metadata.target)
            key = (options.pattern, group)
            if key not in by_key:
                by_key[key] = EventEndpoints(options.pattern, group)
                self.handlers.append(by_key[key])
            by_key[key].handlers.append(definition)

    def handlers_of(
        self, event: str, groups: str | Iterable[str] | None, *, to_all: bool
    ) -> Iterator[tuple[str, ProcedureDefinition]]:
        """Yield the group and the definition of each handler that receives *event*."""
        for endpoints in listening_to(event, groups, self.handlers):
            found = endpoints.handlers if to_all else (endpoints.next(),)
            yield from ((endpoints.group, definition) for definition in found)


def listening_to(
    event: str, groups: str | Iterable[str] | None, listening: Iterable[L]
) -> Iterator[L]:
    """Yield those of *listening* that receive *event* for *groups*; None: for all groups."""
    wanted: frozenset[str] | None = None
    if groups is not None:
        wanted = frozenset((groups,) if isinstance(groups, str) else groups)
    for one in listening:
        if (wanted is None or one.group in wanted) and one.accepts(event):
            yield one
