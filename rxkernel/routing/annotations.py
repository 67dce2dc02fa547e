"""Resolves annotations, and classifies types: read from one text, from several, or a class."""

import builtins
import dataclasses
import functools
import inspect
import types
from collections.abc import (
    Callable,
    Collection,
    Container,
    Mapping,
    Sequence,
    Set,
)
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import (
    Annotated,
    Any,
    Literal,
    NewType,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)
from uuid import UUID

import attrs
import msgspec

SCALARS = (str, int, float, bool, Decimal, datetime, date, time, timedelta, UUID)
"""The types that are read from one text, besides enums and literals."""

_MANY = (list, set, frozenset, tuple, Sequence, Set, Collection)
UNIONS = (Union, types.UnionType)


def resolve(
    function: Callable[..., Any], name: str, annotation: Any, names: dict[str, Any] | None = None
) -> Any:
    """Evaluate *annotation* of parameter *name*, which may be a string.

    *names* are added to the names of the module.

    Raises:
        NameError, and any other exception: it cannot be evaluated.
    """
    holder = types.SimpleNamespace(__annotations__={name: annotation})
    return get_type_hints(holder, _globals(function), names, include_extras=True)[name]


def _globals(function: Any) -> dict[str, Any]:
    """Return the names of the module of *function*, inside the decorators that wrap it."""
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(getattr(function, "__func__", function))
    if not hasattr(function, "__globals__"):
        function = inspect.unwrap(type(function).__call__)
    return getattr(function, "__globals__", {})


def split(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return ``(type, extras)`` of ``Annotated[type, *extras]``."""
    if get_origin(annotation) is Annotated:
        type_, *extras = get_args(annotation)
        return type_, tuple(extras)
    return annotation, ()


def with_constraints(annotation: Any, extras: Sequence[Any]) -> Any:
    """Return *annotation* with *extras*. A `msgspec.Meta` is added to ``X`` of ``X | None``, as
    msgspec requires."""
    members = get_args(annotation) if get_origin(annotation) in UNIONS else ()
    rest = [member for member in members if member is not types.NoneType]
    if len(rest) == 1 and len(members) == 2:
        metas = [extra for extra in extras if isinstance(extra, msgspec.Meta)]
        extras = [extra for extra in extras if not isinstance(extra, msgspec.Meta)]
        annotation = Union[with_constraints(rest[0], metas), None]  # noqa: UP007 - of a variable
    for extra in extras:
        annotation = Annotated[annotation, extra]
    return annotation


def shadowed(annotation: Any) -> str | None:
    """Return the problem if *annotation* is a method with the name of a type, else None."""
    for found in (annotation, *get_args(annotation)):
        if isinstance(found, types.FunctionType) and hasattr(builtins, found.__name__):
            return (
                f"{found.__name__!r} in its type is the method {found.__qualname__}, not the "
                f"type; rename the method"
            )
    return None


def bare(annotation: Any) -> Any:
    """Return *annotation* without ``Annotated``, ``NewType`` and aliases (``type X = …``)."""
    return split_all(annotation)[0]


def split_all(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """As `split`, but also through ``NewType`` and ``type X = …``; outer extras come last."""
    extras: tuple[Any, ...] = ()
    while True:
        annotation, found = split(annotation)
        extras = (*found, *extras)
        inner = unaliased(annotation)
        if inner is annotation:
            return annotation, extras
        annotation = inner


def unaliased(annotation: Any) -> Any:
    """Return the type of a ``NewType`` or an alias (``type X = …``); any other type unchanged."""
    alias = get_origin(annotation) or annotation
    if isinstance(annotation, NewType):
        return annotation.__supertype__
    if type(alias).__name__ == "TypeAliasType":
        given = dict(zip(alias.__type_params__, get_args(annotation), strict=False))
        return substitute(alias.__value__, given)
    return annotation


def substitute(annotation: Any, given: Mapping[Any, Any]) -> Any:
    """Return *annotation* with its type variables replaced by the types in *given*."""
    if isinstance(annotation, TypeVar):
        return given.get(annotation, annotation)
    variables = () if isinstance(annotation, type) else getattr(annotation, "__parameters__", ())
    if not any(variable in given for variable in variables):
        return annotation
    return annotation[tuple(given.get(variable, variable) for variable in variables)]


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union, or *annotation* alone."""
    annotation = bare(annotation)
    if get_origin(annotation) in UNIONS:
        return tuple(m for a in get_args(annotation) for m in alternatives(a))
    return (annotation,)


def without_none(annotation: Any) -> Any:
    """Return ``T`` of ``T | None``; any other type unchanged."""
    rest = [a for a in alternatives(annotation) if a is not types.NoneType]
    return rest[0] if len(rest) == 1 else bare(annotation)


def is_scalar(annotation: Any, scalars: Container[Any] = ()) -> bool:
    """Whether it can be read from one text; None in a union is ignored. *scalars* are the classes
    of custom scalars."""
    members = (a for a in alternatives(annotation) if a is not types.NoneType)
    return all(_is_one_text(member, scalars) for member in members)


def _is_one_text(type_: Any, scalars: Container[Any]) -> bool:
    if get_origin(type_) is Literal or type_ in SCALARS or type_ in scalars:
        return True
    return isinstance(type_, type) and issubclass(type_, Enum)


def is_many(annotation: Any, scalars: Container[Any] = ()) -> bool:
    """Whether it is read from several texts of one name: ``list[int]``, ``set[str] | None``."""
    type_ = without_none(annotation)
    if get_origin(type_) not in _MANY:
        return False
    return all(is_scalar(arg, scalars) for arg in get_args(type_) if arg is not ...)


def is_list(annotation: Any) -> bool:
    """Whether it is a list of any values: ``list``, ``list[User] | None``, ``set[Any]``."""
    type_ = without_none(annotation)
    return (get_origin(type_) or type_) in _MANY


def is_model(annotation: Any) -> bool:
    """Whether it is a class with named fields: attrs, dataclass, Struct or TypedDict."""
    type_ = without_none(annotation)
    cls = get_origin(type_) or type_
    if not isinstance(cls, type):
        return False
    return (
        attrs.has(cls)
        or dataclasses.is_dataclass(cls)
        or issubclass(cls, msgspec.Struct)
        or is_typeddict(cls)
    )
