"""The schema of a type, or of a part of one, with rules of `validated_by`."""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from rxkernel.kernel.binding.class_errors import error_of
from rxkernel.kernel.binding.scalar import ScalarSchema
from rxkernel.kernel.binding.schema import Field, Schema
from rxkernel.kernel.binding.validation_errors import INVALID, UNCERTAIN, ValidationErrors
from rxkernel.messages.input_errors import ErrorEntry
from rxkernel.routing.validated_by import Rule


@attrs.define(eq=False)
class ValidatedSchema(Schema):
    """A type whose converted values are passed to ``rules``, one after the other."""

    inner: Schema
    rules: tuple[Rule, ...]

    @property
    def title(self) -> str:
        return self.inner.title

    @property
    def needs_python(self) -> bool:
        return True

    @property
    def _holds_anything(self) -> bool:
        """Whether None is an ordinary value of the type; otherwise it means that none was sent."""
        inner = self.inner
        while isinstance(inner, ValidatedSchema):
            inner = inner.inner
        return isinstance(inner, ScalarSchema) and inner.type is Any

    @property
    def has_models(self) -> bool:
        return self.inner.has_models

    @property
    def has_chosen_hash(self) -> bool:
        """Rules may return values of any type."""
        return True

    @property
    def holds_many(self) -> bool:
        return self.inner.holds_many

    @property
    def inputs(self) -> Mapping[str, Field]:
        return self.inner.inputs

    @property
    def accepts_empty_text(self) -> bool:
        """Whether the type accepts an empty text; the rules are not called for it at boot."""
        return self.inner.accepts_empty_text

    @property
    def ignores_empty_text(self) -> bool:
        return self.inner.ignores_empty_text

    @property
    def passthrough_classes(self) -> frozenset[type]:
        return self.inner.passthrough_classes

    def parts(self) -> Iterator[Schema]:
        yield self.inner

    def has_checks(self, lenient: bool) -> bool:
        return True

    def find_error(self, raw: Any, lenient: bool) -> ErrorEntry | None:
        return UNCERTAIN

    def collect(self, raw: Any, path: str, errors: ValidationErrors, lenient: bool) -> Any:
        value = self.inner.convert(raw, path, errors, lenient)
        if value is INVALID or (value is None and not self._holds_anything):
            return value
        try:
            for rule in self.rules:
                value = rule(value)
        except ValueError as exc:
            return errors.add(path, error_of(exc))
        except ExceptionGroup as group:
            for error in _errors_of(group):
                errors.add(path, error_of(error))
            return INVALID
        return value

    def replace_form_texts(self, raw: Any) -> Any:
        return self.inner.replace_form_texts(raw)

    def to_plain(self, value: Any) -> Any:
        return self.inner.to_plain(value)

    def passes_through(self, value: Any) -> bool:
        return self.inner.passes_through(value)


def _errors_of(group: "ExceptionGroup[Exception]") -> Iterator[Exception]:
    """The exceptions in *group*, at every depth.

    Raises:
        ExceptionGroup: one of them is not a ValueError: a bug of the rule.
    """
    errors, bugs = group.split(ValueError)
    if bugs is not None or errors is None:
        raise group
    for error in errors.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _errors_of(error)
        else:
            yield error
