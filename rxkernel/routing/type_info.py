"""Describes types as `msgspec.inspect` does, and unions of classes that msgspec cannot read.

msgspec rejects ``Cat | Dog`` for classes of attrs and dataclasses, at any depth. The description
of a type with such a union is made without msgspec's check, and each part of it is checked here.
"""

import dataclasses
from typing import Any, Union, get_origin

import attrs
import msgspec
from msgspec import inspect as msgspec_inspect

from rxkernel.routing.annotations import alternatives
from rxkernel.routing.union_tags import UnionTag, tag_of_classes

_SEVERAL_CLASSES = "may not contain more than one dataclass or attrs type"
_DICT_LIKE = (
    msgspec_inspect.StructType,
    msgspec_inspect.TypedDictType,
    msgspec_inspect.DictType,
)


def type_info(type_: Any) -> Any:
    """Return the description of *type_*.

    Raises:
        TypeError, ValueError, AttributeError, NotImplementedError, RecursionError: *type_* is not
            supported. NameError: it refers to an unknown name.
    """
    try:
        return msgspec_inspect.type_info(type_)
    except TypeError as exc:
        if _SEVERAL_CLASSES not in str(exc):
            raise
    describer = _Describer((type_,))
    info = describer.translate(type_)
    for classes in describer.unions:
        tag_of_classes(classes)
    return info


def json_info(type_: Any) -> Any:
    """As `type_info`, for a type that must have a form in JSON."""
    _check_part(type_)
    return type_info(type_)


def union_tag(type_: Any) -> UnionTag | None:
    """Return what distinguishes the classes of the union *type_*; None for any other type.

    Raises:
        As `type_info`.
    """
    return tag_of(type_info(type_))


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

    def __init__(self, types: Any) -> None:
        super().__init__(types)  # type: ignore[no-untyped-call]
        self.unions: list[list[msgspec_inspect.DataclassType]] = []

    def translate(self, type_: Any) -> Any:
        _check_part(type_)
        info = super().translate(type_)  # type: ignore[no-untyped-call]
        classes = _classes_of(info)
        if len(classes) > 1:
            _check_others(type_)
            self.unions.append(classes)
        return info


def _check_part(type_: Any) -> None:
    """Check *type_*, except for the unions in it that have several classes."""
    try:
        msgspec.json.Decoder(type_)
    except TypeError as exc:
        if _SEVERAL_CLASSES not in str(exc):
            raise


def _check_others(type_: Any) -> None:
    """Check the other members of a union that has several classes, which are read from objects."""
    others = [member for member in alternatives(type_) if not _is_class(member)]
    if found := [member for member in others if _is_object(member)]:
        raise TypeError(
            f"{found[0]} in a union with several classes cannot be distinguished from them; make "
            f"all of them attrs classes or dataclasses"
        )
    _check_part(Union[(dict, *others)])


def _is_class(type_: Any) -> bool:
    cls = get_origin(type_) or type_
    return attrs.has(cls) or dataclasses.is_dataclass(cls)


def _is_object(type_: Any) -> bool:
    return isinstance(_without_metadata(type_info(type_)), _DICT_LIKE)


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
