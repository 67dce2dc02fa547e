"""A schema whose fields have Python types, such as the parameters of a function."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Self

import attrs

from bundles.contracts.schemas.error_places import ErrorPlace
from bundles.contracts.schemas.json_schema import Described
from bundles.contracts.schemas.nodes import Anything, Node, Scalar, Struct
from bundles.contracts.schemas.scalar_types import ScalarType
from bundles.contracts.schemas.schema import Schema
from bundles.contracts.schemas.type_builder import TypeBuilder
from rxkernel import ConfigurationError, unreadable


@attrs.frozen(eq=False, repr=False)
class TypedSchema(Schema):
    """An object with the fields *types*, which are types of typed actions.

    Attributes:
        types: the types by name.
        defaults: the values of optional fields, for documentation; missing fields are not set.
    """

    types: Mapping[str, Any] = attrs.field(kw_only=True)
    defaults: Mapping[str, Any] = attrs.field(kw_only=True)

    @classmethod
    def of(cls, types: Mapping[str, Any], defaults: Mapping[str, Any]) -> Self:
        """Return the schema of *types*; the fields in *defaults* are optional.

        Raises:
            ConfigurationError: lists every type that a request cannot provide.
        """
        reasons = {name: unreadable(type_) for name, type_ in types.items() if type_ is not Any}
        if problems := [f"{name!r}: {reason}" for name, reason in reasons.items() if reason]:
            raise ConfigurationError(*problems)
        node = Struct(
            fields={name: _node_of(name, type_, defaults) for name, type_ in types.items()},
            title="object",
        )
        builder = TypeBuilder()
        type_ = builder.build(node, "Arguments")
        builder.finish()
        schema = cls("", type_, node, _text, types=types, defaults=defaults)
        _ = schema.validator
        return schema

    def described_by(
        self,
        input_of: Callable[[Any], Described],
        with_default: Callable[[Described, Any], Described],
    ) -> Described:
        """Return the JSON Schema, with the schemas that *input_of* returns for types, so that
        those of classes can be components."""
        fields = {name: input_of(type_) for name, type_ in self.types.items()}
        for name, default in self.defaults.items():
            if default is not None:
                fields[name] = with_default(fields[name], default)
        required = [name for name in fields if name not in self.defaults]
        found = {"type": "object", "properties": fields, "additionalProperties": False}
        return {**found, "required": required} if required else found


def _node_of(name: str, type_: Any, optional: Collection[str]) -> Node:
    is_optional = name in optional
    if type_ is Any or type_ is object:
        return Anything(title="any", is_optional=is_optional)
    return Scalar(type=ScalarType(name, "other", type_), title=name, is_optional=is_optional)


def _text(entry: Mapping[str, Any], _: ErrorPlace) -> str:
    """Return the text of the kernel, as for a typed action."""
    text: str = entry["message"]
    return text
