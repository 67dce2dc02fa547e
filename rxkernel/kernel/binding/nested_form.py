"""Reads the fields of a form whose names are paths (`form_names`) into one value."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

import attrs

from rxkernel.kernel.binding.arguments import MISSING, one_list
from rxkernel.kernel.binding.form_names import (
    MAX_INDEX,
    index_of,
    is_array,
    is_too_deep,
    parts_of,
    root_of,
    schema_at,
)
from rxkernel.kernel.binding.json_values import JsonValue, has_json_value, is_json_value
from rxkernel.kernel.binding.scalar import ScalarSchema
from rxkernel.kernel.binding.schema import Schema
from rxkernel.kernel.binding.validation_errors import INVALID, ValidationErrors
from rxkernel.messages.input_errors import TOO_DEEP, below, invalid
from rxkernel.messages.upload import UploadedFile

_SHOWN = 50

_ANYTHING = ScalarSchema(Any, "anything")
"""The schema of a part that the type does not have. The validator then reports its name."""

_CONFLICT = invalid("is sent as a value and by its parts; send one of them")
_WRONG_INDEX = invalid(f"expected an index from 0 to {MAX_INDEX}")


@attrs.define(eq=False)
class _Node:
    """The input for one part of the value; *is_appended* if a name ended with ``[]``.

    It does not store its path: the paths of many deep names would use far more memory than the
    names.
    """

    schema: Schema
    values: list[Any] = attrs.field(factory=list)
    children: dict[str | int, "_Node"] = attrs.field(factory=dict)
    is_appended: bool = False

    def child(self, key: str | int, schema: Schema) -> "_Node":
        node = self.children.get(key)
        if node is None:
            node = self.children[key] = _Node(schema)
        return node

    def value(self, path: str, errors: ValidationErrors, parts: list[JsonValue]) -> Any:
        """Return the value as plain data; add the JSON values in it to *parts*."""
        if not self.children:
            return self._leaf(path, parts)
        indexed = sorted(key for key in self.children if isinstance(key, int))
        is_mixed = 0 < len(indexed) < len(self.children) or has_json_value(self.values)
        if is_mixed or (self.values and not indexed):
            return errors.add(path, _CONFLICT)
        children = self.children
        if indexed:  # without gaps: browsers send the rows that were not removed
            items = enumerate(children[key] for key in indexed)
            values = [node.value(f"{path}[{place}]", errors, parts) for place, node in items]
            return values + self.values
        return {k: node.value(below(path, k), errors, parts) for k, node in children.items()}

    def _leaf(self, path: str, parts: list[JsonValue]) -> Any:
        many = self.is_appended or self.schema.holds_many
        raw = one_list(self.values) if many else self.values[0]
        if is_json_value(self.values[0]):
            parts.append(JsonValue(self.schema, raw, path))
        return raw


class NestedForm:
    """Reads forms as values of *schema*: the type of the field *root* of the body, or of all."""

    def __init__(self, schema: Schema, path: str, root: str = "") -> None:
        self._schema = schema
        self._path = path
        self._root = root
        self._ignores_empty: dict[int, bool] = {}

    def read(
        self,
        fields: Iterable[tuple[str, Any]],
        files: Iterable[tuple[str, UploadedFile]],
        errors: ValidationErrors,
        parts: list[JsonValue],
    ) -> Any:
        """Return *fields* and *files* as plain data, and add the JSON values in it to *parts*.

        `MISSING` if all are missing. Adds errors and returns `INVALID` for a name that is too deep
        or has an invalid index, and for names that exclude each other; the validator reports all
        other errors. A file is ignored if the type has no upload of this name.
        """
        before = len(errors.entries)
        node = _Node(self._schema)
        names: dict[str, list[str] | None] = {}
        for name, value in chain(fields, files):
            if name not in names:
                names[name] = self._parts_of(name, errors)
            if (found := names[name]) is not None:
                self._add(node, found, value, errors)
        if len(errors.entries) > before:
            return INVALID
        if not (node.children or node.values):
            return MISSING
        raw = node.value(self._path, errors, parts)
        return raw if len(errors.entries) == before else INVALID

    def _parts_of(self, name: str, errors: ValidationErrors) -> list[str] | None:
        """The parts of *name*, which may be a field itself; None if its root is another one."""
        if self._root:
            if root_of(name) != self._root:
                return None
        elif schema_at(self._schema, name) is not None:
            return [name]
        if is_too_deep(name):
            place = self._path if self._root else below(self._path, root_of(name))
            errors.add(place, TOO_DEEP)
            return None
        parts = parts_of(name)
        return parts[1:] if self._root else parts

    def _add(self, root: _Node, parts: list[str], value: Any, errors: ValidationErrors) -> None:
        is_appended = parts[-1:] == [""]
        steps: list[tuple[str | int, Schema]] = []
        schema = self._schema
        for place, part in enumerate(parts[:-1] if is_appended else parts):
            found = schema_at(schema, part)
            if found is None and isinstance(value, UploadedFile):
                return
            if is_array(schema) and (part == "" or (part.isascii() and part.isdecimal())):
                if (index := index_of(part)) is None:
                    errors.add(_path_of(self._path, parts[: place + 1]), _WRONG_INDEX)
                    return
                key: str | int = index
            else:
                key = part
            schema = _ANYTHING if found is None else found
            steps.append((key, schema))
        if value == "" and self._is_ignored(schema):
            return
        node = root
        for key, step in steps:
            node = node.child(key, step)
        node.values.append(value)
        node.is_appended |= is_appended

    def _is_ignored(self, schema: Schema) -> bool:
        """Whether an empty input is treated as not sent."""
        found = self._ignores_empty.get(id(schema))
        if found is None:
            found = self._ignores_empty[id(schema)] = schema.ignores_empty_text
        return found


def _path_of(path: str, parts: list[str]) -> str:
    """The path of an item: the last of *parts* is its index, which a client chose."""
    for part in parts[:-1]:
        path = f"{path}[{part}]" if part.isdecimal() else below(path, part)
    return f"{path}[{parts[-1][:_SHOWN]}]"
