"""Converts one value of a request to a type, as `Request.param` returns it.

The rules are those of typed arguments, which the kernel binds with a schema.
"""

from collections.abc import Iterator
from datetime import datetime, time
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import attrs
import msgspec
from msgspec import inspect

from rxkernel.messages.conversion_errors import entry_of
from rxkernel.messages.form_texts import replace_form_text
from rxkernel.messages.input_errors import ErrorEntry, invalid, wrong_choice
from rxkernel.messages.number_checks import Check, lenient_check_of
from rxkernel.messages.type_infos import infos_in

_TYPES: MappingProxyType[type, type] = MappingProxyType(
    {
        inspect.StrType: str,
        inspect.BoolType: bool,
        inspect.IntType: int,
        inspect.FloatType: float,
        inspect.DecimalType: Decimal,
        inspect.DateTimeType: datetime,
        inspect.TimeType: time,
    }
)
"""The types with special rules for texts or numbers, by their description."""

_ARRAYS = (inspect.ListType, inspect.VarTupleType)
_SETS = (inspect.SetType, inspect.FrozenSetType)


@attrs.frozen
class ParamType:
    """A type, without None if it ``is_optional``.

    Attributes:
        types: the alternatives of the type that have special rules for texts or numbers.
        choices: the allowed values, if all alternatives are enums or literals.
        check: returns the error of a value that msgspec has accepted, or None.
    """

    type: Any
    is_optional: bool
    types: tuple[type, ...]
    choices: tuple[Any, ...]
    check: Check | None

    @classmethod
    def of(cls, kind: Any) -> "ParamType":
        """Describe *kind*.

        Raises:
            TypeError: msgspec does not support it; or it has a set or a mapping with keys other
                than str, whose items must be checked before msgspec stores them.
            NameError: it refers to an unknown name.
        """
        members = get_args(kind) if get_origin(kind) in (Union, UnionType) else ()
        rest = tuple(member for member in members if member is not NoneType)
        wanted = Union[rest] if rest else kind  # noqa: UP007 - made of a tuple
        info = inspect.type_info(wanted)
        if any(map(_is_hashed, infos_in(info, set()))):
            raise TypeError(
                f"request.param() reads one value, not a set or a mapping with keys other than "
                f"str: {kind}; declare a parameter of the action"
            )
        infos = list(_alternatives(info))
        choices = list(map(_choices_of, infos))
        return cls(
            wanted,
            len(rest) < len(members),
            _types_of(infos),
            tuple(chain(*choices)) if all(choices) else (),
            _check_of(infos),
        )

    def read(self, raw: Any) -> tuple[Any, ErrorEntry | None]:
        """Convert *raw*; a text ``"7"`` is a number. Return the value, or None and the error."""
        if raw is None and self.is_optional:
            return None, None
        try:
            value = msgspec.convert(raw, self.type, strict=False)
        except msgspec.ValidationError as exc:
            if isinstance(raw, str) and (text := replace_form_text(raw, self.types)) != raw:
                return self.read(text)
            return None, entry_of(exc, self.choices, lenient=True)
        if value is None and raw is not None:  # the text "null"
            return None, wrong_choice(self.choices) if self.choices else invalid()
        return value, None if self.check is None else self.check(raw)


_known = lru_cache(256, typed=True)(ParamType.of)


def param_type(kind: Any) -> ParamType:
    """As `ParamType.of`, with a cache of the latest kinds."""
    try:
        return _known(kind)
    except TypeError:  # it has no hash, such as Annotated[int, Meta(extra={…})]
        return ParamType.of(kind)


def _alternatives(info: inspect.Type) -> Iterator[inspect.Type]:
    if isinstance(info, inspect.Metadata):
        yield from _alternatives(info.type)
    elif isinstance(info, inspect.UnionType):
        for member in info.types:
            yield from _alternatives(member)
    else:
        yield info


def _is_hashed(info: Any) -> bool:
    """Whether msgspec would hash the values of a client for this part of a type."""
    if isinstance(info, inspect.DictType):
        return not isinstance(info.key_type, inspect.StrType | inspect.AnyType)
    return isinstance(info, _SETS)


def _types_of(infos: list[inspect.Type]) -> tuple[type, ...]:
    return tuple(_TYPES[type(info)] for info in infos if type(info) in _TYPES)


def _choices_of(info: inspect.Type) -> tuple[Any, ...]:
    if isinstance(info, inspect.EnumType):
        return tuple(member.value for member in info.cls)
    return tuple(info.values) if isinstance(info, inspect.LiteralType) else ()


def _check_of(infos: list[inspect.Type]) -> Check | None:
    check = lenient_check_of(_types_of(infos))
    arrays = [info for info in infos if isinstance(info, _ARRAYS)]
    check_item = _check_of(list(_alternatives(arrays[0].item_type))) if arrays else None
    return check if check_item is None else _array_check(check_item, check)


def _array_check(check_item: Check, otherwise: Check | None) -> Check:
    def check(raw: Any) -> ErrorEntry | None:
        if isinstance(raw, list):
            for index, item in enumerate(raw):
                if (error := check_item(item)) is not None:
                    return error.at(f"[{index}]")
            return None
        return None if otherwise is None else otherwise(raw)

    return check
