"""Completes instances that msgspec has created.

msgspec does not set a default of a dataclass that is an attribute of the class, and it encodes a
dataclass from the ``__dict__`` of the instance: the action would see the field, but not the
response. It also encodes all attributes of an attrs instance, including those that are not fields.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import attrs

from rxkernel.kernel.binding.constructors import has_class_attribute
from rxkernel.kernel.binding.model import ModelSchema
from rxkernel.kernel.binding.schema import Schema

Complete = Callable[[Any], None]
"""Completes the instances in a value, at every depth."""


@attrs.frozen
class _Class:
    """The steps for instances of a class, and the names of its fields that hold instances."""

    steps: tuple[Complete, ...]
    names: tuple[str, ...]


def completion_of(schema: Schema, *, removes_extras: bool = False) -> Complete | None:
    """Return the function that completes values of *schema*; None if no value needs it.

    With *removes_extras* it also removes attributes that ``__attrs_post_init__`` has set.
    """
    models = [model for model in schema.walk() if isinstance(model, ModelSchema)]
    classes = {model.cls: _class_of(model, removes_extras) for model in models}
    return _walk(classes) if any(each.steps for each in classes.values()) else None


def _walk(classes: dict[Any, _Class]) -> Complete:
    def complete(value: Any) -> None:
        if (found := classes.get(type(value))) is not None:
            for step in found.steps:
                step(value)
            for name in found.names:
                complete(getattr(value, name, None))
        elif isinstance(value, dict):
            for part in value.values():
                complete(part)
        elif isinstance(value, list | tuple | set | frozenset):
            for part in value:
                complete(part)

    return complete


def _class_of(model: ModelSchema, removes_extras: bool) -> _Class:
    steps: list[Complete] = []
    if defaults := _missing_defaults(model.cls):
        steps.append(_set_defaults(defaults))
    if removes_extras and model.extra_attributes.are_set_by_class:
        steps.append(model.extra_attributes.remove_from)
    names = [field.name for field in model.outputs if field.schema.has_models]
    return _Class(tuple(steps), tuple(names))


def _missing_defaults(cls: Any) -> dict[str, Callable[[], Any]]:
    """The factories of the defaults that msgspec does not set, by field name."""
    fields = dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
    return {
        field.name: _default_factory(field)
        for field in fields
        if field.init and has_class_attribute(cls, field.name) and _has_default(field)
    }


def _has_default(field: "dataclasses.Field[Any]") -> bool:
    missing = dataclasses.MISSING
    return field.default is not missing or field.default_factory is not missing


def _default_factory(field: "dataclasses.Field[Any]") -> Callable[[], Any]:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory
    return lambda: field.default


def _set_defaults(defaults: dict[str, Callable[[], Any]]) -> Complete:
    def set_defaults(instance: Any) -> None:
        held = instance.__dict__
        for name, make in defaults.items():
            if name not in held:
                held[name] = make()

    return set_defaults
