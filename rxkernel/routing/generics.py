"""Generic types: resolves type variables, and rejects unresolved ones at boot.

msgspec treats an unresolved variable as `Any`: input would not be validated, and output would not
be filtered.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import (
    Any,
    Literal,
    ParamSpec,
    TypeVar,
    TypeVarTuple,
    get_args,
    get_origin,
    is_typeddict,
)

from msgspec import inspect as msgspec_inspect

from rxkernel.exceptions import ConfigurationError
from rxkernel.messages.type_infos import infos_in
from rxkernel.routing.annotations import bare, is_model, resolve, substitute
from rxkernel.routing.scalars import NO_SCALARS, Scalars
from rxkernel.routing.type_info import type_info
from rxkernel.routing.type_support import UNREADABLE

_VARIABLES = (TypeVar, ParamSpec, TypeVarTuple)

TypeArguments = Mapping[Any, Any]
"""The type of each type variable of a class."""


def resolve_in(cls: type, action: str, function: Callable[..., Any], name: str, kind: Any) -> Any:
    """Resolve the annotation *kind* of parameter *name* of *function*, the *action* of *cls*.

    ``T`` of a method of ``Crud[T]`` becomes ``User`` in ``class Users(Crud[User])``.

    Raises:
        NameError, and any other exception: it cannot be evaluated.
    """
    owner = next((c for c in cls.__mro__ if action in vars(c)), cls)
    whole = inspect.unwrap(getattr(function, "__func__", function))
    variables = (*getattr(owner, "__type_params__", ()), *getattr(whole, "__type_params__", ()))
    names = {variable.__name__: variable for variable in variables}
    return substitute(resolve(function, name, kind, names), types_in(cls).get(owner, {}))


def types_in(cls: type) -> dict[type, TypeArguments]:
    """Return the type arguments of *cls* and of each of its base classes."""
    found: dict[type, TypeArguments] = {}
    _gather(cls, {}, found)
    return found


def _gather(cls: type, given: TypeArguments, found: dict[type, TypeArguments]) -> None:
    if found.get(cls):
        return
    found[cls] = given
    for base in vars(cls).get("__orig_bases__", cls.__bases__):
        origin = get_origin(base) or base
        variables = _variables_of(origin)
        arguments = [substitute(argument, given) for argument in get_args(base)]
        if isinstance(origin, type):
            fits = len(variables) == len(arguments)
            _gather(origin, dict(zip(variables, arguments, strict=True)) if fits else {}, found)


def check_closed(annotation: Any, scalars: Scalars = NO_SCALARS) -> None:
    """Reject a type with unresolved type variables, at any depth.

    Raises:
        ConfigurationError: with the type and a hint.
    """
    for problem in _open_in(annotation, scalars):
        raise ConfigurationError(problem)


def _open_in(annotation: Any, scalars: Scalars) -> Iterator[str]:
    """Yield a problem for each type variable, and each generic class without arguments."""
    annotation = bare(annotation)
    if isinstance(annotation, _VARIABLES):
        yield (
            f"the type variable {annotation.__name__} has no type; write one in the base class, "
            f"as in class Users(Crud[User]), or replace the variable by a type"
        )
    elif get_origin(annotation) is not Literal:
        for argument in get_args(annotation):
            yield from _open_in(argument, scalars)
        if is_model(annotation):
            yield from _open_in_fields(annotation, scalars)
        elif isinstance(annotation, type) and _variables_of(annotation):
            yield _bare_class(annotation)


def _bare_class(cls: type) -> str:
    return f"{cls.__qualname__} is generic; write its type, as in {cls.__qualname__}[User]"


def _variables_of(cls: Any) -> tuple[Any, ...]:
    return getattr(cls, "__parameters__", ())


def _open_in_fields(model: Any, scalars: Scalars) -> Iterator[str]:
    try:
        infos = list(infos_in(type_info(model, scalars), set()))
    except (*UNREADABLE, NameError):  # `unreadable` reports it
        return
    places = {
        id(field.type): (info.cls, field.name)
        for info in infos
        for field in getattr(info, "fields", ())
    }
    for info in (info for info in infos if hasattr(info, "cls")):
        problems = list(_open_in_class(info.cls))
        if problems and id(info) in places and isinstance(info, msgspec_inspect.CustomType):
            yield _foreign_field(*places[id(info)], info.cls)
        else:
            yield from problems


def _open_in_class(cls: Any) -> Iterator[str]:
    own = get_origin(cls) or cls
    if own is cls and _variables_of(cls):
        yield _bare_class(cls)
    for base, given in types_in(own).items():
        if base is own or not _variables_of(base):
            continue
        if is_typeddict(own):  # msgspec does not resolve the variables of its bases
            yield f"{own.__qualname__} derives from a generic TypedDict; write its fields"
        elif any(variable not in given for variable in _variables_of(base)):
            yield _bare_class(base)


def _foreign_field(model: Any, field: str, cls: Any) -> str:
    """Return the problem of a field of a generic class that msgspec does not support, such as a
    column of an ORM."""
    name = (get_origin(model) or model).__qualname__
    kind = (get_origin(cls) or cls).__qualname__
    return (
        f"the field {field} of {name} is of the class {kind}, which is not supported in JSON; "
        f"declare an attrs class or a dataclass with the fields that are sent"
    )
