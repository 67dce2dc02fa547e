"""Converts a raw value to a declared type, or collects every error in it."""

from collections.abc import Callable
from types import NoneType
from typing import Any, get_args, get_origin

from rxkernel.kernel.binding.completion import completion_of
from rxkernel.kernel.binding.kept_type import KeptType, is_kept
from rxkernel.kernel.binding.schema_reader import read_schema
from rxkernel.kernel.binding.validation_errors import INVALID, UNCERTAIN, ValidationErrors
from rxkernel.messages.input_errors import NOT_UTF8, TOO_DEEP, ErrorEntry, rejection
from rxkernel.routing.annotations import UNIONS
from rxkernel.routing.scalars import NO_SCALARS, Scalars

Try = Callable[[Any, Any, bool], tuple[Any, ErrorEntry | None]]
"""`Schema.try_msgspec`, or a function with the same signature."""


class Validator:
    """Converts raw values to one type: with msgspec, and in Python only if that fails.

    With *allow_unknown* its classes ignore unknown fields; *scalars* are the application's.

    Raises:
        TypeError, NameError: msgspec does not support the type.
    """

    def __init__(
        self, type_: Any, *, allow_unknown: bool = False, scalars: Scalars = NO_SCALARS
    ) -> None:
        self._type, self._is_optional = _without_none(type_)
        self.schema = read_schema(self._type, allow_unknown=allow_unknown, scalars=scalars)
        self._try: Try = _fail
        if not self.schema.needs_python:
            kept = self.schema if is_kept(self._type) else KeptType(self.schema, self._type)
            self._try = kept.try_msgspec
        self._complete = completion_of(self.schema)

    def read(self, raw: Any, path: str, errors: ValidationErrors, lenient: bool = False) -> Any:
        """Convert *raw*, or return `INVALID`; with *lenient* a text ``"7"`` is a number."""
        if raw is None and self._is_optional:
            return None
        try:
            value, failure = self._try(self._type, raw, lenient)
            if failure is not None:
                value = self._collect(failure, raw, path, errors, lenient)
            if self._complete is not None and value is not INVALID:
                self._complete(value)
        except RecursionError:
            return errors.add(path, TOO_DEEP)
        except UnicodeEncodeError:
            return errors.add(path, NOT_UTF8)
        return value

    def validate(self, raw: Any, path: str = "body", *, lenient: bool = False) -> Any:
        """Like `read`, for a value that is not an argument of an action.

        Raises:
            UnprocessableEntityException: with every error; their paths begin with *path*.
        """
        if self._complete is None:  # most values are valid, so this path creates no list of errors
            try:
                value, failure = self._try(self._type, raw, lenient)
            except (RecursionError, UnicodeEncodeError):
                failure = UNCERTAIN  # `read` adds the error
            if failure is None:
                return value
        errors = ValidationErrors()
        value = self.read(raw, path, errors, lenient)
        if errors.entries:
            raise rejection(errors.entries)
        return value

    def _collect(
        self, failure: ErrorEntry, raw: Any, path: str, errors: ValidationErrors, lenient: bool
    ) -> Any:
        if lenient and (replaced := self.schema.replace_form_texts(raw)) != raw:
            return self.read(replaced, path, errors, lenient)
        if self.schema.needs_python:
            return self.schema.collect(raw, path, errors, lenient)
        return self.schema.collect_after(failure, raw, path, errors, lenient)


def _without_none(type_: Any) -> tuple[Any, bool]:
    """Return ``(T, True)`` for ``T | None``, else ``(type_, False)``.

    msgspec is slower with the union, and reads the text "null" as None.
    """
    members = get_args(type_) if get_origin(type_) in UNIONS else ()
    rest = [member for member in members if member is not NoneType]
    return (rest[0], True) if len(members) == 2 and len(rest) == 1 else (type_, False)


def _fail(_type: Any, _raw: Any, _lenient: bool) -> tuple[Any, ErrorEntry | None]:
    """Replaces `Schema.try_msgspec` for types that must be converted in Python."""
    return INVALID, UNCERTAIN
