"""The parameters of constructors, which may differ from the fields that msgspec knows."""

import dataclasses
import inspect
from collections.abc import Iterable
from types import MemberDescriptorType
from typing import Any

import attrs

from rxkernel.routing.annotations import resolve
from rxkernel.routing.scalars import NO_SCALARS, Scalars
from rxkernel.routing.type_info import type_info
from rxkernel.routing.type_support import UNREADABLE, describe_error

_GENERATED = ("<attrs generated", "<string>")
"""File names in the code of constructors that attrs or dataclasses generated."""


def arguments_of(cls: Any, names: Iterable[str]) -> dict[str, str]:
    """Return the constructor's argument for each field. A client can send these fields only.

    Raises:
        TypeError: the class has a hand-written constructor without arguments for its fields.
    """
    if attrs.has(cls):
        arguments = {a.name: a.alias or a.name for a in attrs.fields(cls) if a.init}
    elif dataclasses.is_dataclass(cls):
        arguments = {f.name: f.name for f in dataclasses.fields(cls) if f.init}
    else:
        return {name: name for name in names}
    if _has_own_constructor(cls):
        _check(cls, arguments)
    return arguments


def _check(cls: Any, arguments: dict[str, str]) -> None:
    try:
        inspect.signature(cls.__init__).bind(None, **dict.fromkeys(arguments.values()))
    except TypeError as exc:
        raise TypeError(
            f"the constructor of {cls.__qualname__} cannot be called with all fields by name "
            f"({exc}); add the arguments {', '.join(arguments.values())}"
        ) from exc


def needs_constructor(cls: Any) -> bool:
    """Whether an instance made by msgspec may differ from one made by the constructor.

    msgspec does not call a hand-written ``__init__`` or ``__attrs_pre_init__``, or converters of
    attrs. It accepts fields that are not arguments of the constructor. It does not detect a
    missing field if a base class has an attribute of that name.
    """
    if attrs.has(cls):
        return (
            _has_own_constructor(cls)
            or hasattr(cls, "__attrs_pre_init__")
            or any(
                a.converter is not None or not a.init or has_class_attribute(cls, a.name)
                for a in attrs.fields(cls)
            )
        )
    return dataclasses.is_dataclass(cls) and (
        _has_own_constructor(cls)
        or not all(
            f.init
            and (f.default is not dataclasses.MISSING or not has_class_attribute(cls, f.name))
            for f in dataclasses.fields(cls)
        )
    )


def has_class_attribute(cls: Any, name: str) -> bool:
    """Whether instances of *cls* have an attribute *name* before the field is set."""
    found = inspect.getattr_static(cls, name, dataclasses.MISSING)
    return found is not dataclasses.MISSING and not isinstance(found, MemberDescriptorType)


def _has_own_constructor(cls: Any) -> bool:
    code = getattr(cls.__init__, "__code__", None)
    return cls.__new__ is not object.__new__ or not (
        code is not None and code.co_filename.startswith(_GENERATED)
    )


def has_generated_constructor(cls: Any) -> bool:
    """Whether attrs wrote all code that runs before the fields of *cls* are set."""
    return not (_has_own_constructor(cls) or hasattr(cls, "__attrs_pre_init__"))


def is_record(cls: Any) -> bool:
    """Whether *cls* is a class of attrs or a dataclass."""
    return attrs.has(cls) or dataclasses.is_dataclass(cls)


def is_required(cls: Any, argument: str, *, otherwise: bool) -> bool:
    """Whether a hand-written constructor requires *argument*; *otherwise* if it is generated."""
    if not (is_record(cls) and _has_own_constructor(cls)):
        return otherwise
    found = inspect.signature(cls.__init__).parameters.get(argument)
    return otherwise if found is None else found.default is inspect.Parameter.empty


def converter_inputs(cls: Any, scalars: Scalars) -> dict[str, Any]:
    """Return the description of the type that the converter of each field accepts, Any by default.

    Raises:
        NameError: an annotation refers to an unknown name.
    """
    if not attrs.has(cls):
        return {}
    return {
        a.name: _input_info(cls, a, scalars) for a in attrs.fields(cls) if a.converter is not None
    }


def _input_info(cls: Any, attribute: "attrs.Attribute[Any]", scalars: Scalars) -> Any:
    try:
        return described(_annotation_of(cls, attribute), scalars)
    except TypeError:  # such as ``str | Path``: a client cannot send a Path
        return described(Any, scalars)


def _annotation_of(cls: Any, attribute: "attrs.Attribute[Any]") -> Any:
    name = attribute.alias or attribute.name
    annotation = getattr(cls.__init__, "__annotations__", {}).get(name, Any)
    if not isinstance(annotation, str):
        return annotation
    converter: Any = attribute.converter
    return resolve(getattr(converter, "converter", converter), name, annotation)


def described(type_: Any, scalars: Scalars = NO_SCALARS) -> Any:
    """Return the description of *type_*, see `type_info`.

    Raises:
        TypeError: the type is not supported. NameError: it refers to an unknown name.
    """
    try:
        return type_info(type_, scalars)
    except UNREADABLE as exc:
        raise TypeError(describe_error(exc)) from exc
