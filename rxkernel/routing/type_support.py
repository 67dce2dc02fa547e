"""Checks whether a type can be read from a request, or encoded as JSON."""

import dataclasses
from collections.abc import Iterable, Iterator, KeysView, Mapping, Set, ValuesView
from decimal import Decimal
from pathlib import PurePath
from typing import Any, get_origin

import attrs
from msgspec import inspect as msgspec_inspect

from rxkernel.messages.content_hints import content_hint, is_foreign_response
from rxkernel.messages.type_infos import infos_in
from rxkernel.messages.upload import UploadedFile
from rxkernel.routing.annotations import is_model, without_none
from rxkernel.routing.scalars import NO_SCALARS, Scalars, wire_class
from rxkernel.routing.type_info import json_info, type_info

_STRUCTURED = (
    msgspec_inspect.StructType,
    msgspec_inspect.DataclassType,
    msgspec_inspect.TypedDictType,
    msgspec_inspect.NamedTupleType,
    msgspec_inspect.DictType,
)
_SENDABLE = (str, bytes, list, tuple, Mapping, Set, KeysView, ValuesView, PurePath)
"""Classes whose instances can be encoded as JSON, although msgspec cannot decode some of them."""

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
    text = str(exc) or type(exc).__name__
    if "more than one dict-like" in text:
        return (
            f"{text}; make all of them attrs classes or dataclasses with a field that "
            f'distinguishes them, as in kind: Literal["cat"]'
        )
    return text


def unreadable(
    annotation: Any, scalars: Scalars = NO_SCALARS, *, takes_uploads: bool = False
) -> str | None:
    """Return why *annotation* cannot be read from a request; None if it can.

    With *takes_uploads*, classes in it may have uploads.
    """
    try:
        info = json_info(annotation, scalars)
    except NameError as exc:
        return f"the name {exc.name!r} in its type is unknown; import it outside of TYPE_CHECKING"
    except UNREADABLE as exc:
        return _with_hint(describe_error(exc))
    for cls in classes_in(info, set()):
        if cls is UploadedFile:
            if takes_uploads and not _is_outside_classes(UploadedFile, info):
                continue
            return (
                "an upload must be UploadedFile or list[UploadedFile], as a parameter or as a "
                "field of a class that is read from the body"
            )
        if not (cls is object or is_model(cls) or cls in scalars):
            others = (
                ""
                if _is_pydantic(cls)
                else f", or add scalars=[Scalar({cls.__qualname__}, …)]; for a service, write "
                f"Annotated[…, Inject()]"
            )
            return (
                f"{_described(cls)} cannot be read from a request; make it an attrs "
                f"class, a dataclass or a msgspec.Struct{others}"
            )
    return None


def _with_hint(text: str) -> str:
    """Add a hint to *text* of msgspec if it is about a constraint on a union."""
    if text.startswith("Can only set") and "None" in text:
        return f"{text}; put it inside of the union: Annotated[…, Meta(…)] | None"
    return text


def field_keys(annotation: Any, scalars: Scalars = NO_SCALARS) -> tuple[str, ...]:
    """Return the encoded names of the fields of a class (see `is_model`)."""
    try:
        info: Any = type_info(without_none(annotation), scalars)
    except (*UNREADABLE, NameError):
        return ()
    return tuple(field.encode_name for field in info.fields)


def structured_fields(annotation: Any, scalars: Scalars = NO_SCALARS) -> list[str]:
    """Return the fields that ``__init__`` of a class takes and that cannot be read from text."""
    cls = without_none(annotation)
    if not is_model(cls):
        return []
    info: Any = type_info(cls, scalars)
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


def unsendable(annotation: Any, scalars: Scalars = NO_SCALARS) -> str | None:
    """Return why *annotation* cannot be encoded as JSON; None if it can, or if it is unknown."""
    try:
        info = type_info(annotation, scalars)
    except (*UNREADABLE, NameError):
        return None
    for cls in classes_in(info, set()):
        if cls in (object, Iterable) or is_model(cls) or scalars.nearest(cls) is not None:
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


def holds_decimal(annotation: Any, scalars: Scalars = NO_SCALARS) -> bool:
    """Whether it contains `Decimal`, or a scalar that is sent as one, at any depth."""
    try:
        infos = infos_in(type_info(annotation, scalars), set())
    except (*UNREADABLE, NameError):
        return False
    return any(
        isinstance(info, msgspec_inspect.DecimalType)
        or (
            isinstance(info, msgspec_inspect.CustomType)
            and (scalar := scalars.get(info.cls)) is not None
            and wire_class(scalar) is Decimal
        )
        for info in infos
    )


def holds_upload(annotation: Any, scalars: Scalars = NO_SCALARS) -> bool:
    """Whether it contains `UploadedFile`, at any depth."""
    try:
        infos = infos_in(type_info(annotation, scalars), set())
    except (*UNREADABLE, NameError):
        return False
    return any(_is_upload(info) for info in infos)


def required_uploads(annotation: Any, scalars: Scalars = NO_SCALARS) -> list[str]:
    """Return the names of required uploads in the fields of its classes."""
    infos = infos_in(type_info(annotation, scalars), set())
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


def is_custom(annotation: Any, scalars: Scalars = NO_SCALARS) -> bool:
    """Whether neither msgspec nor a scalar supports the type."""
    try:
        info = type_info(annotation, scalars)
    except (*UNREADABLE, NameError):
        return False
    return isinstance(info, msgspec_inspect.CustomType) and info.cls not in scalars


def classes_in(info: Any, seen: set[int]) -> Iterator[Any]:
    """Yield the dataclasses and attrs classes in a type, and those without msgspec support."""
    for found in infos_in(info, seen):
        if isinstance(found, msgspec_inspect.CustomType | msgspec_inspect.DataclassType):
            yield get_origin(found.cls) or found.cls
