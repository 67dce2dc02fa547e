"""Annotations: resolved once, and sorted into what a text, a body, or nothing can become."""

import dataclasses
import functools
import inspect
import types
from collections.abc import Callable, Collection, Iterator, Sequence, Set
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import (
    Annotated,
    Any,
    Literal,
    NewType,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)
from uuid import UUID

import attrs
import msgspec
from msgspec import inspect as msgspec_inspect

from rxkernel.messages.upload import UploadedFile

SCALARS = (str, int, float, bool, Decimal, datetime, date, time, timedelta, UUID)
"""What one text can become, with enums and literals."""

_MANY = (list, set, frozenset, tuple, Sequence, Set, Collection)
UNIONS = (Union, types.UnionType)


def resolve(function: Callable[..., Any], name: str, annotation: Any) -> Any:
    """The type that *annotation* of parameter *name* is written for, a text evaluated.

    Raises:
        NameError, and whatever evaluating raises: it cannot be.
    """
    holder = types.SimpleNamespace(__annotations__={name: annotation})
    return get_type_hints(holder, _globals(function), include_extras=True)[name]


def _globals(function: Any) -> dict[str, Any]:
    """The names of the module where *function* is written, under decorators that wrap it."""
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(getattr(function, "__func__", function))
    if not hasattr(function, "__globals__"):
        function = inspect.unwrap(type(function).__call__)
    return getattr(function, "__globals__", {})


def split(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """``(type, extras)`` of ``Annotated[type, *extras]``."""
    if get_origin(annotation) is Annotated:
        type_, *extras = get_args(annotation)
        return type_, tuple(extras)
    return annotation, ()


def bare(annotation: Any) -> Any:
    """*annotation* without ``Annotated``, ``NewType`` and names given by ``type X = …``."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        else:
            return annotation


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or *annotation* alone."""
    annotation = bare(annotation)
    if get_origin(annotation) in UNIONS:
        return tuple(m for a in get_args(annotation) for m in alternatives(a))
    return (annotation,)


def without_none(annotation: Any) -> Any:
    """``T`` of ``T | None``; *annotation* itself where it is no such thing."""
    rest = [a for a in alternatives(annotation) if a is not types.NoneType]
    return rest[0] if len(rest) == 1 else bare(annotation)


def is_scalar(annotation: Any) -> bool:
    """Whether one text can become it; None among the alternatives does not matter."""
    return all(_is_one_text(a) for a in alternatives(annotation) if a is not types.NoneType)


def _is_one_text(type_: Any) -> bool:
    if get_origin(type_) is Literal or type_ in SCALARS:
        return True
    return isinstance(type_, type) and issubclass(type_, Enum)


def is_many(annotation: Any) -> bool:
    """Whether several texts of one name can become it: ``list[int]``, ``set[str] | None``."""
    type_ = without_none(annotation)
    if get_origin(type_) not in _MANY:
        return False
    return all(is_scalar(arg) for arg in get_args(type_) if arg is not ...)


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


UNREADABLE = (TypeError, ValueError, AttributeError, NotImplementedError, RecursionError)
"""What msgspec raises of a type that it cannot read, besides NameError."""


def said_of(exc: Exception) -> str:
    """Why msgspec cannot read a type, with a cure where it tells none."""
    if isinstance(exc, NotImplementedError) and "takes_self" in str(exc):
        return (
            "a default of attrs that takes self is not known of from outside; set the field in "
            "__attrs_post_init__ instead"
        )
    if isinstance(exc, AttributeError):
        return f"an annotation in it cannot be read: {exc}; mend the name"
    return str(exc) or type(exc).__name__


def unreadable(annotation: Any) -> str | None:
    """Why no value of a client can become *annotation*; None when it can."""
    try:
        msgspec.json.Decoder(annotation)
        info = msgspec_inspect.type_info(annotation)
    except NameError as exc:
        return f"the name {exc.name!r} in it is not known; import it outside of TYPE_CHECKING"
    except UNREADABLE as exc:
        return said_of(exc)
    for cls in classes_in(info, set()):
        name = getattr(cls, "__qualname__", str(cls))
        if cls is UploadedFile:
            return "uploads come as UploadedFile or list[UploadedFile], each by its own parameter"
        if not (cls is object or is_model(cls)):
            return (
                f"{name} is no type that a request can be read into; make it an attrs class, a "
                f"dataclass or a msgspec.Struct, or, for a service, write Annotated[…, Inject()]"
            )
    return None


def is_custom(annotation: Any) -> bool:
    """Whether msgspec knows nothing of it but the class."""
    try:
        info = msgspec_inspect.type_info(annotation)
    except (*UNREADABLE, NameError):
        return False
    return isinstance(info, msgspec_inspect.CustomType)


def classes_in(info: Any, seen: set[int]) -> Iterator[Any]:
    """The classes in a type that have fields, and those that msgspec knows nothing of."""
    if isinstance(info, msgspec_inspect.CustomType | msgspec_inspect.DataclassType):
        yield get_origin(info.cls) or info.cls
    if isinstance(info, tuple):
        for member in info:
            yield from classes_in(member, seen)
    elif isinstance(info, msgspec_inspect.Type | msgspec_inspect.Field) and id(info) not in seen:
        seen.add(id(info))
        for name in info.__struct_fields__:
            yield from classes_in(getattr(info, name), seen)
