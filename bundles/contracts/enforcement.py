"""Puts the contracts around the actions of definitions, when these are compiled."""

from collections import Counter
from typing import Any
from weakref import WeakKeyDictionary

from injector import inject

from bundles.contracts.actions import Action
from bundles.contracts.contract import OPTIONS, Contract, contract_of
from bundles.contracts.contract_checks import problems_of
from bundles.contracts.domain_error import DomainError
from bundles.contracts.interruption import interrupting
from bundles.contracts.queue import Queue
from bundles.contracts.settings import ContractsSettings
from bundles.contracts.slots import Slots
from bundles.contracts.unset import UNSET
from rxkernel import (
    ConfigurationError,
    Definition,
    DefinitionEvent,
    ExceptionEvent,
    KernelEvents,
    Request,
    observe,
)

_OUTSIDE = -100
"""The priority in ``kernel.definition``: around the wrappers of other bundles."""

_EARLY = 100
"""The priority in ``kernel.exception``: other listeners see the text of an error."""


def _has_errors(definition: Definition) -> bool:
    return OPTIONS["errors"] in definition.options


class Contracts:
    """Enforces contracts. Inject it to read what happened.

    Attributes:
        counts: how often calls were rejected or cancelled: ``timeout``, ``disconnected``,
            ``queue_full``, ``queue_timeout``; and ``running_thread`` for cancelled plain ``def``
            actions that ran on in their threads.
    """

    @inject
    def __init__(self, settings: ContractsSettings) -> None:
        self.counts: Counter[str] = Counter()
        self._settings = settings
        self._slots: WeakKeyDictionary[Queue, Slots] = WeakKeyDictionary()

    def slots_of(self, queue: Queue) -> Slots:
        """Return the slots of *queue*, which all definitions with this object share."""
        slots = self._slots.get(queue)
        if slots is None:
            slots = self._slots[queue] = Slots(queue, self.counts)
        return slots

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_OUTSIDE)
    async def enforce(self, event: DefinitionEvent) -> None:
        """Wrap the action: the schemas inside, then the timeout, then the queues."""
        definition = event.definition
        try:
            contract = contract_of(definition) or Contract()
            if problems := [*problems_of(contract, definition, event.transports)]:
                raise ConfigurationError(*problems)
        except ConfigurationError as error:
            place = f"the contract of route {definition.name!r} ({definition.metadata.place})"
            raise ConfigurationError(
                *(f"{place}: {problem}" for problem in error.problems)
            ) from error
        if contract.transports is not None and definition.transport not in contract.transports:
            event.exclude()
            return
        self._wrap(event, contract)

    def _wrap(self, event: DefinitionEvent, contract: Contract) -> None:
        definition, settings = event.definition, self._settings
        is_probe = bool(definition.options.get("probe"))
        if contract != Contract() and _may_return_error(definition):
            event.wrap(_raising)
        seconds = contract.timeout
        if seconds is UNSET:
            seconds = None if is_probe else settings.timeout
        if seconds is not None or contract.cancel_on_disconnect:
            event.wrap(
                lambda action: interrupting(
                    action,
                    seconds,
                    on_disconnect=contract.cancel_on_disconnect,
                    counts=self.counts,
                )
            )
        if contract.queue is not None and settings.queue is not None and not is_probe:
            event.wrap(self.slots_of(settings.queue).limit)
        if isinstance(contract.queue, Queue):
            event.wrap(self.slots_of(contract.queue).limit)

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_EARLY, only=_has_errors)
    async def describe(self, event: ExceptionEvent) -> None:
        """Set the text of a `DomainError` that has none."""
        error = event.exception
        if isinstance(error, DomainError) and not error.has_message:
            contract = contract_of(event.request.definition)
            text = None if contract is None else contract.errors.get(error.code)
            if text is not None:
                described = error.with_message(text)
                described.__cause__ = error
                event.set_exception(described)


def _may_return_error(definition: Definition) -> bool:
    """Whether the return annotation allows a `DomainError` without naming it; then nothing else
    raises it."""
    return definition.signature.returns in (Any, object)


def _raising(action: Action) -> Action:
    async def checked(request: Request) -> Any:
        result = await action(request)
        if isinstance(result, DomainError):
            raise result.copy()
        return result

    return checked
