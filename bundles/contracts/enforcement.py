"""Wraps the actions of definitions with their contracts, when the definitions are compiled."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from injector import inject

from bundles.contracts.actions import Action
from bundles.contracts.arguments import forget_arguments
from bundles.contracts.contract import OPTIONS, Contract, contract_of
from bundles.contracts.contract_checks import problems_of, problems_of_arguments
from bundles.contracts.contract_schemas import ContractSchemas, place_of
from bundles.contracts.domain_error import Code, DomainError
from bundles.contracts.example_checks import problems_of_examples
from bundles.contracts.interruption import interrupting
from bundles.contracts.queue import Queue
from bundles.contracts.schemas import Schemas
from bundles.contracts.settings import ContractsSettings
from bundles.contracts.slots import Slots
from bundles.contracts.unset import UNSET
from bundles.contracts.value_checks import (
    Failed,
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
    Request,
    Transport,
    observe,
)

T = TypeVar("T")

Wrapper = Callable[[Action], Action]

_OUTSIDE = -100
"""The priority in ``kernel.definition``: outside of the wrappers of other bundles."""

_EARLY = 100
"""The priority in ``kernel.exception``: other listeners see the text of an error."""


def _has_errors(definition: Definition) -> bool:
    return OPTIONS["errors"] in definition.options


class Contracts:
    """Enforces contracts. Inject it to read its counts.

    Attributes:
        counts: the numbers of calls that were rejected or cancelled, by reason: ``timeout``,
            ``disconnected``, ``queue_full``, ``queue_timeout``. ``running_thread`` is the number
            of cancelled plain ``def`` actions that continued in their threads.
    """

    @inject
    def __init__(self, settings: ContractsSettings, schemas: Schemas, kernel: Kernel) -> None:
        self.counts: Counter[str] = Counter()
        self._settings = settings
        self._schemas = schemas
        self._serializer = kernel.serializer
        self._slots: WeakKeyDictionary[Queue, Slots] = WeakKeyDictionary()

    def slots_of(self, queue: Queue) -> Slots:
        """Return the slots of *queue*. All definitions with the same object share them."""
        slots = self._slots.get(queue)
        if slots is None:
            slots = self._slots[queue] = Slots(queue, self.counts)
        return slots

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_OUTSIDE)
    async def enforce(self, event: DefinitionEvent) -> None:
        """Wrap the action. From the inside: the check of the result, `validate`, the timeout, the
        queues, and the check of the arguments, so that a call with invalid arguments does not
        wait."""
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
            return
        for wrapper in self._wrappers(definition, contract, schemas):
            event.wrap(wrapper)

    def guard(
        self, definition: Definition, action: Action, *, failed: Failed | None = None
    ) -> Action:
        """Return *action* wrapped with the contract of *definition*, for calls within another
        message.

        The queue of the contract is shared with the calls of clients. The queue of the settings is
        not used, since the other message already has a slot of it.

        Args:
            failed: makes the exception for invalid arguments, instead of the 422 for a client: the
                client of the other message has not sent them.
        """
        contract = contract_of(definition) or Contract()
        schemas = self.schemas_of(definition)
        for wrapper in self._wrappers(definition, contract, schemas, is_inner=True, failed=failed):
            action = wrapper(action)
        errors = contract.errors

        async def guarded(request: Request) -> Any:
            forget_arguments(request)
            try:
                return await action(request)
            except DomainError as error:
                described = _described(error, errors)
                if described is error:
                    raise
                raise described from error

        return guarded

    def schemas_of(self, definition: Definition) -> ContractSchemas:
        """Return the compiled schemas of the contract of *definition*."""
        return ContractSchemas.of(contract_of(definition) or Contract(), self._schemas)

    def _wrappers(
        self,
        definition: Definition,
        contract: Contract,
        schemas: ContractSchemas,
        *,
        is_inner: bool = False,
        failed: Failed | None = None,
    ) -> Iterator[Wrapper]:
        """Yield the wrappers of an action, the innermost first."""
        if schemas.returns is not None:
            yield checking_result(schemas.returns, place_of(definition), self._serializer)
        elif _may_return_error(definition):
            yield raising_errors(place_of(definition))
        if contract.validate is not None:
            yield validating(contract.validate, failed)
        yield from self._limits(definition, contract, is_inner)
        if schemas.parameters is not None:
            yield checking_arguments(schemas.parameters, definition, failed)

    def _limits(
        self, definition: Definition, contract: Contract, is_inner: bool
    ) -> Iterator[Wrapper]:
        settings = self._settings
        if definition.options.get("probe"):
            settings = ContractsSettings()
        seconds = settings.timeout if contract.timeout is UNSET else contract.timeout
        if seconds is not None or contract.cancel_on_disconnect:
            yield partial(
                interrupting,
                seconds=seconds,
                on_disconnect=contract.cancel_on_disconnect,
                counts=self.counts,
            )
        if contract.queue is not None and settings.queue is not None and not is_inner:
            yield self.slots_of(settings.queue).limit
        if isinstance(contract.queue, Queue):
            yield self.slots_of(contract.queue).limit

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_EARLY, only=_has_errors)
    async def describe(self, event: ExceptionEvent) -> None:
        """Set the text of a `DomainError` without a text, from the contract."""
        error = event.exception
        if isinstance(error, DomainError) and not error.has_message:
            contract = contract_of(event.request.definition)
            described = error if contract is None else _described(error, contract.errors)
            if described is not error:
                described.__cause__ = error
                event.set_exception(described)


def _described(error: DomainError, errors: Mapping[Code, str]) -> DomainError:
    """Return a copy of *error* with its text from *errors*; *error* itself if it has a text, or if
    *errors* does not have its code."""
    text = None if error.has_message else errors.get(error.code)
    return error if text is None else error.with_message(text)


def _read(problems: list[str], read: Callable[..., T], *given: Any) -> T | None:
    """Return the result of *read*; if it fails, add its errors to *problems* and return None."""
    try:
        return read(*given)
    except ConfigurationError as error:
        problems += error.problems
        return None


def _problems_of_serving(contract: Contract, event: DefinitionEvent) -> Iterator[str]:
    """Yield an error for an action that is not served, since its contract excludes all its
    transports."""
    allowed = contract.transports
    if not allowed or not set(allowed) <= set(event.transports):
        return
    if not _serving(event):
        names = " and ".join(dict.fromkeys(each.transport for each in event.siblings))
        yield (
            f"transports is {list(map(str, allowed))!r}, but the action has labels only for "
            f"{names}, so it would not be served; add a label, or remove the key"
        )


def _serving(event: DefinitionEvent) -> list[Transport]:
    """Return the transports that serve the action."""
    return [*dict.fromkeys(each.transport for each in event.siblings if _is_served(each))]


def _is_served(definition: Definition) -> bool:
    allowed = Contract.readable(definition.options).transports
    return allowed is None or definition.transport in allowed


def _may_return_error(definition: Definition) -> bool:
    """Whether the return annotation allows any value. Then the kernel does not look for a returned
    exception, so a wrapper raises it."""
    return definition.signature.returns in (Any, object)
