"""Finds examples that do not fit their definition, at boot."""

from collections.abc import Callable, Collection, Iterator, Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from bundles.contracts.contract import Contract
from bundles.contracts.contract_schemas import ContractSchemas
from bundles.contracts.domain_error import is_code
from bundles.contracts.example import Example
from bundles.contracts.unset import UNSET
from rxkernel import (
    Definition,
    HttpDefinition,
    HttpException,
    Parameter,
    Response,
    Source,
    Transport,
    UnprocessableEntityException,
    Validator,
)

_MISSING: Any = object()


def problems_of_examples(
    contract: Contract,
    definition: Definition,
    schemas: ContractSchemas,
    serving: Callable[[], Collection[Transport]],
) -> Iterator[str]:
    """Yield each error in the examples of *contract*. *serving* returns the transports that serve
    the action; it is called only if needed, since it searches all definitions."""
    for example in contract.examples:
        found = [
            *_wrong_types(example),
            *_wrong_transports(example, serving),
            *_wrong_error(example, contract),
            *_wrong_arguments(example, definition, schemas),
            *_wrong_result(example, definition, schemas),
        ]
        yield from (f"{example!r} is invalid: {problem}" for problem in found)


def _wrong_types(example: Example) -> Iterator[str]:
    if not isinstance(example.params, Mapping):
        yield f"params is {example.params!r}; it must be a mapping"
    if example.error is not None and example.returns is not UNSET:
        yield "it has both returns and error; remove one of them"
    if example.user is not None and not isinstance(example.user, str):
        yield f"user is {example.user!r}; it must be a text, the identifier of a user"


def _wrong_transports(
    example: Example, serving: Callable[[], Collection[Transport]]
) -> Iterator[str]:
    given = example.transports
    if given is None:
        return
    if not isinstance(given, list | tuple) or not given:
        yield f"transports is {given!r}; it must be a list of transports, or None"
        return
    served = serving()
    for name in given:
        if name not in served:
            yield (
                f"transports has {name!r}, which does not serve the action; it is served by: "
                f"{', '.join(served)}"
            )


def _wrong_error(example: Example, contract: Contract) -> Iterator[str]:
    if example.error is None:
        return
    if not is_code(example.error):
        yield f"error is {example.error!r}; it must be a word or a whole number"
    elif example.error not in contract.errors:
        yield (
            f"error is {example.error!r}, which is not in the errors of the contract; add "
            f"errors={{{example.error!r}: …}}"
        )


def _wrong_arguments(
    example: Example, definition: Definition, schemas: ContractSchemas
) -> Iterator[str]:
    if not isinstance(example.params, Mapping):
        return
    in_path = definition.template.parameters if isinstance(definition, HttpDefinition) else ()
    missing = [name for name in in_path if name not in example.params]
    yield from (f"params.{name} is missing; the path requires it" for name in missing)
    if schemas.parameters is not None:
        body = example.body
        is_object = body is None or isinstance(body, Mapping)
        arguments = {**(body or {}), **example.params} if is_object else body
        yield from _problems(schemas.parameters.validate, arguments, "arguments")
        return
    for parameter in definition.signature.parameters:
        if parameter.key not in missing:
            yield from _wrong_argument(example, parameter)


def _wrong_argument(example: Example, parameter: Parameter) -> Iterator[str]:
    if parameter.source is Source.PARAMS:
        value = example.params.get(parameter.key, _MISSING)
        path = f"params.{parameter.key}"
    elif parameter.source is Source.BODY:
        value = _MISSING if example.body is None else example.body
        path = "body"
        if parameter.key and isinstance(value, Mapping):
            value = value.get(parameter.key, _MISSING)
            path = f"body.{parameter.key}"
    else:
        return
    if value is _MISSING:
        if parameter.is_required:
            yield f"{path} is missing"
    elif not parameter.is_converted:
        yield from _problems_of_type(parameter.type, value, path)


def _wrong_result(
    example: Example, definition: Definition, schemas: ContractSchemas
) -> Iterator[str]:
    if example.returns is UNSET:
        return
    if schemas.returns is not None:
        yield from _problems(schemas.returns.validate, example.returns, "returns")
        return
    members = [*_members(definition.signature.returns)]
    if members and not any(member in (Any, object) for member in members):
        type_: Any = Union[tuple(members)]  # noqa: UP007 - made of a list
        yield from _problems_of_type(type_, example.returns, "returns")


def _members(returns: Any) -> Iterator[Any]:
    """Yield the alternatives of *returns* that are neither responses nor exceptions."""
    is_union = get_origin(returns) in (Union, UnionType)
    for member in get_args(returns) if is_union else (returns,):
        if not (isinstance(member, type) and issubclass(member, Response | HttpException)):
            yield member


def _problems_of_type(type_: Any, value: Any, path: str) -> Iterator[str]:
    try:
        validator = Validator(type_)
    except (TypeError, NameError):  # a type of the application, which only the action reads
        return
    yield from _problems(validator.validate, value, path)


def _problems(validate: Callable[..., Any], value: Any, path: str) -> Iterator[str]:
    try:
        validate(value, path)
    except UnprocessableEntityException as exc:
        yield from (f"{entry['path']}: {entry['message']}" for entry in exc.errors)
