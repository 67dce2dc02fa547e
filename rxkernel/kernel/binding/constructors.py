"""What the constructor of a class takes, where that is not what msgspec sees of its fields."""

import dataclasses
import inspect
from collections.abc import Iterable
from types import MemberDescriptorType
from typing import Any

import attrs
import msgspec

from rxkernel.routing.annotations import UNREADABLE, resolve, said_of

_GENERATED = ("<attrs generated", "<string>")
"""Where the code of a constructor is from that attrs or dataclasses wrote."""


def arguments_of(cls: Any, names: Iterable[str]) -> dict[str, str]:
    """The argument of the constructor for each field; a field that it has none for is the
    class's own business and cannot be given.

    Raises:
        TypeError: the class has a constructor of its own that does not take its fields.
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
            f"{cls.__qualname__} has a constructor of its own that does not take its fields by "
            f"their names ({exc}); let it take {', '.join(arguments.values())}"
        ) from exc


def has_own_ways(cls: Any) -> bool:
    """Whether msgspec would make an instance in another way than its constructor does: it calls
    no ``__init__`` or ``__attrs_pre_init__`` of one's own, runs no converters of attrs, lets
    fields be given that the constructor does not take, and does not see that one is missing
    where a base class has an attribute of its name."""
    if attrs.has(cls):
        return (
            _has_own_constructor(cls)
            or hasattr(cls, "__attrs_pre_init__")
            or any(
                a.converter is not None or not a.init or hides_absence(cls, a.name)
                for a in attrs.fields(cls)
            )
        )
    return dataclasses.is_dataclass(cls) and (
        _has_own_constructor(cls)
        or not all(
            f.init and (f.default is not dataclasses.MISSING or not hides_absence(cls, f.name))
            for f in dataclasses.fields(cls)
        )
    )


def hides_absence(cls: Any, name: str) -> bool:
    """Whether instances of *cls* seem to have the field *name* before it is set."""
    found = inspect.getattr_static(cls, name, dataclasses.MISSING)
    return found is not dataclasses.MISSING and not isinstance(found, MemberDescriptorType)


def _has_own_constructor(cls: Any) -> bool:
    code = getattr(cls.__init__, "__code__", None)
    return cls.__new__ is not object.__new__ or not (
        code is not None and code.co_filename.startswith(_GENERATED)
    )


def is_record(cls: Any) -> bool:
    """Whether *cls* is a class of attrs or a dataclass."""
    return attrs.has(cls) or dataclasses.is_dataclass(cls)


def is_required(cls: Any, argument: str, *, otherwise: bool) -> bool:
    """Whether a constructor of one's own wants *argument*; *otherwise* for every other one."""
    if not (is_record(cls) and _has_own_constructor(cls)):
        return otherwise
    found = inspect.signature(cls.__init__).parameters.get(argument)
    return otherwise if found is None else found.default is inspect.Parameter.empty


def converter_inputs(cls: Any) -> dict[str, Any]:
    """By field, what its converter takes, as that is annotated; else what msgspec knows of Any.

    Raises:
        NameError: an annotation names what is not there.
    """
    if not attrs.has(cls):
        return {}
    return {a.name: _input_info(cls, a) for a in attrs.fields(cls) if a.converter is not None}


def _input_info(cls: Any, attribute: "attrs.Attribute[Any]") -> Any:
    try:
        return type_info(_taken(cls, attribute))
    except TypeError:  # ``str | Path``: the converter may take what no client can send
        return type_info(Any)


def _taken(cls: Any, attribute: "attrs.Attribute[Any]") -> Any:
    name = attribute.alias or attribute.name
    annotation = getattr(cls.__init__, "__annotations__", {}).get(name, Any)
    if not isinstance(annotation, str):
        return annotation
    converter: Any = attribute.converter
    return resolve(getattr(converter, "converter", converter), name, annotation)


def type_info(type_: Any) -> Any:
    """What msgspec knows of *type_*.

    Raises:
        TypeError: it cannot read it. NameError: it names what is not there.
    """
    try:
        return msgspec.inspect.type_info(type_)
    except UNREADABLE as exc:
        raise TypeError(said_of(exc)) from exc
