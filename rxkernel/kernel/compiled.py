"""All definitions of an application at one moment, with the tables that transports search."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Self

import attrs

from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.namespace_table import NamespaceTable
from rxkernel.kernel.varying import routed
from rxkernel.messages.transport import Transport
from rxkernel.nearest import nearest
from rxkernel.routing.constraints import HostOf
from rxkernel.routing.definitions import (
    Definition,
    Definitions,
    HttpDefinition,
    ProcedureDefinition,
    WebSocketDefinition,
)
from rxkernel.routing.router import Router


@attrs.frozen(eq=False)
class Compiled:
    """The compiled state of a kernel. It is immutable: a reload creates another one.

    Attributes:
        all: every definition, in registration order.
        definitions: the same by transport; each known transport has an entry.
        http_router: finds an HTTP definition by method and path.
        events: finds a Socket.IO definition by the namespace of its route, then by event name;
            ``*`` is for events without an entry.
        namespaces: finds the namespace of routes for the namespace of a client.
    """

    all: tuple[Definition, ...] = ()
    definitions: Mapping[Transport, Definitions[Any]] = attrs.field(factory=dict)
    http_router: Router[HttpDefinition] = attrs.field(factory=Router)
    events: Mapping[str, Mapping[str, WebSocketDefinition]] = attrs.field(factory=dict)
    namespaces: NamespaceTable = attrs.field(factory=NamespaceTable)

    @property
    def procedures(self) -> tuple[ProcedureDefinition, ...]:
        """The definitions of the transports of bundles."""
        return tuple(d for d in self.all if isinstance(d, ProcedureDefinition))

    @classmethod
    def of(
        cls,
        definitions: Sequence[Definition],
        transports: Collection[Transport],
        host_of: HostOf = lambda head: None,
    ) -> Self:
        """Return the tables of *definitions*; *transports* are the transports of bundles.

        *host_of* returns the host of a request, see `Router`.

        Raises:
            ConfigurationError: with every problem: two routes for the same requests, a procedure
                of an unknown transport.
        """
        errors: list[ConfigurationError] = []
        known = (Transport.HTTP, Transport.SOCKET, *transports)
        tables: dict[Transport, list[Definition]] = {transport: [] for transport in known}
        router: Router[HttpDefinition] = Router(host_of)
        events: dict[str, dict[str, WebSocketDefinition]] = {}
        for found in routed(
            d for d in definitions if isinstance(d, HttpDefinition) and d.metadata.routed
        ):
            route = found.metadata
            try:
                router.add(
                    found.method,
                    found.template,
                    found,
                    found.name,
                    route.constraints,
                    head=route.head,
                    place=route.location,
                )
            except ConfigurationError as error:
                errors.append(error)
        for definition in definitions:
            try:
                if isinstance(definition, WebSocketDefinition):
                    events.setdefault(definition.namespace, {})[definition.name] = definition
                elif definition.transport not in tables:
                    raise _unknown_transport(definition, transports)
                tables[definition.transport].append(definition)
            except ConfigurationError as error:
                errors.append(error)
        namespaces = NamespaceTable()
        try:
            namespaces = NamespaceTable.of(
                d for d in definitions if isinstance(d, WebSocketDefinition)
            )
        except ConfigurationError as error:
            errors.append(error)
        if errors:
            raise ConfigurationError.merge(errors)
        return cls(
            tuple(definitions),
            MappingProxyType({t: Definitions(found) for t, found in tables.items()}),
            router,
            events,
            namespaces,
        )


def _unknown_transport(
    definition: Definition, transports: Collection[Transport]
) -> ConfigurationError:
    name = str(definition.transport)
    near = nearest(name, tuple(transports))
    served = f" (they serve {', '.join(transports)})" if transports else ""
    hint = (
        f"did you mean {near!r}?"
        if near
        else f"enable the bundle of this transport, or write transports = "
        f"(Transport({name!r}),) in the class of the bundle that serves it"
    )
    return ConfigurationError(
        f"procedure {definition.name!r} ({definition.metadata.place}) has the transport "
        f"{name!r}, which no enabled bundle serves{served}; {hint}"
    )
