"""Adds the subscribers, and reports in readiness probes that the bus cannot be used."""

from injector import inject

from bundles.scale.bus.bus import Bus
from bundles.scale.bus.link import Link, NoLink
from bundles.scale.bus.subscribe import SUBSCRIPTION
from bundles.scale.bus.transport import BUS_EVENTS
from rxkernel import (
    ApplicationEvents,
    BootstrapEvent,
    CompiledEvent,
    ConfigurationError,
    Definition,
    DefinitionEvent,
    KernelEvents,
    ReadinessEvent,
    ServerEvents,
    Settings,
    observe,
)

_FIRST = 2000


def _is_subscriber(definition: Definition) -> bool:
    return definition.transport is BUS_EVENTS


class BusListeners:
    @inject
    def __init__(self, bus: Bus, link: Link, settings: Settings) -> None:
        self._bus = bus
        self._link = link
        self._has_workers = settings.http.reuse_port

    @observe(ApplicationEvents.BOOTSTRAP)
    async def publish(self, event: BootstrapEvent) -> None:
        """Add the subscribers of services that are not controllers."""
        errors = event.add_procedures((BUS_EVENTS,), "the subscriber {}", "run")
        if errors:
            raise ConfigurationError.merge(errors)

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_FIRST, only=_is_subscriber)
    async def check(self, event: DefinitionEvent) -> None:
        """Mark subscribers as public: clients do not reach them, so they need no access rule."""
        definition = event.definition
        place = definition.metadata.place
        if SUBSCRIPTION not in definition.options:
            raise ConfigurationError(f"{place} is a procedure of {BUS_EVENTS}; use @subscribe")
        if self._has_workers and isinstance(self._link, NoLink):
            raise ConfigurationError(
                f'{place} has @subscribe, but scale.bus is "memory", so events of other workers '
                f'would not reach it; set scale.bus to "redis"'
            )
        if "access" not in definition.options:
            event.set_option("public", True)

    @observe(KernelEvents.KERNEL_COMPILED, priority=_FIRST)
    async def compiled(self, event: CompiledEvent) -> None:
        self._bus.use(event.compiled)

    @observe(ServerEvents.READINESS)
    async def report(self, event: ReadinessEvent) -> None:
        problem = self._link.problem
        if problem is not None:
            event.fail("bus", problem)
