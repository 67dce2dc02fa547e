"""Publishes the actions and event handlers of services, and keeps the registry up to date."""

import inspect
from collections.abc import Iterator

from injector import inject

from bundles.gateway.broker.action import ACTION
from bundles.gateway.broker.broker import Broker
from bundles.gateway.broker.emitter import Emitter
from bundles.gateway.broker.on_event import EVENT_HANDLER
from bundles.gateway.broker.transport import ACTIONS, EVENTS
from bundles.gateway.broker.validation import to_validation_error
from rxkernel import (
    ApplicationEvents,
    BootstrapEvent,
    CompiledEvent,
    ConfigurationError,
    Definition,
    DefinitionEvent,
    ExceptionEvent,
    KernelEvents,
    Settings,
    ShutdownEvent,
    Source,
    observe,
)

_FIRST = 2000


def _is_of_broker(definition: Definition) -> bool:
    return definition.transport is ACTIONS or definition.transport is EVENTS


def needs_no_rule(definition: Definition) -> bool:
    """Whether *definition*, which clients cannot call, works without an access rule: it has no
    rule, and no parameter that requires authentication."""
    if "access" in definition.options:
        return False
    described = (parameter.input_description for parameter in definition.signature.parameters)
    return not any(one is not None and 401 in one["statuses"] for one in described)


def _problems_of(definition: Definition) -> Iterator[str]:
    """Yield an error for each parameter that would not receive the expected value."""
    parameters = definition.signature.parameters
    if definition.signature.is_plain and not _is_request(definition, name := parameters[0].name):
        hint = "ctx: CurrentContext" if name in ("ctx", "context") else f"{name}: int"
        yield f"{name!r} has no type, so it is the Request; write a type, as in {hint}"
    has_fields = any(one.source is Source.PARAMS and one.is_required for one in parameters)
    for parameter in parameters if has_fields else ():
        if parameter.source is Source.BODY and not parameter.key and parameter.type is bytes:
            name = parameter.name
            yield (
                f"{name!r} is bytes, which stand for all that the caller passes, and other "
                f"parameters are fields of it; write {name}: Annotated[bytes, Body({name!r})]"
            )


def _is_request(definition: Definition, name: str) -> bool:
    """Whether the parameter *name* is the request, by its name or its declaration."""
    if name == "request":
        return True
    parameter = inspect.signature(definition.function).parameters.get(name)
    return parameter is None or parameter.annotation is not parameter.empty


class BrokerListeners:
    @inject
    def __init__(self, broker: Broker, emitter: Emitter, settings: Settings) -> None:
        self._broker = broker
        self._emitter = emitter
        self._shutdown_timeout = settings.shutdown_timeout

    @observe(ApplicationEvents.BOOTSTRAP)
    async def publish(self, event: BootstrapEvent) -> None:
        """Add the actions and handlers of services that are not controllers."""
        errors = event.add_procedures((ACTIONS, EVENTS), "{} of the broker", "call")
        if errors:
            raise ConfigurationError.merge(errors)

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_FIRST, only=_is_of_broker)
    async def check(self, event: DefinitionEvent) -> None:
        """Check the options, and mark event handlers as public, since they need no access rule."""
        definition = event.definition
        key = ACTION if definition.transport is ACTIONS else EVENT_HANDLER
        options = definition.options.get(key)
        problems = [] if options is None else list(options.problems())
        problems += _problems_of(definition)
        if problems:
            place = f"{definition.metadata.place} ({definition.name!r})"
            raise ConfigurationError(*(f"{place}: {problem}" for problem in problems))
        if definition.transport is EVENTS and needs_no_rule(definition):
            event.set_option("public", True)

    @observe(KernelEvents.KERNEL_COMPILED, priority=_FIRST)
    async def compiled(self, event: CompiledEvent) -> None:
        self._broker.routes.use(event.compiled)

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=-1000, only=_is_of_broker)
    async def name_errors(self, event: ExceptionEvent) -> None:
        """Replace the kernel's error for invalid parameters by the error of Moleculer."""
        error = to_validation_error(event.exception)
        if error is not None:
            event.set_exception(error)

    @observe(ApplicationEvents.SHUTDOWN, priority=-1000)
    async def finish(self, event: ShutdownEvent) -> None:
        """Wait for the handlers of events, including events that other listeners have emitted."""
        await self._emitter.drain(self._shutdown_timeout)
