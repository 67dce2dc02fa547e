"""The schema of a union."""

import functools
from collections.abc import Iterable, Iterator, Mapping
from types import NoneType
from typing import Any, Union

import attrs

from rxkernel.kernel.binding.containers import MappingSchema
from rxkernel.kernel.binding.custom_scalar import CustomScalarSchema
from rxkernel.kernel.binding.model import ModelSchema
from rxkernel.kernel.binding.scalar import ScalarSchema, merge_scalars
from rxkernel.kernel.binding.schema import ARRAYS, SCALARS, Schema
from rxkernel.kernel.binding.validation_errors import UNCERTAIN, ValidationErrors
from rxkernel.messages.input_errors import (
    MISSING_INPUT,
    ErrorEntry,
    kind_of,
    wrong_choice,
    wrong_type,
)
from rxkernel.routing.union_tags import UnionTag, key_of


@attrs.define(eq=False)
class UnionSchema(Schema):
    """Alternatives that differ by their JSON type, or, for several classes, by their tag.

    ``tag`` is set if the tag is a field of attrs classes or dataclasses. The tag of Structs is not
    a field; msgspec reads it.
    """

    scalar: ScalarSchema | None
    arrays: tuple[Schema, ...]
    mapping: MappingSchema | None
    models: tuple[ModelSchema, ...]
    is_optional: bool
    tag: UnionTag | None = None
    custom: tuple[CustomScalarSchema, ...] = ()

    @classmethod
    def of(
        cls, alternatives: Iterable[Schema], *, is_optional: bool, tag: UnionTag | None = None
    ) -> "UnionSchema":
        scalars, arrays, mappings, models, custom = [], [], [], [], []
        for each in alternatives:
            if isinstance(each, ScalarSchema):
                scalars.append(each)
            elif isinstance(each, CustomScalarSchema):
                custom.append(each)
            elif isinstance(each, MappingSchema):
                mappings.append(each)
            elif isinstance(each, ModelSchema) and not each.is_array:
                models.append(each)
            else:
                arrays.append(each)
        mapping = mappings[0] if mappings else None
        return cls(
            merge_scalars(scalars),
            tuple(arrays),
            mapping,
            tuple(models),
            is_optional,
            tag,
            tuple(custom),
        )

    def parts(self) -> Iterator[Schema]:
        parts = (*self.custom, self.scalar, *self.arrays, self.mapping, *self.models)
        return (part for part in parts if part is not None)

    @property
    def array(self) -> Schema | None:
        """The alternative for an array; the first if tags distinguish several."""
        return self.arrays[0] if self.arrays else None

    @property
    def title(self) -> str:
        parts = (*self.custom, self.scalar, self.array, self.mapping, *self.models[:1])
        titles = [part.title for part in parts if part is not None]
        return " | ".join(titles + ["null"] * self.is_optional)

    @property
    def is_known_to_msgspec(self) -> bool:
        return self.tag is None and (not self.custom or len(list(self.parts())) == 1)

    @property
    def needs_python(self) -> bool:
        return self.tag is not None or super().needs_python

    @property
    def msgspec_type(self) -> Any:
        if self.tag is not None:
            return None
        types = [part.msgspec_type for part in self.parts()] + [NoneType] * self.is_optional
        return None if None in types else Union[tuple(types)]  # noqa: UP007 - made of a list

    @property
    def holds_many(self) -> bool:
        return self.array is not None and self.array.holds_many

    @property
    def accepts_empty_text(self) -> bool:
        if not self.custom:
            return super().accepts_empty_text
        return self.scalar is not None and self.scalar.accepts_empty_text

    @property
    def ignores_empty_text(self) -> bool:
        many = self.array if self.array is not None and self.array.holds_many else None
        return super().ignores_empty_text if many is None else many.ignores_empty_text

    @functools.cached_property
    def passthrough_classes(self) -> frozenset[type]:
        none = (NoneType,) if self.is_optional else ()
        return frozenset(none).union(*(part.passthrough_classes for part in self.parts()))

    def has_checks(self, lenient: bool) -> bool:
        return (lenient and self.is_optional) or super().has_checks(lenient)

    @functools.cached_property
    def _tag_field(self) -> str:
        tagged = (model.tag_field for model in self.models)
        return next(filter(None, tagged), "") if self.tag is None else self.tag.field

    @functools.cached_property
    def _by_tag(self) -> dict[Any, ModelSchema]:
        """The classes by the key of their tag."""
        if self.tag is None:
            return {key_of(model.tag): model for model in self.models}
        by_class = {model.make: model for model in self.models}
        return {key_of(value): by_class[cls] for value, cls in self.tag.classes}

    @functools.cached_property
    def _by_text(self) -> dict[Any, ModelSchema]:
        """Like `_by_tag`, with the tags also as text, for a lenient source."""
        texts = {key_of(str(value)): model for (_, value), model in self._by_tag.items()}
        return {**texts, **self._by_tag}

    def _choose(self, raw: Any, lenient: bool = False) -> Schema | None:
        if isinstance(raw, dict):
            return self._choose_model(raw, lenient) if self.models else self.mapping
        if isinstance(raw, ARRAYS):
            return self._choose_array(raw)
        return self._choose_custom(raw, lenient) if self.custom else self.scalar

    def _choose_custom(self, raw: Any, lenient: bool) -> Schema | None:
        """Choose by the type on the wire. If none fits, another scalar reports the error."""
        accepting = (schema for schema in self.custom if schema.accepts(raw, lenient))
        return next(accepting, self.scalar or self.custom[0])

    def _choose_model(self, raw: Mapping[str, Any], lenient: bool) -> ModelSchema | None:
        if len(self.models) == 1:
            return self.models[0]
        by_tag = self._by_text if lenient else self._by_tag
        return by_tag.get(key_of(raw.get(self._tag_field)))

    def with_inputs_of(self, raw: Mapping[str, Any]) -> Schema:
        model = self._choose_model(raw, lenient=True) if self.models else None
        return self if model is None else model

    def _choose_array(self, raw: Any) -> Schema | None:
        tag = next(iter(raw), None)
        tagged = (a for a in self.arrays if isinstance(a, ModelSchema) and a.tag == tag)
        return next(tagged, self.array) if len(self.arrays) > 1 else self.array

    def find_error(self, raw: Any, lenient: bool) -> ErrorEntry | None:
        if raw is None:
            return None
        if lenient and self.is_optional and isinstance(raw, str) and raw.lower() == "null":
            return (
                UNCERTAIN  # msgspec reads None, but a client omits the value instead of sending it
            )
        schema = self._choose(raw, lenient)
        return None if schema is None else schema.find_error(raw, lenient)

    def collect(self, raw: Any, path: str, errors: ValidationErrors, lenient: bool) -> Any:
        if raw is None and self.is_optional:
            return None
        if (schema := self._choose(raw, lenient)) is not None:
            return schema.convert(raw, path, errors, lenient)
        if isinstance(raw, dict) and self.models:
            has_tag = self._tag_field in raw
            error = wrong_choice(value for _, value in self._by_tag) if has_tag else MISSING_INPUT
            return errors.add(f"{path}.{self._tag_field}", error)
        return errors.add(path, wrong_type(self.title, kind_of(raw)))

    def replace_form_texts(self, raw: Any) -> Any:
        schema = self._choose(raw, lenient=True)
        return raw if schema is None else schema.replace_form_texts(raw)

    def to_plain(self, value: Any) -> Any:
        schema = self.choose_for_instance(value)
        return value if schema is None else schema.to_plain(value)

    def choose_for_instance(self, value: Any) -> Schema | None:
        """Return the alternative for a returned *value*; None for a scalar, or if none fits."""
        if (custom := next((c for c in self.custom if c.passes_through(value)), None)) is not None:
            return custom
        if value is None or isinstance(value, SCALARS):
            return None
        if isinstance(value, Mapping):
            return self._choose(dict(value))
        if (schema := self._class_of(value)) is not None:
            return schema
        if self.tag is not None and hasattr(value, self.tag.field):
            return self._by_tag.get(key_of(getattr(value, self.tag.field)))
        if isinstance(self.array, ModelSchema) or isinstance(value, Iterable):
            return self.array
        return self.models[0] if len(self.models) == 1 else None

    def _class_of(self, value: Any) -> Schema | None:
        """Return the alternative for the class of *value*, or for its nearest base class."""
        arrays = (a for a in self.arrays if isinstance(a, ModelSchema))
        by_class = {schema.cls: schema for schema in (*arrays, *self.models)}
        return next((by_class[cls] for cls in type(value).__mro__ if cls in by_class), None)

    @functools.cached_property
    def _inspected(self) -> list[Schema]:
        """The alternatives whose values must be checked; for the others the class is enough."""
        models = [model for model in self.models if not model.is_closed]
        # with models, a dict may be a model or a mapping; `to_plain` decides
        mappings = [] if self.models or self.mapping is None else [self.mapping]
        return [*self.custom, *models, *self.arrays, *mappings]

    def passes_through(self, value: Any) -> bool:
        if type(value) in self.passthrough_classes:
            return True
        return any(schema.passes_through(value) for schema in self._inspected)
