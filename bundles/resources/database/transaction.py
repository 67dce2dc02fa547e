"""`@transaction`: the transaction of the messages of a route."""

from collections.abc import Callable, Iterator, Sequence
from types import EllipsisType
from typing import Any, ClassVar, TypeVar

import attrs

from bundles.resources.database.mode import ISOLATIONS, READONLY, READS, WRITES, Isolation, Mode
from rxkernel import BundleOption, ConfigurationError, Definition, HttpDefinition, option

F = TypeVar("F", bound=Callable[..., Any])

OPTION = BundleOption("transaction", "resources", "ResourcesBundle(Base)")
"""The option of routes with the value of `@transaction`."""

_READING = ("GET", "HEAD")


@attrs.frozen(repr=False)
class Transaction:
    """The value of the option, and its decorator; made by `transaction`.

    Attributes:
        is_off: whether the action has no transaction.
        readonly, isolation: see `Mode`.
        retries: the maximum number of further calls of the action after conflicts with other
            transactions.
    """

    bundle_option: ClassVar = OPTION

    is_off: bool = False
    readonly: bool = False
    isolation: Isolation | None = None
    retries: int = 0

    def __call__(self, labelled: F) -> F:
        return option(OPTION, self)(labelled)

    def __repr__(self) -> str:
        if self.is_off:
            return "None"
        parts = ["readonly"] if self.readonly else []
        parts += [self.isolation] if self.isolation else []
        parts += [f"retries={self.retries}"] if self.retries else []
        return " ".join(parts) or "default"


DEFAULT = Transaction()


def transaction(
    uses: EllipsisType | None = ...,
    /,
    *,
    readonly: bool = False,
    isolation: Isolation | None = None,
    retries: int = 0,
) -> Transaction:
    """Set the transaction of an action, or of all actions of a class.

    With ``@transaction(None)`` an action has no transaction, and a session in it is an error.

    Args:
        readonly: whether the database rejects statements that write.
        isolation: ``"READ COMMITTED"``, ``"REPEATABLE READ"`` or ``"SERIALIZABLE"``.
        retries: the maximum number of further calls of the action if its transaction fails because
            of another one, by a serialization failure or a deadlock. The arguments are bound
            again.
    """
    if uses is not None and uses is not ...:
        raise ConfigurationError(
            f"@transaction({uses!r}) is not possible; write @transaction(None), or name the "
            f"arguments: @transaction(readonly=True)"
        )
    given = Transaction(uses is None, readonly, isolation, retries)
    if problems := list(_problems(given)):
        raise ConfigurationError(*(f"@transaction: {problem}" for problem in problems))
    return given


def _problems(given: Transaction) -> Iterator[str]:
    if given.is_off and given != Transaction(is_off=True):
        yield "None means no transaction, so no other arguments are allowed"
    if given.isolation is not None and given.isolation not in ISOLATIONS:
        yield f"isolation is {given.isolation!r}; it must be one of {', '.join(ISOLATIONS)}"
    if not isinstance(given.retries, int) or given.retries < 0:
        yield f"retries is {given.retries!r}; it must be a whole number, 0 or more"


def transaction_of(definition: Definition) -> Transaction:
    """Return the option of *definition*, or the default.

    Raises:
        ConfigurationError: the option was not set by `transaction`.
    """
    given = definition.options.get(OPTION, DEFAULT)
    if not isinstance(given, Transaction):
        raise ConfigurationError(
            f"option 'transaction' of {definition.name!r} is {given!r}; write @transaction(…)"
        )
    return given


def mode_of(definition: Definition, siblings: Sequence[Definition]) -> Mode:
    """Return the mode of the sessions of *definition*, by its option.

    GET and HEAD do not take SQLite's write lock. A socket event whose action also has an HTTP
    route, among *siblings*, has the mode of that route.
    """
    given = transaction_of(definition)
    if given.readonly:
        return attrs.evolve(READONLY, isolation=given.isolation)
    methods = [s.method for s in (definition, *siblings) if isinstance(s, HttpDefinition)]
    if isinstance(definition, HttpDefinition):
        methods = [definition.method]
    reads = bool(methods) and all(method in _READING for method in methods)
    return attrs.evolve(READS if reads else WRITES, isolation=given.isolation)
