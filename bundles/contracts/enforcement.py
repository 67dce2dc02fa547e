"""Puts the contracts around the actions of definitions, when these are compiled."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from injector import inject

from bundles.contracts.contract import OPTIONS, Contract, contract_of
from bundles.contracts.contract_checks import problems_of, problems_of_arguments
from bundles.contracts.contract_schemas import ContractSchemas, place_of
from bundles.contracts.domain_error import DomainError
from bundles.contracts.example_checks import problems_of_examples
from bundles.contracts.interruption import interrupting
from bundles.contracts.queue import Queue
from bundles.contracts.schemas import Schemas
from bundles.contracts.settings import ContractsSettings
from bundles.contracts.slots import Slots
from bundles.contracts.unset import UNSET
from bundles.contracts.value_checks import (
    checking_arguments,
    checking_result,
    raising_errors,
    validating,
)
from rxkernel import (
    ConfigurationError,
    Definition,
    DefinitionEvent,
    ExceptionEvent,
    Kernel,
    KernelEvents,
    Transport,
    observe,
)

T = TypeVar("T")

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
    def __init__(self, settings: ContractsSettings, schemas: Schemas, kernel: Kernel) -> None:
        self.counts: Counter[str] = Counter()
        self._settings = settings
        self._schemas = schemas
        self._serializer = kernel.serializer
        self._slots: WeakKeyDictionary[Queue, Slots] = WeakKeyDictionary()

    def slots_of(self, queue: Queue) -> Slots:
        """Return the slots of *queue*, which all definitions with this object share."""
        slots = self._slots.get(queue)
        if slots is None:
            slots = self._slots[queue] = Slots(queue, self.counts)
        return slots

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_OUTSIDE)
    async def enforce(self, event: DefinitionEvent) -> None:
        """Wrap the action: the result inside, then `validate`, the timeout, the queues, and the
        arguments outside, so that a call with invalid ones does not wait."""
        definition = event.definition
        problems: list[str] = []
        contract = _read(problems, contract_of, definition) or Contract.readable(
            definition.options
        )
        problems += problems_of(contract, definition.signature, event.transports)
        problems += _problems_of_serving(contract, event)
        schemas = _read(problems, ContractSchemas.of, contract, self._schemas)
        if schemas is not None:
            problems += problems_of_arguments(schemas.parameters, definition.signature)
            serving = partial(_serving, event)
            problems += problems_of_examples(contract, definition, schemas, serving)
        if problems or schemas is None:
            place = f"the contract of {place_of(definition)}"
            raise ConfigurationError(*(f"{place}: {problem}" for problem in problems))
        if contract.transports is not None and definition.transport not in contract.transports:
            event.exclude()
        else:
            self._wrap(event, contract, schemas)

    def schemas_of(self, definition: Definition) -> ContractSchemas:
        """Return the compiled schemas of the contract of *definition*."""
        return ContractSchemas.of(contract_of(definition) or Contract(), self._schemas)

    def _wrap(self, event: DefinitionEvent, contract: Contract, schemas: ContractSchemas) -> None:
        if schemas.returns is not None:
            event.wrap(
                checking_result(schemas.returns, place_of(event.definition), self._serializer)
            )
        elif _may_return_error(event.definition):
            event.wrap(raising_errors)
        if contract.validate is not None:
            event.wrap(validating(contract.validate))
        self._limit(event, contract)
        if schemas.parameters is not None:
            parameters = event.definition.signature.parameters
            event.wrap(checking_arguments(schemas.parameters, parameters))

    def _limit(self, event: DefinitionEvent, contract: Contract) -> None:
        settings = self._settings
        if event.definition.options.get("probe"):
            settings = ContractsSettings()
        seconds = settings.timeout if contract.timeout is UNSET else contract.timeout
        if seconds is not None or contract.cancel_on_disconnect:
            event.wrap(
                lambda action: interrupting(
                    action,
                    seconds,
                    on_disconnect=contract.cancel_on_disconnect,
                    counts=self.counts,
                )
            )
        if contract.queue is not None and settings.queue is not None:
            event.wrap(self.slots_of(settings.queue).limit)
        if isinstance(contract.queue, Queue):
            event.wrap(self.slots_of(contract.queue).limit)

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_EARLY, only=_has_errors)
    async def describe(self, event: ExceptionEvent) -> None:
        """Set the text of a `DomainError` without a message."""
        error = event.exception
        if isinstance(error, DomainError) and not error.has_message:
            contract = contract_of(event.request.definition)
            text = None if contract is None else contract.errors.get(error.code)
            if text is not None:
                described = error.with_message(text)
                described.__cause__ = error
                event.set_exception(described)


def _read(problems: list[str], read: Callable[..., T], *given: Any) -> T | None:
    """Call *read*; None if it fails, and then add its problems."""
    try:
        return read(*given)
    except ConfigurationError as error:
        problems += error.problems
        return None


def _problems_of_serving(contract: Contract, event: DefinitionEvent) -> Iterator[str]:
    """Yield the problem of an action that no transport serves, since its contract excludes all."""
    allowed = contract.transports
    if not allowed or not set(allowed) <= set(event.transports):
        return
    if not _serving(event):
        names = " and ".join(dict.fromkeys(each.transport for each in _labelled(event)))
        yield (
            f"transports is {list(map(str, allowed))!r}, but the action has labels for {names} "
            f"only, so nothing would serve it; add a label, or remove the key"
        )


def _labelled(event: DefinitionEvent) -> list[Definition]:
    """The definitions of the action."""
    place = event.definition.metadata.place
    return [each for each in event.definitions if each.metadata.place == place]


def _serving(event: DefinitionEvent) -> list[Transport]:
    """The transports that serve the action."""
    return [*dict.fromkeys(each.transport for each in _labelled(event) if _is_served(each))]


def _is_served(definition: Definition) -> bool:
    allowed = Contract.readable(definition.options).transports
    return allowed is None or definition.transport in allowed


def _may_return_error(definition: Definition) -> bool:
    """Whether the return annotation allows a `DomainError` without naming it; then the kernel does
    not raise it."""
    return definition.signature.returns in (Any, object)
