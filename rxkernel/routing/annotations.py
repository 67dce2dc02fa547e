"""Resolves annotations, and classifies them: read from a text, from a body, or not readable."""

import builtins
import dataclasses
import functools
import inspect
import types
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    KeysView,
    Mapping,
    Sequence,
    Set,
    ValuesView,
)
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
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
from msgspec import inspect as msgspec_inspect

from rxkernel.messages.content_hints import content_hint, is_foreign_response
from rxkernel.messages.upload import UploadedFile

SCALARS = (str, int, float, bool, Decimal, datetime, date, time, timedelta, UUID)
"""The types that are read from one text, besides enums and literals."""

_MANY = (list, set, frozenset, tuple, Sequence, Set, Collection)
UNIONS = (Union, types.UnionType)
_STRUCTURED = (
    msgspec_inspect.StructType,
    msgspec_inspect.DataclassType,
    msgspec_inspect.TypedDictType,
    msgspec_inspect.NamedTupleType,
    msgspec_inspect.DictType,
)
_SENDABLE = (str, bytes, list, tuple, Mapping, Set, KeysView, ValuesView, PurePath)
"""Classes whose instances can be encoded as JSON, though msgspec cannot decode them."""


def resolve(
    function: Callable[..., Any], name: str, annotation: Any, names: dict[str, Any] | None = None
) -> Any:
    """Evaluate *annotation* of parameter *name*, which may be a string.

    *names* are added to the names of the module.

    Raises:
        NameError, and other exceptions of evaluation: it cannot be evaluated.
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
    """Return *annotation* with *extras*; a `msgspec.Meta` is put on ``X`` of ``X | None``, where
    msgspec requires it."""
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
                f"{found.__name__!r} in it is the method {found.__qualname__}, not the type; give "
                f"the method another name"
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


def is_scalar(annotation: Any) -> bool:
    """Whether it can be read from one text; a member None is ignored."""
    return all(_is_one_text(a) for a in alternatives(annotation) if a is not types.NoneType)


def _is_one_text(type_: Any) -> bool:
    if get_origin(type_) is Literal or type_ in SCALARS:
        return True
    return isinstance(type_, type) and issubclass(type_, Enum)


def is_many(annotation: Any) -> bool:
    """Whether it is read from several texts of one name: ``list[int]``, ``set[str] | None``."""
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
"""The exceptions of msgspec for an unsupported type, besides NameError."""


def describe_error(exc: Exception) -> str:
    """Return why msgspec does not support a type, with a hint if its own text lacks one."""
    if isinstance(exc, NotImplementedError) and "takes_self" in str(exc):
        return (
            "a default of attrs with takes_self is not supported; set the field in "
            "__attrs_post_init__ instead"
        )
    if isinstance(exc, AttributeError):
        return f"an annotation in it cannot be read: {exc}; correct the name"
    return str(exc) or type(exc).__name__


def unreadable(annotation: Any, *, takes_uploads: bool = False) -> str | None:
    """Return why *annotation* cannot be read from a request; None if it can.

    With *takes_uploads*, classes in it may have uploads.
    """
    try:
        msgspec.json.Decoder(annotation)
        info = msgspec_inspect.type_info(annotation)
    except NameError as exc:
        return f"the name {exc.name!r} in it is not known; import it outside of TYPE_CHECKING"
    except UNREADABLE as exc:
        return _with_hint(describe_error(exc))
    for cls in classes_in(info, set()):
        if cls is UploadedFile:
            if takes_uploads and not _is_outside_classes(UploadedFile, info):
                continue
            return (
                "uploads come as UploadedFile or list[UploadedFile], each by its own parameter or "
                "field of a class that is read from the body"
            )
        if not (cls is object or is_model(cls)):
            service = (
                "" if _is_pydantic(cls) else ", or, for a service, write Annotated[…, Inject()]"
            )
            return (
                f"{_described(cls)} cannot be read from a request; make it an attrs "
                f"class, a dataclass or a msgspec.Struct{service}"
            )
    return None


def _with_hint(text: str) -> str:
    """Add to *text* of msgspec where in a union a constraint belongs."""
    if text.startswith("Can only set") and "None" in text:
        return f"{text}; put it inside of the union: Annotated[…, Meta(…)] | None"
    return text


def field_keys(annotation: Any) -> tuple[str, ...]:
    """Return the encoded names of the fields of a class (see `is_model`)."""
    try:
        info: Any = msgspec_inspect.type_info(without_none(annotation))
    except (*UNREADABLE, NameError):
        return ()
    return tuple(field.encode_name for field in info.fields)


def structured_fields(annotation: Any) -> list[str]:
    """Return the fields that ``__init__`` of a class takes and that cannot be read from a text."""
    cls = without_none(annotation)
    if not is_model(cls):
        return []
    info: Any = msgspec_inspect.type_info(cls)
    return [
        field.encode_name
        for field in info.fields
        if any(isinstance(part, _STRUCTURED) for part in infos_in(field.type, set()))
        and _can_be_given(get_origin(cls) or cls, field.name)
    ]


def _can_be_given(cls: Any, name: str) -> bool:
    if attrs.has(cls):
        return bool(attrs.fields_dict(cls)[name].init)
    fields = dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
    return all(field.init for field in fields if field.name == name)


def unsendable(annotation: Any) -> str | None:
    """Return why *annotation* cannot be encoded as JSON; None if it can, or if that is unknown."""
    try:
        info = msgspec_inspect.type_info(annotation)
    except (*UNREADABLE, NameError):
        return None
    for cls in classes_in(info, set()):
        if cls in (object, Iterable) or is_model(cls):
            continue
        if is_foreign_response(cls) or not issubclass(cls, _SENDABLE):
            hint = content_hint(cls) or (
                "make it an attrs class, a dataclass or a msgspec.Struct, or declare Any and "
                "return plain values"
            )
            return f"{_described(cls)} cannot be encoded as JSON; {hint}"
    return None


def _described(cls: Any) -> str:
    name = getattr(cls, "__qualname__", str(cls))
    if is_foreign_response(cls):
        return f"{cls.__module__}.{name}"
    return f"{name}, a pydantic model," if _is_pydantic(cls) else name


def _is_pydantic(cls: Any) -> bool:
    return any(base.__module__.partition(".")[0] == "pydantic" for base in cls.__mro__)


def holds_decimal(annotation: Any) -> bool:
    """Whether it contains `Decimal`, at any depth."""
    try:
        infos = infos_in(msgspec_inspect.type_info(annotation), set())
    except (*UNREADABLE, NameError):
        return False
    return any(isinstance(info, msgspec_inspect.DecimalType) for info in infos)


def holds_upload(annotation: Any) -> bool:
    """Whether it contains `UploadedFile`, at any depth."""
    try:
        infos = infos_in(msgspec_inspect.type_info(annotation), set())
    except (*UNREADABLE, NameError):
        return False
    return any(_is_upload(info) for info in infos)


def required_uploads(annotation: Any) -> list[str]:
    """Return the fields of its classes that are an upload and required."""
    infos = infos_in(msgspec_inspect.type_info(annotation), set())
    return [
        info.encode_name
        for info in infos
        if isinstance(info, msgspec_inspect.Field) and info.required and _is_upload(info.type)
    ]


def _is_upload(info: Any) -> bool:
    return isinstance(info, msgspec_inspect.CustomType) and info.cls is UploadedFile


def _is_outside_classes(cls: type, info: Any) -> bool:
    """Whether msgspec's description *info* has *cls* other than in the fields of a class."""
    if isinstance(info, tuple):
        return any(_is_outside_classes(cls, member) for member in info)
    if not isinstance(info, msgspec_inspect.Type) or hasattr(info, "fields"):
        return False
    if isinstance(info, msgspec_inspect.CustomType):
        return info.cls is cls
    return any(_is_outside_classes(cls, getattr(info, n)) for n in info.__struct_fields__)


def is_custom(annotation: Any) -> bool:
    """Whether msgspec has no support for the type."""
    try:
        info = msgspec_inspect.type_info(annotation)
    except (*UNREADABLE, NameError):
        return False
    return isinstance(info, msgspec_inspect.CustomType)


def classes_in(info: Any, seen: set[int]) -> Iterator[Any]:
    """Yield the dataclasses and attrs classes in a type, and those without msgspec support."""
    for found in infos_in(info, seen):
        if isinstance(found, msgspec_inspect.CustomType | msgspec_inspect.DataclassType):
            yield get_origin(found.cls) or found.cls


def infos_in(info: Any, seen: set[int]) -> Iterator[Any]:
    """Yield msgspec's description of a type and of each part of it that is not in *seen*."""
    if isinstance(info, tuple):
        for member in info:
            yield from infos_in(member, seen)
    elif isinstance(info, msgspec_inspect.Type | msgspec_inspect.Field) and id(info) not in seen:
        seen.add(id(info))
        yield info
        for name in info.__struct_fields__:
            yield from infos_in(getattr(info, name), seen)
