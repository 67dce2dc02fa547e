"""`@contract`: the contract of a definition with its clients, for every transport."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Self, TypeVar

import attrs

from bundles.contracts.domain_error import Code
from bundles.contracts.example import Example
from bundles.contracts.queue import Queue
from bundles.contracts.unset import UNSET, UnsetType
from rxkernel import BundleOption, ConfigurationError, Definition, Transport, option

F = TypeVar("F", bound=Callable[..., Any])

Errors = Mapping[Code, str] | Sequence[Mapping[str, Any]]
"""The texts of errors by code, or a list of ``{"code": …, "message": …}``."""

Examples = Sequence[Example | Mapping[str, Any]]


@attrs.frozen(kw_only=True)
class Contract:
    """The contract of a definition.

    Attributes:
        caption, description: texts for the documentation.
        parameters: the schema of the arguments: the parameters of the message together with the
            fields of its body.
        validate: a function, which may be async, that is called with the arguments before the
            action. It returns or raises the same as the ``validate`` of a schema.
        timeout: seconds for `validate` and the action together; then the response is 408. None: no
            timeout; UNSET: the timeout of the settings.
        queue: the limit of calls that run at a time, in addition to that of the settings. None: no
            limit, not even that of the settings.
        cancel_on_disconnect: whether the action is cancelled when its client disconnects.
        deprecated: whether clients should not call it any more; a text names the replacement.
        returns: the schema of the result.
        errors: the texts of errors, by code.
        examples: calls that ``rxkernel contracts test`` runs.
        transports: the transports that serve it; None: all for which it has a label.
    """

    caption: str = ""
    description: str = ""
    parameters: Any = None
    validate: Callable[[Any], Any] | None = None
    timeout: float | UnsetType | None = UNSET
    queue: Queue | UnsetType | None = UNSET
    cancel_on_disconnect: bool = False
    deprecated: bool | str = False
    returns: Any = None
    errors: Mapping[Code, str] = MappingProxyType({})
    examples: tuple[Example, ...] = ()
    transports: tuple[Transport, ...] | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Return the contract in the options of a route.

        Raises:
            ConfigurationError: errors, examples or transports cannot be read.
        """
        given, problems = _read_all(options)
        if problems:
            raise ConfigurationError(*problems)
        return cls(**given)

    @classmethod
    def readable(cls, options: Mapping[str, Any]) -> Self:
        """Return the contract without the keys that cannot be read, to check the other keys."""
        return cls(**_read_all(options)[0])

    @property
    def options(self) -> dict[str, Any]:
        """Return the options of a route with this contract, for metadata that is created in
        code."""
        default = type(self)()
        given = {key: getattr(self, key) for key in KEYS}
        return {
            OPTIONS[key]: value for key, value in given.items() if value != getattr(default, key)
        }


KEYS = tuple(field.name for field in attrs.fields(Contract))
OPTIONS = MappingProxyType(
    {key: BundleOption(f"contract.{key}", "contracts", "ContractsBundle") for key in KEYS}
)
"""The option of each key. So a method can override single keys of the contract of its class."""


def contract(
    *,
    caption: str | UnsetType = UNSET,
    description: str | UnsetType = UNSET,
    parameters: Any = UNSET,
    validate: Callable[[Any], Any] | UnsetType | None = UNSET,
    timeout: float | UnsetType | None = UNSET,
    queue: Queue | UnsetType | None = UNSET,
    cancel_on_disconnect: bool | UnsetType = UNSET,
    deprecated: bool | str | UnsetType = UNSET,
    returns: Any = UNSET,
    errors: Errors | UnsetType = UNSET,
    example: Example | Mapping[str, Any] | UnsetType = UNSET,
    examples: Examples | UnsetType = UNSET,
    transports: Sequence[Transport | str] | UnsetType = UNSET,
) -> Callable[[F], F]:
    """Set the contract of a method, or of all routes of a class; see `Contract` for the keys.

    A key of the method overrides the key of the class. *example* is the same as one of *examples*.
    Boot reports the errors in a contract.
    """
    given = {
        "caption": caption,
        "description": description,
        "parameters": parameters,
        "validate": validate,
        "timeout": timeout,
        "queue": queue,
        "cancel_on_disconnect": cancel_on_disconnect,
        "deprecated": deprecated,
        "returns": returns,
        "errors": errors,
        "examples": _all_examples(example, examples),
        "transports": transports,
    }

    def label(labelled: F) -> F:
        for key, value in given.items():
            if value is not UNSET:
                labelled = option(OPTIONS[key], value)(labelled)
        return labelled

    return label


def contract_of(definition: Definition) -> Contract | None:
    """Return the contract of *definition*, or None for a definition without one."""
    if not any(name in definition.options for name in OPTIONS.values()):
        return None
    return Contract.of(definition.options)


def _all_examples(one: Any, several: Any) -> Any:
    if one is UNSET:
        return several
    return [one, *(() if several is UNSET else several)]


def _read_all(options: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the keys of a contract that can be read, and the errors of the others."""
    given = {key: options[name] for key, name in OPTIONS.items() if name in options}
    problems: list[str] = []
    for key, read in _READERS.items():
        if key in given:
            try:
                given[key] = read(given[key])
            except ConfigurationError as error:
                problems += error.problems
                del given[key]
    return given, problems


def _read_errors(given: Any) -> Mapping[Code, str]:
    if isinstance(given, Mapping):
        return MappingProxyType(dict(given))
    found: dict[Any, str] = {}
    problems = []
    for entry in given if isinstance(given, list | tuple) else [given]:
        is_entry = isinstance(entry, Mapping) and entry.keys() == {"code", "message"}
        code: Any = entry["code"] if is_entry else entry
        if is_entry and isinstance(code, str | int):
            found[code] = entry["message"]
        else:
            problems.append(
                f"errors has {entry!r}; write a mapping of codes to texts, or a list of "
                f'{{"code": …, "message": …}}'
            )
    if problems:
        raise ConfigurationError(*problems)
    return MappingProxyType(found)


def _read_examples(given: Any) -> tuple[Example, ...]:
    if not isinstance(given, list | tuple):
        raise ConfigurationError(f"examples is {given!r}; write a list of Example(…)")
    problems = []
    found: list[Example] = []
    for example in given:
        if isinstance(example, Mapping):
            try:
                example = Example(**example)
            except TypeError as exc:
                problems.append(f"example {example!r} cannot be read: {exc}")
                continue
        if isinstance(example, Example):
            found.append(example)
        else:
            problems.append(f"examples has {example!r}; write Example(…)")
    if problems:
        raise ConfigurationError(*problems)
    return tuple(found)


def _read_transports(given: Any) -> tuple[Transport, ...] | None:
    if given is None:
        return None
    names = [given] if isinstance(given, str) else given
    try:
        return tuple(map(Transport, names))
    except (TypeError, ValueError, ConfigurationError) as exc:
        raise ConfigurationError(f"transports is {given!r}: {exc}") from exc


_READERS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {"errors": _read_errors, "examples": _read_examples, "transports": _read_transports}
)
