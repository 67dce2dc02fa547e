"""The schema of a class with fields."""

import functools
from collections.abc import Callable, Iterator, Mapping
from operator import is_
from typing import Any

import attrs

from rxkernel.kernel.binding.class_errors import find_rejected_field
from rxkernel.kernel.binding.extra_attributes import ExtraAttributes
from rxkernel.kernel.binding.schema import ARRAYS, SCALARS, Field, Schema
from rxkernel.kernel.binding.validation_errors import INVALID, ValidationErrors
from rxkernel.messages.input_errors import (
    MISSING_INPUT,
    UNKNOWN_FIELD,
    ErrorEntry,
    below,
    kind_of,
    wrong_choice,
    wrong_length,
    wrong_type,
)


@attrs.define(eq=False)
class ModelSchema(Schema):
    """A class with named fields: attrs, dataclass, `msgspec.Struct`, or a `TypedDict`.

    ``inputs`` are the fields that a client may send, ``outputs`` are all fields. Both are set
    after the schema is created, because a field may have the class itself as its type. With
    ``is_array`` a Struct is sent as an array: its tag, if it has one, then its fields in order.
    """

    cls: Any
    make: Callable[..., Any]
    tag_field: str | None
    tag: Any
    allow_unknown: bool
    needs_python: bool
    is_array: bool
    is_attrs: bool
    inputs: Mapping[str, Field] = attrs.field(factory=dict)
    outputs: tuple[Field, ...] = ()
    title: str = "object"
    has_models: bool = True

    @functools.cached_property
    def _places(self) -> list[tuple[Any, str, Field]]:
        """For each field: its key or index, that as part of a path, and the field."""
        if self.is_array:
            first = int(self.tag_field is not None)
            return [(n, f"[{n}]", field) for n, field in enumerate(self.outputs, first)]
        return [(key, f".{key}", field) for key, field in self.inputs.items()]

    @property
    def _tag_key(self) -> Any:
        return 0 if self.is_array else self.tag_field

    @functools.cached_property
    def _known(self) -> frozenset[Any]:
        tag = () if self.tag_field is None else (self._tag_key,)
        return frozenset((*tag, *(key for key, _, _ in self._places)))

    @functools.cached_property
    def _required_count(self) -> int:
        return sum(field.is_required for field in self.inputs.values())

    @functools.cached_property
    def _checked(self) -> tuple[list[tuple[Any, str, Schema]], ...]:
        """The fields that `find_error` checks, for a strict and for a lenient source."""
        return tuple(
            [(k, place, f.schema) for k, place, f in self._places if f.schema.has_checks(lenient)]
            for lenient in (False, True)
        )

    @property
    def has_chosen_hash(self) -> bool:
        """A class may have a hash of its own; most are made of the hashes of the fields."""
        return True

    @property
    def msgspec_type(self) -> Any:
        return None if self.needs_python else self.make

    @functools.cached_property
    def is_closed(self) -> bool:
        """Whether instances of exactly this class can hold declared values only."""
        has_models = any(field.schema.has_models for field in self.outputs)
        return not (has_models or self.extra_attributes.are_possible)

    @functools.cached_property
    def extra_attributes(self) -> ExtraAttributes:
        return ExtraAttributes(self.cls, frozenset(field.name for field in self.outputs))

    @functools.cached_property
    def passthrough_classes(self) -> frozenset[type]:
        return frozenset({self.cls} if self.is_closed else ())

    def parts(self) -> Iterator[Schema]:
        return (field.schema for field in self.outputs)

    def has_checks(self, lenient: bool) -> bool:
        return True

    def find_error(self, raw: Any, lenient: bool) -> ErrorEntry | None:
        if self.is_array:
            raw = dict(enumerate(raw))
        # most requests have only the required fields, all of which msgspec has found
        if len(raw) != self._required_count and (error := self._find_unknown(raw)) is not None:
            return error
        for key, place, schema in self._checked[lenient]:
            if key in raw and (error := schema.find_error(raw[key], lenient)) is not None:
                return error.at(place)
        return None

    def _find_unknown(self, raw: dict[Any, Any]) -> ErrorEntry | None:
        if self.allow_unknown or self._known.issuperset(raw):
            return None
        if self.is_array:
            return wrong_length("array", len(raw), longest=len(self._known))
        return UNKNOWN_FIELD.at(below("", next(key for key in raw if key not in self._known)))

    def collect(self, raw: Any, path: str, errors: ValidationErrors, lenient: bool) -> Any:
        kind, classes = ("array", ARRAYS) if self.is_array else ("object", (dict,))
        if not isinstance(raw, classes):
            return errors.add(path, wrong_type(kind, kind_of(raw)))
        if self.is_array:
            raw = dict(enumerate(raw))
            if (error := self._find_unknown(raw)) is not None:
                return errors.add(path, error)
        arguments = self._collect_fields(raw, path, errors, lenient)
        if not self._check_known(raw, path, errors) or arguments is None:
            return INVALID
        return self._construct(arguments, path, errors)

    def _collect_fields(
        self, raw: dict[Any, Any], path: str, errors: ValidationErrors, lenient: bool
    ) -> dict[str, Any] | None:
        """The arguments of the constructor; None if there are errors."""
        arguments, is_valid = {}, self._check_tag(raw, path, errors)
        for key, place, field in self._places:
            if key in raw:
                value = field.schema.convert(raw[key], path + place, errors, lenient)
                arguments[field.argument] = value
                is_valid = is_valid and value is not INVALID
            elif field.is_required:
                errors.add(path + place, MISSING_INPUT)
                is_valid = False
        return arguments if is_valid else None

    def _check_tag(self, raw: dict[Any, Any], path: str, errors: ValidationErrors) -> bool:
        """Whether the tag is correct. An object may omit it unless there are several classes."""
        if self.tag_field is None:
            return True
        if raw.get(self._tag_key, INVALID if self.is_array else self.tag) == self.tag:
            return True
        place = "[0]" if self.is_array else f".{self.tag_field}"
        errors.add(path + place, wrong_choice([self.tag]))
        return False

    def _check_known(self, raw: dict[Any, Any], path: str, errors: ValidationErrors) -> bool:
        if self.allow_unknown or self._known.issuperset(raw):
            return True
        for key in raw:
            if key not in self._known:
                errors.add(below(path, key), UNKNOWN_FIELD)
            if errors.is_full:
                break
        return False

    def _construct(self, arguments: dict[str, Any], path: str, errors: ValidationErrors) -> Any:
        instance = None
        try:
            if not self.is_attrs:
                return self.make(**arguments)
            # in two steps: after an exception, the fields that are set show which one was rejected
            instance = self.cls.__new__(self.cls)
            instance.__init__(**arguments)
            return instance
        except (TypeError, ValueError) as exc:
            name, error = find_rejected_field(instance, exc)
            keys = {field.name: key for key, field in self.inputs.items()}
            return errors.add(f"{path}.{keys[name]}" if name in keys else path, error)

    def replace_form_texts(self, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        fields = self.inputs
        return {
            key: fields[key].schema.replace_form_texts(each) if key in fields else each
            for key, each in raw.items()
        }

    def to_plain(self, value: Any) -> Any:
        if type(value) is self.cls and self.is_closed:
            return value
        if (parts := self.parts_of(value)) is None:
            return value
        schemas = {field.key: field.schema for field in self.outputs}
        plain = {key: schemas[key].to_plain(part) for key, part in parts.items()}
        return self.with_parts(value, parts, plain)

    def with_parts(self, value: Any, parts: dict[str, Any], plain: dict[str, Any]) -> Any:
        """Return *value* with its *parts* converted to *plain*: *value* itself if it is an
        instance with exactly these parts, else a dict, or a list for an array."""
        is_same = (
            type(value) is self.cls
            and len(plain) == len(parts)
            and all(map(is_, plain.values(), parts.values()))
        )
        if is_same and not self.extra_attributes.are_in(value):
            return value
        tagged = plain if self.tag_field is None else {self.tag_field: self.tag, **plain}
        return list(tagged.values()) if self.is_array else tagged

    def parts_of(self, value: Any) -> dict[str, Any] | None:
        """Return the fields of *value* by key. A mapping may use keys or names of fields."""
        if isinstance(value, Mapping):
            names = {f.key: f.key if f.key in value else f.name for f in self.outputs}
            return {key: value[name] for key, name in names.items() if name in value}
        if value is None or isinstance(value, SCALARS + ARRAYS):
            return None
        return {f.key: getattr(value, f.name) for f in self.outputs if hasattr(value, f.name)}

    @functools.cached_property
    def _unsafe_fields(self) -> list[tuple[str, frozenset[type], Schema]]:
        """The fields that can hold undeclared values: msgspec does not check instances."""
        fields = [(field.name, field.schema) for field in self.outputs]
        return [(name, s.passthrough_classes, s) for name, s in fields if s.has_models]

    def passes_through(self, value: Any) -> bool:
        if type(value) is not self.cls:
            return False
        for name, classes, schema in self._unsafe_fields:
            part = getattr(value, name, INVALID)
            if not (type(part) in classes or schema.passes_through(part)):
                return False
        extra = self.extra_attributes
        return not (extra.are_possible and extra.are_in(value))
