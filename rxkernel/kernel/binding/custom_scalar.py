"""The schema of a custom scalar, see `Scalar`."""

from collections.abc import Iterator
from typing import Any

import attrs
import msgspec

from rxkernel.exceptions import RxKernelError
from rxkernel.kernel.binding.class_errors import error_of
from rxkernel.kernel.binding.scalar import ScalarSchema
from rxkernel.kernel.binding.schema import Schema
from rxkernel.kernel.binding.validation_errors import INVALID, UNCERTAIN, ValidationErrors
from rxkernel.messages.input_errors import ErrorEntry
from rxkernel.routing.scalars import Scalar, wire_class


@attrs.define(eq=False)
class CustomScalarSchema(Schema):
    """A class that ``scalar`` decodes from a value of ``wire``."""

    scalar: Scalar
    wire: ScalarSchema

    @property
    def title(self) -> str:
        return self.wire.title

    @property
    def needs_python(self) -> bool:
        return True

    @property
    def has_chosen_hash(self) -> bool:
        return True

    @property
    def accepts_empty_text(self) -> bool:
        """Empty inputs of a form are not decoded."""
        return False

    @property
    def passthrough_classes(self) -> frozenset[type]:
        return frozenset({self.scalar.type})

    def parts(self) -> Iterator[Schema]:
        return iter(())

    def has_checks(self, lenient: bool) -> bool:
        return True

    def find_error(self, raw: Any, lenient: bool) -> ErrorEntry | None:
        return UNCERTAIN

    def collect(self, raw: Any, path: str, errors: ValidationErrors, lenient: bool) -> Any:
        if isinstance(raw, self.scalar.type):  # returned by a converter of the path
            return raw
        value = self.wire.collect(raw, path, errors, lenient)
        return value if value is INVALID else self._decode(value, path, errors)

    def _decode(self, value: Any, path: str, errors: ValidationErrors) -> Any:
        cls = self.scalar.type
        try:
            instance = self.scalar.decode(value)
        except (TypeError, ValueError) as exc:
            return errors.add(path, error_of(exc))
        if not isinstance(instance, cls):
            raise RxKernelError(
                f"decode of the scalar {cls.__qualname__} returned a "
                f"{type(instance).__qualname__}; return an instance of {cls.__qualname__}, or "
                f"raise a ValueError"
            )
        return instance

    def accepts(self, raw: Any, lenient: bool) -> bool:
        """Whether *raw* has the type of this scalar on the wire."""
        if isinstance(raw, self.scalar.type):
            return True
        try:
            msgspec.convert(raw, wire_class(self.scalar), strict=not lenient)
        except msgspec.ValidationError:
            return False
        return True

    def replace_form_texts(self, raw: Any) -> Any:
        return self.wire.replace_form_texts(raw)

    def to_plain(self, value: Any) -> Any:
        return value

    def passes_through(self, value: Any) -> bool:
        return isinstance(value, self.scalar.type)
