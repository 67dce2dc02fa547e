"""Describes types as `msgspec.inspect` does, and unions that msgspec cannot read.

msgspec rejects ``Cat | Dog`` for classes of attrs and dataclasses, and ``Money | int`` for a
custom scalar, at any depth. A type with such a union is described without the check of msgspec,
and each part of it is checked here.
"""

import dataclasses
from types import NoneType
from typing import Any, Union, get_args, get_origin

import attrs
import msgspec
from msgspec import inspect as msgspec_inspect

from rxkernel.routing.annotations import alternatives
from rxkernel.routing.scalars import NO_SCALARS, Scalars, wire_class
from rxkernel.routing.union_tags import UnionTag, tag_of_classes

_SEVERAL_CLASSES = "may not contain more than one dataclass or attrs type"
_CUSTOM_AND_OTHERS = (
    "Type unions containing a custom type may not contain any additional types",
    "Type unions may not contain more than one custom type",
)
_DICT_LIKE = (
    msgspec_inspect.StructType,
    msgspec_inspect.TypedDictType,
    msgspec_inspect.DictType,
)


def type_info(type_: Any, scalars: Scalars = NO_SCALARS) -> Any:
    """Return the description of *type_*; classes of *scalars* are a `CustomType`.

    Raises:
        TypeError, ValueError, AttributeError, NotImplementedError, RecursionError: *type_* is not
            supported. NameError: it refers to an unknown name.
    """
    try:
        return msgspec_inspect.type_info(type_)
    except TypeError as exc:
        if not _is_about_union(exc, scalars):
            raise
    describer = _Describer((type_,), scalars)
    info = describer.translate(type_)
    for classes in describer.unions:
        tag_of_classes(classes)
    return info


def json_info(type_: Any, scalars: Scalars = NO_SCALARS) -> Any:
    """As `type_info`, for a type that must be supported in JSON."""
    _check_part(type_, scalars)
    return type_info(type_, scalars)


def union_tag(type_: Any, scalars: Scalars = NO_SCALARS) -> UnionTag | None:
    """Return the tag that distinguishes the classes of the union *type_*; None for other types.

    Raises:
        As `type_info`.
    """
    return tag_of(type_info(type_, scalars))


def tag_of(info: Any) -> UnionTag | None:
    """As `union_tag`, for a description."""
    classes = _classes_of(info)
    return tag_of_classes(classes) if len(classes) > 1 else None


class _Describer(msgspec_inspect._Translator):
    """Describes a type part by part, and checks each part.

    The fields of a class are known only at the end, since it may have a field of its own type.

    Attributes:
        unions: the classes of each union that has several.
    """

    def __init__(self, types: Any, scalars: Scalars) -> None:
        super().__init__(types)  # type: ignore[no-untyped-call]
        self.unions: list[list[msgspec_inspect.DataclassType]] = []
        self._scalars = scalars

    def translate(self, type_: Any) -> Any:
        _check_part(type_, self._scalars)
        info = super().translate(type_)  # type: ignore[no-untyped-call]
        classes = _classes_of(info)
        if len(classes) > 1:
            self.unions.append(classes)
        if isinstance(_without_metadata(info), msgspec_inspect.UnionType):
            self._check_union(alternatives(type_), has_classes=len(classes) > 1)
        return info

    def _check_union(self, members: tuple[Any, ...], *, has_classes: bool) -> None:
        """Check that the JSON type of a value determines one of *members*."""
        sent: list[Any] = [dict] if has_classes else []
        for member in members:
            if has_classes and _is_class(member):
                continue
            info = _without_metadata(type_info(member, self._scalars))
            scalar = self._scalars.get(member)
            if scalar is None and isinstance(info, msgspec_inspect.CustomType):
                if len([m for m in members if m is not NoneType]) == 1:
                    return
                raise TypeError(f"{_name(member)} in a union is not supported")
            if has_classes and isinstance(info, _DICT_LIKE):
                raise TypeError(
                    f"{_name(member)} in a union with several classes cannot be distinguished "
                    f"from them; make all of them attrs classes or dataclasses"
                )
            sent.append(member if scalar is None else wire_class(scalar))
        if len(set(sent)) < len(sent):
            name = " | ".join(map(_name, members))
            raise TypeError(
                f"the union {name} has two members with the same JSON type; remove one, or change "
                f"the wire type of a scalar"
            )
        _check_part(Union[tuple(sent)], self._scalars)  # noqa: UP007 - made of a list


def _check_part(type_: Any, scalars: Scalars) -> None:
    """Check *type_*, except for the unions in it that `_Describer` checks."""
    try:
        msgspec.json.Decoder(type_)
    except TypeError as exc:
        if not _is_about_union(exc, scalars):
            raise


def _is_about_union(exc: TypeError, scalars: Scalars) -> bool:
    """Whether *exc* of msgspec may be about a union that is supported."""
    text = str(exc)
    return _SEVERAL_CLASSES in text or (bool(scalars) and text.startswith(_CUSTOM_AND_OTHERS))


def _name(type_: Any) -> str:
    return str(type_) if get_args(type_) else getattr(type_, "__qualname__", str(type_))


def _is_class(type_: Any) -> bool:
    cls = get_origin(type_) or type_
    return attrs.has(cls) or dataclasses.is_dataclass(cls)


def _classes_of(info: Any) -> list[msgspec_inspect.DataclassType]:
    """Return the classes of attrs and dataclasses that are alternatives of a union."""
    info = _without_metadata(info)
    if isinstance(info, msgspec_inspect.UnionType):
        return [found for part in info.types for found in _classes_of(part)]
    return [info] if isinstance(info, msgspec_inspect.DataclassType) else []


def _without_metadata(info: Any) -> Any:
    while isinstance(info, msgspec_inspect.Metadata):
        info = info.type
    return info
