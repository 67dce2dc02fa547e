"""The schema of a value without parts, which msgspec converts."""

import functools
from collections.abc import Iterator
from itertools import chain
from typing import Any, Union, get_args, get_origin

import attrs
import msgspec

from rxkernel.kernel.binding.hash_collisions import has_chosen_hash
from rxkernel.kernel.binding.schema import Schema
from rxkernel.kernel.binding.validation_errors import Mode, ValidationErrors
from rxkernel.messages.conversion_errors import entry_of
from rxkernel.messages.form_texts import replace_form_text
from rxkernel.messages.input_errors import ErrorEntry
from rxkernel.messages.number_checks import Check, lenient_check_of, strict_check_of
from rxkernel.routing.annotations import UNIONS, bare

_PASSTHROUGH = frozenset({bool, int, float, str, bytes})


@attrs.define(eq=False)
class ScalarSchema(Schema):
    """A value without parts: a number, a text, a date, an enum, or Any.

    Every error lists the ``choices``, if any. The checks run on values that msgspec has accepted.
    """

    type: Any
    title: str
    choices: tuple[Any, ...] = ()
    strict_check: Check | None = None
    lenient_check: Check | None = None

    @property
    def msgspec_type(self) -> Any:
        return self.type

    @functools.cached_property
    def passthrough_classes(self) -> frozenset[type]:
        return _PASSTHROUGH.intersection(self._types)

    @property
    def _types(self) -> tuple[Any, ...]:
        return get_args(self.type) if get_origin(self.type) in UNIONS else (self.type,)

    @property
    def has_chosen_hash(self) -> bool:
        return any(map(has_chosen_hash, map(bare, self._types)))

    def parts(self) -> Iterator[Schema]:
        return iter(())

    def has_checks(self, lenient: bool) -> bool:
        return (self.lenient_check if lenient else self.strict_check) is not None

    def find_error(self, raw: Any, lenient: bool) -> ErrorEntry | None:
        check = self.lenient_check if lenient else self.strict_check
        return None if check is None else check(raw)

    def collect(self, raw: Any, path: str, errors: ValidationErrors, lenient: bool) -> Any:
        try:
            value = msgspec.convert(raw, self.type, strict=not lenient)
        except msgspec.ValidationError as exc:
            return errors.add(path, entry_of(exc, self.choices, lenient))
        if (error := self.find_error(raw, lenient)) is not None:
            return errors.add(path, error)
        return value

    def convert(self, raw: Any, path: str, errors: ValidationErrors, lenient: bool) -> Any:
        if errors.mode is Mode.SEARCH:
            errors.budget -= 1
        return self.collect(raw, path, errors, lenient)

    def replace_form_texts(self, raw: Any) -> Any:
        if not isinstance(raw, str):
            return raw
        return replace_form_text(raw, map(bare, self._types))

    def to_plain(self, value: Any) -> Any:
        return value


def merge_scalars(scalars: list[ScalarSchema]) -> ScalarSchema | None:
    """Merge the scalars of a union into one; msgspec chooses between their types."""
    if len(scalars) < 2:
        return scalars[0] if scalars else None
    choices = [scalar.choices for scalar in scalars]
    types = [bare(scalar.type) for scalar in scalars]
    return ScalarSchema(
        Union[tuple(scalar.type for scalar in scalars)],  # noqa: UP007 - made of a list
        " | ".join(scalar.title for scalar in scalars),
        tuple(chain(*choices)) if all(choices) else (),
        strict_check=strict_check_of(types),
        lenient_check=lenient_check_of(types),
    )
