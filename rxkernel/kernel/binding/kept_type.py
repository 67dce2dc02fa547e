"""Conversion to types that msgspec would otherwise analyze at each call."""

from functools import cached_property
from typing import Any, is_typeddict

import msgspec

from rxkernel.kernel.binding.schema import Schema
from rxkernel.messages.input_errors import ErrorEntry


def is_kept(type_: Any) -> bool:
    """Whether `msgspec.convert` caches its analysis of *type_*. It does for classes, but not for a
    union, a `TypedDict` or ``list[int]``, where the analysis takes up to ten times as long as the
    conversion."""
    return isinstance(type_, type) and not is_typeddict(type_)


class KeptType:
    """Converts values to a type that msgspec does not cache, as the field of a class."""

    def __init__(self, schema: Schema, type_: Any) -> None:
        self._schema = schema
        self._type = type_

    @cached_property
    def _holder(self) -> Any:
        """Created on first access, since most types of an application are seldom used."""
        return msgspec.defstruct("Holder", [("value", self._type)], array_like=True)

    @cached_property
    def _has_checks(self) -> tuple[bool, bool]:
        """For a strict and for a lenient source."""
        return self._schema.has_checks(False), self._schema.has_checks(True)

    def try_msgspec(self, type_: Any, raw: Any, lenient: bool) -> tuple[Any, ErrorEntry | None]:
        """Like `Schema.try_msgspec`, which reports the errors."""
        try:
            if lenient:
                value = msgspec.convert((raw,), self._holder, strict=False).value
            else:
                value = msgspec.convert((raw,), self._holder).value
        except (msgspec.ValidationError, TypeError):
            return self._schema.try_msgspec(type_, raw, lenient)
        return value, self._schema.find_error(raw, lenient) if self._has_checks[lenient] else None
