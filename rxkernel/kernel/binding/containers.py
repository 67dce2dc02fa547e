"""The schemas of arrays, tuples and mappings."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import is_
from types import GenericAlias
from typing import Any

import attrs

from rxkernel.kernel.binding.hash_collisions import has_collisions
from rxkernel.kernel.binding.scalar import ScalarSchema
from rxkernel.kernel.binding.schema import ARRAYS, SCALARS, Schema
from rxkernel.kernel.binding.validation_errors import INVALID, Mode, ValidationErrors
from rxkernel.messages.input_errors import (
    ErrorEntry,
    below,
    invalid,
    kind_of,
    too_many_collisions,
    wrong_length,
    wrong_type,
)

_SETS = (set, frozenset)
_EQUAL_ITEMS = too_many_collisions("items")
_EQUAL_KEYS = too_many_collisions("keys")
_TEXT = frozenset({str})


def _has_invalid(values: Iterable[Any]) -> bool:
    return any(value is INVALID for value in values)


def _is_any(schema: Schema) -> bool:
    return isinstance(schema, ScalarSchema) and schema.type is Any


def _all_pass(schema: Schema, values: Iterable[Any]) -> bool:
    if schema.passthrough_classes.issuperset(map(type, values)):
        return True
    return all(map(schema.passes_through, values))


@attrs.define(eq=False)
class ArraySchema(Schema):
    """Any number of items of one type; ``make`` creates the array from a list."""

    item: Schema
    make: Callable[[list[Any]], Any]
    shortest: int = 0
    longest: int | None = None
    title: str = "array"

    # not cached: attrs would add `__getattr__` to the class, which slows down every attribute
    @property
    def _checks_hashes(self) -> bool:
        return self.make in _SETS and self.item.has_chosen_hash

    @property
    def needs_python(self) -> bool:
        """msgspec would make a set before the hashes of its items are checked."""
        return self._checks_hashes or super().needs_python

    @property
    def _is_any_list(self) -> bool:
        return self.make is list and not self.shortest and self.longest is None

    @property
    def msgspec_type(self) -> Any:
        item = self.item.msgspec_type if self._is_any_list else None
        return None if item is None else GenericAlias(list, item)

    @property
    def holds_many(self) -> bool:
        return True

    @property
    def ignores_empty_text(self) -> bool:
        return self.item.ignores_empty_text

    @property
    def passthrough_classes(self) -> frozenset[type]:
        return frozenset({list} if _is_any(self.item) else ())

    def parts(self) -> Iterator[Schema]:
        yield self.item

    def find_error(self, raw: Any, lenient: bool) -> ErrorEntry | None:
        if self.item.has_checks(lenient):
            find_error = self.item.find_error
            for place, each in enumerate(raw):
                if (error := find_error(each, lenient)) is not None:
                    return error.at(f"[{place}]")
        return None

    def collect(self, raw: Any, path: str, errors: ValidationErrors, lenient: bool) -> Any:
        if not isinstance(raw, ARRAYS):
            return errors.add(path, wrong_type("array", kind_of(raw)))
        if error := wrong_length("array", len(raw), self.shortest, self.longest):
            return errors.add(path, error)
        values: list[Any] = []
        if self._checks_hashes and errors.mode is Mode.MSGSPEC and self._list_type is not None:
            values, failure = self.try_msgspec(self._list_type, raw, lenient)
            if failure is not None:
                return self.collect_after(failure, raw, path, errors, lenient)
            return self._made(values, path, errors)
        for place, each in enumerate(raw):
            if errors.is_done:
                return INVALID
            values.append(self.item.convert(each, f"{path}[{place}]", errors, lenient))
        return INVALID if _has_invalid(values) else self._made(values, path, errors)

    @property
    def _list_type(self) -> Any:
        """The type with which msgspec converts all items at once, if it can."""
        item = self.item.msgspec_type
        return None if item is None else GenericAlias(list, item)

    def _made(self, values: list[Any], path: str, errors: ValidationErrors) -> Any:
        try:
            if self._checks_hashes and has_collisions(values):
                return errors.add(path, _EQUAL_ITEMS)
            return self.make(values)
        except TypeError:
            if self._are_hashable(values, path, errors):
                raise
            return INVALID

    def _are_hashable(self, values: list[Any], path: str, errors: ValidationErrors) -> bool:
        """Whether all items are hashable; add an error for each other item."""
        is_valid = True
        for place, value in enumerate(values):
            try:
                hash(value)
            except TypeError:
                is_valid = False
                errors.add(f"{path}[{place}]", invalid("cannot be an item of a set"))
        return is_valid

    def replace_form_texts(self, raw: Any) -> Any:
        return list(map(self.item.replace_form_texts, raw)) if isinstance(raw, list) else raw

    def to_plain(self, value: Any) -> Any:
        if isinstance(value, (*SCALARS, Mapping)) or not isinstance(value, Iterable):
            return value
        if not self.item.has_models:
            return value if isinstance(value, ARRAYS) else list(value)
        items = list(value)
        plain = list(map(self.item.to_plain, items))
        return value if isinstance(value, ARRAYS) and all(map(is_, plain, items)) else plain

    def passes_through(self, value: Any) -> bool:
        if type(value) is not list:
            return False
        return _is_any(self.item) or (self._is_any_list and _all_pass(self.item, value))


@attrs.define(eq=False)
class TupleSchema(Schema):
    """A fixed number of items, each of its own type: a tuple, or a named tuple with ``names``."""

    items: tuple[Schema, ...]
    make: Callable[[list[Any]], Any]
    cls: Any
    names: tuple[str, ...] = ()
    shortest: int = 0
    title: str = "array"
    has_models: bool = True

    @property
    def holds_many(self) -> bool:
        return True

    @property
    def ignores_empty_text(self) -> bool:
        return False  # without an empty text, the values after it would be shifted

    def parts(self) -> Iterator[Schema]:
        return iter(self.items)

    def has_checks(self, lenient: bool) -> bool:
        return True

    def find_error(self, raw: Any, lenient: bool) -> ErrorEntry | None:
        if len(raw) > len(self.items):
            return wrong_length("array", len(raw), self.shortest, len(self.items))
        for place, (schema, each) in enumerate(zip(self.items, raw, strict=False)):
            if (error := schema.find_error(each, lenient)) is not None:
                return error.at(f"[{place}]")
        return None

    def collect(self, raw: Any, path: str, errors: ValidationErrors, lenient: bool) -> Any:
        if not isinstance(raw, list | tuple):
            return errors.add(path, wrong_type("array", kind_of(raw)))
        if error := wrong_length("array", len(raw), self.shortest, len(self.items)):
            return errors.add(path, error)
        values = [
            schema.convert(each, f"{path}[{place}]", errors, lenient)
            for place, (schema, each) in enumerate(zip(self.items, raw, strict=False))
        ]
        return INVALID if _has_invalid(values) else self.make(values)

    def replace_form_texts(self, raw: Any) -> Any:
        if not isinstance(raw, list) or len(raw) > len(self.items):
            return raw
        return [s.replace_form_texts(each) for s, each in zip(self.items, raw, strict=False)]

    def to_plain(self, value: Any) -> Any:
        if isinstance(value, list | tuple):
            parts = list(value)
        elif self.names and not isinstance(value, (*SCALARS, Mapping)):
            parts = [getattr(value, name) for name in self.names if hasattr(value, name)]
        else:
            return value
        plain = [s.to_plain(part) for s, part in zip(self.items, parts, strict=False)]
        is_same = len(plain) == len(parts) and all(map(is_, plain, parts))
        return value if is_same and type(value) is self.cls else plain + parts[len(plain) :]

    def passes_through(self, value: Any) -> bool:
        return (
            isinstance(value, tuple)
            and type(value) is self.cls
            and self.shortest <= len(value) <= len(self.items)
            and all(s.passes_through(part) for s, part in zip(self.items, value, strict=False))
        )


@attrs.define(eq=False)
class MappingSchema(Schema):
    """A mapping; its keys are texts on the wire."""

    key: Schema
    value: Schema
    shortest: int = 0
    longest: int | None = None
    title: str = "object"

    @property
    def needs_python(self) -> bool:
        return not self._has_text_keys or super().needs_python

    @property
    def _checks_hashes(self) -> bool:
        return not self._has_text_keys and self.key.has_chosen_hash

    @property
    def _has_text_keys(self) -> bool:
        return isinstance(self.key, ScalarSchema) and self.key.type in (str, Any)

    @property
    def _is_any_dict(self) -> bool:
        return self._has_text_keys and not self.shortest and self.longest is None

    @property
    def msgspec_type(self) -> Any:
        value = self.value.msgspec_type if self._is_any_dict else None
        return None if value is None else GenericAlias(dict, (str, value))

    @property
    def passthrough_classes(self) -> frozenset[type]:
        return frozenset({dict} if _is_any(self.value) else ())

    def parts(self) -> Iterator[Schema]:
        yield self.value

    def has_checks(self, lenient: bool) -> bool:
        return self.key.has_checks(True) or super().has_checks(lenient)

    def find_error(self, raw: Any, lenient: bool) -> ErrorEntry | None:
        for key, each in raw.items() if self.has_checks(lenient) else ():
            error = self.key.find_error(key, True) or self.value.find_error(each, lenient)
            if error is not None:
                return error.at(below("", key))
        return None

    def collect(self, raw: Any, path: str, errors: ValidationErrors, lenient: bool) -> Any:
        if not isinstance(raw, Mapping):
            return errors.add(path, wrong_type("object", kind_of(raw)))
        if error := wrong_length("object", len(raw), self.shortest, self.longest):
            return errors.add(path, error)
        names, values, is_valid = [], [], True
        for key, each in raw.items():
            if errors.is_done:
                return INVALID
            place = below(path, key)
            name = key if self._has_text_keys else self.key.collect(key, place, errors, True)
            value = self.value.convert(each, place, errors, lenient)
            names.append(name)
            values.append(value)
            is_valid = is_valid and name is not INVALID and value is not INVALID
        if not is_valid:
            return INVALID
        if self._checks_hashes and has_collisions(names):
            return errors.add(path, _EQUAL_KEYS)
        return dict(zip(names, values, strict=True))

    def replace_form_texts(self, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        return {key: self.value.replace_form_texts(each) for key, each in raw.items()}

    def to_plain(self, value: Any) -> Any:
        if not (self.has_models and isinstance(value, Mapping)):
            return value
        plain = {key: self.value.to_plain(each) for key, each in value.items()}
        return value if all(plain[key] is value[key] for key in plain) else plain

    def passes_through(self, value: Any) -> bool:
        if type(value) is not dict:
            return False
        if _is_any(self.value):
            return True
        return (
            self._is_any_dict
            and _TEXT.issuperset(map(type, value))
            and _all_pass(self.value, value.values())
        )
