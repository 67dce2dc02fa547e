"""The base of all schemas. A schema describes a type at boot and converts its values.

msgspec converts a value in C, but it stops at the first error, ignores unknown fields and does not
run converters of attrs. A schema does the rest: `Schema.find_error` checks a value that msgspec
has accepted, `Schema.collect` converts in Python to collect every error, and `Schema.to_plain`
prepares a returned value for msgspec.
"""

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
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
    """A type, or a part of one. The values of a *lenient* source, such as a query, are texts."""

    @property
    @abstractmethod
    def title(self) -> str:
        """The name of the type in messages."""

    @property
    def is_known_to_msgspec(self) -> bool:
        """Whether msgspec supports this type, apart from its parts."""
        return True

    @functools.cached_property
    def has_unknown_parts(self) -> bool:
        """Whether msgspec does not support the type, or a part of it."""
        return not all(schema.is_known_to_msgspec for schema in self.walk())

    @property
    def needs_python(self) -> bool:
        """Whether msgspec would convert valid values wrongly."""
        return any(part.needs_python for part in self.parts())

    @property
    def msgspec_type(self) -> Any:
        """The type with which msgspec converts a part of a value; None if only `collect` can."""
        return None

    @property
    def has_models(self) -> bool:
        """Whether a value can hold instances of classes with fields."""
        return any(part.has_models for part in self.parts())

    @property
    def holds_many(self) -> bool:
        """Whether all values of one name in a query or form are used."""
        return False

    @property
    def has_chosen_hash(self) -> bool:
        """Whether a client can send many values with the same hash."""
        return any(part.has_chosen_hash for part in self.parts())

    @property
    def inputs(self) -> "Mapping[str, Field]":
        """The fields that a client may send, by their keys in JSON."""
        return _NO_FIELDS

    @functools.cached_property
    def ignored_inputs(self) -> frozenset[str]:
        """The keys of `inputs` for which empty inputs of a form are ignored."""
        fields = self.inputs.items()
        return frozenset(key for key, field in fields if field.schema.ignores_empty_text)

    def with_inputs_of(self, raw: Mapping[str, Any]) -> "Schema":
        """Return the schema for *raw*, an object of a lenient source: the class that its tag
        selects, or this schema."""
        return self

    @property
    def passthrough_classes(self) -> frozenset[type]:
        """The classes whose instances can always be sent unchanged."""
        return _NO_CLASSES

    @property
    def accepts_empty_text(self) -> bool:
        """Whether an empty text is valid. It is invalid for a number or a date, for example."""
        return self.collect("", "", ValidationErrors(), True) is not INVALID

    @property
    def ignores_empty_text(self) -> bool:
        """Whether an empty input of a form is treated as not sent."""
        return not self.accepts_empty_text

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
        """Whether `find_error` has anything to check."""
        return any(part.has_checks(lenient) for part in self.parts())

    @abstractmethod
    def find_error(self, raw: Any, lenient: bool) -> ErrorEntry | None:
        """Return the first error in *raw*, which msgspec has accepted.

        `UNCERTAIN` if only `collect` can decide.
        """

    @abstractmethod
    def collect(self, raw: Any, path: str, errors: ValidationErrors, lenient: bool) -> Any:
        """Convert *raw* in Python; add every error and return `INVALID` if there is one."""

    def replace_form_texts(self, raw: Any) -> Any:
        """Return *raw* with the texts of browsers replaced by texts that msgspec accepts.

        These are words such as ``on`` for bools, and times without seconds.
        """
        return raw

    @abstractmethod
    def to_plain(self, value: Any) -> Any:
        """Return *value* in a form that msgspec converts to the declared fields only.

        Instances that may hold more become dicts of their declared fields. Other values are
        returned unchanged, and `msgspec.convert` reports those that do not fit.
        """

    def passes_through(self, value: Any) -> bool:
        """Whether *value* can be sent unchanged. The check is fast, so it may wrongly be False.

        It is True only if `to_plain` would return *value* itself and msgspec would accept it.
        """
        return type(value) in self.passthrough_classes

    def convert(self, raw: Any, path: str, errors: ValidationErrors, lenient: bool) -> Any:
        """Convert *raw*, a part of a value that is converted in Python; or return `INVALID`.

        If msgspec can convert the type, it converts all of *raw* at once. If that fails, msgspec
        converts only the scalars in it: with a new attempt at every depth, the cost would grow
        with the square of the depth.
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
        """Convert *raw* with msgspec; return the value, or `INVALID`, and the first error, if any.

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
        """Like `collect`, after msgspec has failed with *failure*.

        Unless *failure* is `UNCERTAIN`, the result is `INVALID`. More errors are searched for
        within a budget; *failure* is added if the search finds no error.
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
    """A field of a class. ``key`` is its name in JSON, ``argument`` its name in the constructor.

    ``default`` returns its default. It is None for a field without a default, and for the default
    `msgspec.UNSET`, which is not sent.
    """

    name: str
    key: str
    argument: str
    schema: Schema
    is_required: bool
    default: Callable[[], Any] | None = None
