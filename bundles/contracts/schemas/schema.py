"""A compiled schema."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import attrs

from bundles.contracts.schemas.error_places import ErrorPlace
from bundles.contracts.schemas.error_texts import Text, metarhia_text, with_texts
from bundles.contracts.schemas.json_schema import Described, RefOf, describe
from bundles.contracts.schemas.nodes import Node, Reference, Struct, parts_of, resolved
from rxkernel import UnprocessableEntityException, Validator


def _local(name: str) -> str:
    return f"#/$defs/{name}"


@attrs.frozen(eq=False, repr=False)
class Schema:
    """A schema that converts and checks values, and can be a part of another notation.

    Attributes:
        name: its name, if other schemas can refer to it; paths in messages begin with it.
        type: its Python type; that of a struct is a `TypedDict`.
    """

    name: str
    type: Any
    node: Node
    _text: Text = metarhia_text

    def with_metarhia_texts(self) -> "Schema":
        """Return the same schema with the error texts of Metarhia's notation."""
        return Schema(self.name, self.type, self.node)

    def __repr__(self) -> str:
        """Its name, or its fields: ``<Schema {name, area?}>``."""
        node = resolved(self.node)
        text = self.name or node.title
        if isinstance(node, Struct) and not self.name:
            fields = (f"{name}{'' if f.is_required else '?'}" for name, f in node.fields.items())
            text = f"{{{', '.join(fields)}}}"
        return f"<Schema {text}>"

    @cached_property
    def validator(self) -> Validator:
        """The converter of values. It is made at the first access, since it reads all schemas to
        which this one refers.

        Raises:
            TypeError, ValueError: the type cannot be read; boot has checked this.
        """
        return Validator(self.type)

    def validate(self, value: Any, path: str = "body", *, lenient: bool = False) -> Any:
        """Return the converted *value*; the value itself is not changed.

        Args:
            path: the begin of the paths in ``errors``.
            lenient: whether texts are converted as in a query: ``"7"`` is a valid number.

        Raises:
            UnprocessableEntityException: its ``errors`` list every error.
        """
        try:
            return self.validator.validate(value, path, lenient=lenient)
        except UnprocessableEntityException as exc:
            root = ErrorPlace(self.node, value, self.name)
            errors = with_texts(exc.errors, root, path, self._text)
            raise UnprocessableEntityException(exc.message, errors=errors) from None

    @property
    def references(self) -> "Mapping[str, Schema]":
        """The named schemas to which this one refers, directly or through others, by name."""
        found: dict[str, Schema] = {}
        todo: list[Node] = [self.node]
        while todo:
            node = todo.pop()
            if not isinstance(node, Reference):
                todo += parts_of(node)
            elif node.name not in found:
                inner = node.resolve()
                found[node.name] = Schema(node.name, node.scope.type_of(node.name), inner)
                todo.append(inner)
        return found

    def json_schema(self, ref_of: RefOf = _local) -> Described:
        """Return the JSON Schema of the values that a client may send.

        Args:
            ref_of: returns the URI of a named schema to which this one refers.
        """
        return describe(self.node, ref_of)
