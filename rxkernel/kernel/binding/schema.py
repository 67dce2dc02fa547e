"""What is known of a type at boot, and what is done with its values: the base of all schemas.

msgspec converts a value in C, but it stops at the first error, ignores unknown fields and runs no
converters of attrs. A schema adds what is missing: it checks what msgspec accepted
(`Schema.find_error`), converts in Python to collect every error (`Schema.collect`), and prepares
a returned value for msgspec (`Schema.to_plain`).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Any
from uuid import UUID

import attrs
import msgspec

from rxkernel.kernel.binding.class_errors import error_of_msgspec
from rxkernel.kernel.binding.validation_errors import INVALID, UNCERTAIN, Mode, ValidationErrors
from rxkernel.messages.input_errors import ErrorEntry

SCALARS = (str, int, float, bytes, Decimal, date, datetime, time, timedelta, UUID, Enum)
ARRAYS = (list, tuple, set, frozenset)

_NO_FIELDS: "Mapping[str, Field]" = MappingProxyType({})
_NO_CLASSES: frozenset[type] = frozenset()


class Schema(ABC):
    """A type, or a part of one. The values of a *lenient* source, as a query, are texts."""

    @property
    @abstractmethod
    def title(self) -> str:
        """The name of the type in messages."""

    @property
    def needs_python(self) -> bool:
        """Whether msgspec would convert valid values wrongly."""
        return any(part.needs_python for part in self.parts())

    @property
    def msgspec_type(self) -> Any:
        """The type to convert a part of a value to with msgspec; None where `collect` must."""
        return None

    @property
    def has_models(self) -> bool:
        """Whether a value can hold instances of classes with fields."""
        return any(part.has_models for part in self.parts())

    @property
    def holds_many(self) -> bool:
        """Whether it takes all values of one name in a query or form."""
        return False

    @property
    def inputs(self) -> "Mapping[str, Field]":
        """The fields that a client may send, by their names on the wire."""
        return _NO_FIELDS

    @property
    def passthrough_classes(self) -> frozenset[type]:
        """The classes whose instances can be sent unchanged, whatever they hold."""
        return _NO_CLASSES

    @property
    def accepts_empty_text(self) -> bool:
        """Whether an empty text is a value; it is not for a number or a date."""
        return self.collect("", "", ValidationErrors(), True) is not INVALID

    @abstractmethod
    def parts(self) -> "Iterator[Schema]":
        """The schemas of fields, items, values or alternatives."""

    def walk(self) -> "list[Schema]":
        """This schema and all schemas below it, each once."""
        found: dict[int, Schema] = {id(self): self}
        todo: list[Schema] = [self]
        while todo:
            new = {id(p): p for p in todo.pop().parts() if id(p) not in found}
            found |= new
            todo += new.values()
        return list(found.values())

    def has_checks(self, lenient: bool) -> bool:
        """Whether `find_error` can find anything."""
        return any(part.has_checks(lenient) for part in self.parts())

    @abstractmethod
    def find_error(self, raw: Any, lenient: bool) -> ErrorEntry | None:
        """The first error in *raw*, which msgspec accepted.

        `UNCERTAIN` if only `collect` can decide.
        """

    @abstractmethod
    def collect(self, raw: Any, path: str, errors: ValidationErrors, lenient: bool) -> Any:
        """Convert *raw* in Python and add every error; returns `INVALID` if there is one."""

    def replace_bool_words(self, raw: Any) -> Any:
        """*raw*, of texts, with words such as ``on`` replaced by bools where one is expected."""
        return raw

    @abstractmethod
    def to_plain(self, value: Any) -> Any:
        """*value* as msgspec can convert it without sending more than is declared.

        Instances that may hold more become dicts of their declared fields; anything else is
        returned unchanged, so that `msgspec.convert` reports what does not fit.
        """

    def passes_through(self, value: Any) -> bool:
        """Whether *value* can be sent unchanged: a fast check, which may err towards False.

        True only if `to_plain` would return *value* itself and msgspec would accept it.
        """
        return type(value) in self.passthrough_classes

    def convert(self, raw: Any, path: str, errors: ValidationErrors, lenient: bool) -> Any:
        """The value of *raw*, a part of a value that is converted in Python; or `INVALID`.

        msgspec is given all of it, where it can convert it, but only once: if that fails, it is
        given no part of it but scalars. Otherwise the cost would grow with the depth squared.
        """
        if errors.mode is Mode.SEARCH:
            errors.budget -= 1
        if errors.mode is not Mode.MSGSPEC or self.msgspec_type is None:
            return self.collect(raw, path, errors, lenient)
        value, failure = self.try_msgspec(self.msgspec_type, raw, lenient)
        if failure is None:
            return value
        return self.collect_after(failure, raw, path, errors, lenient)

    def try_msgspec(self, type_: Any, raw: Any, lenient: bool) -> tuple[Any, ErrorEntry | None]:
        """The value that msgspec makes of *raw*, or `INVALID`; and the first error, if any.

        Raises:
            Exception: a class has a bug.
        """
        try:
            if lenient:
                value = msgspec.convert(raw, type_, strict=False)
            else:  # the keyword costs a tenth of the call
                value = msgspec.convert(raw, type_)
        except msgspec.ValidationError as exc:
            return INVALID, error_of_msgspec(exc)
        except TypeError:  # an item of a set that cannot be hashed
            return INVALID, UNCERTAIN
        return value, self.find_error(raw, lenient)

    def collect_after(
        self, failure: ErrorEntry, raw: Any, path: str, errors: ValidationErrors, lenient: bool
    ) -> Any:
        """As `collect`, once msgspec has failed with *failure*.

        Unless *failure* is `UNCERTAIN` the result is `INVALID`: more errors are searched for
        within a budget, and *failure* is added if none is found.
        """
        before, mode = len(errors.entries), errors.mode
        errors.mode = Mode.PYTHON if failure is UNCERTAIN else Mode.SEARCH
        try:
            value = self.collect(raw, path, errors, lenient)
        finally:
            errors.mode = mode
        if failure is UNCERTAIN:
            return value
        if len(errors.entries) == before:
            errors.add(path, failure)
        return INVALID


@attrs.frozen(eq=False)
class Field:
    """A field of a class; ``key`` is its name on the wire, ``argument`` the constructor's."""

    name: str
    key: str
    argument: str
    schema: Schema
    is_required: bool
