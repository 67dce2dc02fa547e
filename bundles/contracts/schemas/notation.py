"""Parses Metarhia's schema notation, as of metaschema 2, to nodes.

Where the code of Metarhia differs from its documentation, this follows the documentation;
`docs/bundles/schemas.md` lists the differences.
"""

from collections.abc import Callable, Collection, Mapping
from math import isfinite
from typing import Any

import attrs

from bundles.contracts.schemas.nodes import (
    NO_DEFAULT,
    Anything,
    Array,
    Computed,
    Dictionary,
    Enumeration,
    IndexRules,
    Json,
    Node,
    Reference,
    Scalar,
    StoredKind,
    Struct,
    Tuple,
    Union,
)
from bundles.contracts.schemas.options import CONTAINER, NAMED, NUMBER, TEXT, Options
from bundles.contracts.schemas.place import Place
from bundles.contracts.schemas.registry import Registry
from bundles.contracts.schemas.scalar_annotation import has_empty_range
from bundles.contracts.schemas.scalar_types import ScalarType
from bundles.contracts.schemas.schema import Schema
from bundles.contracts.schemas.suggestion import suggestion

_STORED = ("Entity", "Registry", "Dictionary", "Journal", "Details", "Relation", "View")
_INDEXES = ("index", "primary", "unique")
_BARE = ("json", "any", "array", "object")
"""Types that are not scalars and may be written as a name alone."""

_MAX_DEPTH = 64
"""The nesting depth up to which the kernel reads JSON."""

_NO_NAMES = (
    "there are no named schemas; set contracts.schemas to their folder (a test reads the settings "
    "of its project with application.load_settings()), or give them to ContractsBundle(schemas=…)"
)


def is_schema_name(name: str) -> bool:
    """Whether *name* is the name of a schema, not of a type or a field."""
    return name[:1].isupper()


class NotationReader:
    """Parses notations that may refer to the schemas of one registry.

    Attributes:
        problems: the errors, which boot reports together.
    """

    def __init__(self, registry: Registry, types: Mapping[str, ScalarType]) -> None:
        self.problems: list[str] = []
        self._registry = registry
        self._types = types
        self._sources: Mapping[str, Any] = {}
        self._reading: list[str] = []
        self._open: list[int] = []
        self._references: list[tuple[Place, str]] = []
        self._structures: dict[str, Callable[[Any, Options], Node]] = {
            "array": self._array,
            "set": self._set,
            "object": self._dictionary,
            "map": self._dictionary,
            "tuple": self._tuple,
            "enum": self._enumeration,
            "union": self._union,
            "schema": self._schema,
            "many": self._many,
            "one": self._one,
        }

    def read_all(self, sources: Mapping[str, Any]) -> None:
        """Add the schemas of *sources*, by name, to the registry."""
        self._sources = sources
        for name in sources:
            self._node_of(name)
        self._check_references()

    def read_one(self, source: Any, place: Place) -> Node:
        """Read a notation without a name."""
        node = self._read(source, place)
        self._check_references()
        return node

    def _node_of(self, name: str) -> Node:
        nodes = self._registry.nodes
        if name not in nodes:
            self._reading.append(name)
            nodes[name] = self._read(self._sources[name], Place(name))
            self._reading.pop()
        return nodes[name]

    def _check_references(self) -> None:
        for place, name in self._references:
            if name not in self._registry.nodes:
                self._report_unknown(place, name, self._registry.nodes)
        self._references.clear()

    def _report_unknown(self, place: Place, name: str, known: Collection[str]) -> Node:
        hint = suggestion(name, known) if known else f"; {_NO_NAMES}"
        return self._report(place, f"unknown schema {name!r}{hint}")

    def _report(self, place: Place, problem: str) -> Node:
        self.problems.append(f"{place}: {problem}")
        return Anything()

    def _read(self, source: Any, place: Place) -> Node:
        if isinstance(source, Schema):
            return source.node
        if id(source) in self._open and not isinstance(source, str):
            return self._report(place, "the notation contains itself; name it, and refer to it")
        if len(self._open) > _MAX_DEPTH:
            return self._report(
                place, f"is nested more than {_MAX_DEPTH} levels deep, the limit of JSON"
            )
        self._open.append(id(source))
        try:
            return self._read_new(source, place)
        finally:
            self._open.pop()

    def _read_new(self, source: Any, place: Place) -> Node:
        if isinstance(source, str):
            return self._named(source, Options(self.problems, place))
        if isinstance(source, list | tuple):
            return self._tuple(source, Options(self.problems, place))
        if isinstance(source, Mapping) and all(isinstance(key, str) for key in source):
            return self._mapping(source, place)
        written = "a mapping with keys that are not str"
        if not isinstance(source, Mapping):
            written = f"{source!r}, a {type(source).__name__}"
        return self._report(
            place, f"{written}, is not a notation; write a type such as 'string', a dict or a list"
        )

    def _mapping(self, source: Mapping[str, Any], place: Place) -> Node:
        first = next((key for key in source if key[:1].isalpha()), "")
        if first[:1].isupper() and isinstance(source[first], Mapping | None):
            return self._kind(first, source, place)
        if isinstance(source.get("type"), str):
            return self._long_form(source, place)
        if list(source) == ["string"]:
            key, value = self._read("string", place), self._read(source["string"], place.item())
            return Dictionary(key=key, value=value, place=str(place))
        name = first.removesuffix("?")
        if name in self._structures:
            rest = {key: value for key, value in source.items() if key != first}
            options = Options(self.problems, place, rest, is_optional=first.endswith("?"))
            return self._structures[name](source[first], options)
        return self._struct(source, place)

    def _long_form(self, source: Mapping[str, Any], place: Place) -> Node:
        rest = dict(source)
        written: str = rest.pop("type")
        name = written.removeprefix("?")
        options = Options(self.problems, place, rest, is_optional=written != name)
        if name in self._structures and not (name in _BARE and not rest.keys() & {"value", name}):
            key = name if name in rest else "value"
            if key not in rest:
                return self._report(place, f"the type {name!r} requires the key {key!r}")
            if name in ("object", "map") and key == "value":
                written_key = rest.pop("key", "string")
                return self._pair(written_key, rest.pop("value"), options)
            return self._structures[name](rest.pop(key), options)
        return self._named(name, options)

    def _named(self, written: str, options: Options) -> Node:
        name = written.removeprefix("?")
        options = options.optional_if(written != name)
        if is_schema_name(name):
            self._references.append((options.place, name))
            common = options.read(NAMED)
            return Reference(name=name, scope=self._registry, title=name, **common)
        if name in _BARE:
            return _bare(name, options)
        if (type_ := self._types.get(name)) is None:
            known = (*self._types, *_BARE, *self._structures)
            return self._report(options.place, f"unknown type {name!r}{suggestion(name, known)}")
        allowed = {"text": TEXT, "other": ()}.get(type_.family, NUMBER)
        node = Scalar(type=type_, title=name, **options.read(allowed))
        if node.default == "now" and "datetime" in (name, type_.base):
            column = attrs.evolve(node.column, defaults_to_now=True)
            return attrs.evolve(node, default=NO_DEFAULT, is_optional=True, column=column)
        if allowed is NUMBER and has_empty_range(node):
            return self._report(
                options.place, f"the range contains no {name}; correct min and max"
            )
        return node

    def _kind(self, kind: str, source: Mapping[str, Any], place: Place) -> Node:
        """Read a schema whose first key names its kind, such as ``Entity``."""
        meta, fields = source[kind] or {}, {k: v for k, v in source.items() if k != kind}
        required = fields.pop("required", True)
        if not isinstance(required, bool):
            self._report(place, f"required is {required!r}; write True or False")
        if kind == "Projection":
            node = self._projection(meta, fields, place)
        else:
            node = self._struct(fields, place)
        if kind in _STORED and isinstance(node, Struct):
            name = place.schema
            key = f"{name[0].lower()}{name[1:]}Id" if is_schema_name(name) else "id"
            id_ = self._read("?string", place.field(key))
            node = attrs.evolve(node, fields={**node.fields, key: id_})
        if isinstance(node, Struct):
            node = attrs.evolve(node, kind=StoredKind(name=kind, options=meta))
        return node if required is not False else _optional(node)

    def _projection(self, meta: Mapping[str, Any], own: Mapping[str, Any], place: Place) -> Node:
        parent, names = meta.get("schema"), meta.get("fields")
        if not isinstance(parent, str) or not isinstance(names, list | tuple):
            hint = "write {'Projection': {'schema': 'Name', 'fields': ['field']}}"
            return self._report(
                place, f"a Projection requires a schema and a list of fields; {hint}"
            )
        if parent in self._reading:
            return self._report(
                place, f"is a projection of itself, through {parent!r}; name another schema"
            )
        if parent not in self._sources and parent not in self._registry.nodes:
            return self._report_unknown(place, parent, self._sources)
        node = self._node_of(parent)
        if not isinstance(node, Struct):
            return self._report(place, f"the schema {parent!r} has no fields; name another schema")
        for name in names:
            if name not in node.fields:
                near = suggestion(str(name), node.fields)
                self._report(place, f"the schema {parent!r} has no field {name!r}{near}")
        fields = {name: node.fields[name] for name in names if name in node.fields}
        added = self._struct(own, place)
        return attrs.evolve(added, fields={**fields, **added.fields})

    def _struct(self, source: Mapping[str, Any], place: Place) -> Struct:
        fields: dict[str, Node] = {}
        indexes: dict[str, IndexRules] = {}
        checks = []
        for key, value in source.items():
            name = key.removesuffix("?")
            if not isinstance(value, type) and callable(value):
                if key == "validate":
                    checks.append(value)
                else:
                    fields[name] = Computed(is_optional=True)
            elif (index := _index_of(value)) is not None:
                indexes[name] = index
            else:
                if name in fields or not name:
                    self._report(
                        place, f"the field {key!r} is declared twice or has no name; rename it"
                    )
                node = self._read(value, place.field(name))
                fields[name] = node if key == name else _optional(node)
        Options(self.problems, place).check_functions(checks)
        return Struct(
            fields=fields,
            indexes=indexes,
            checks=tuple(checks),
            title="object",
            place=str(place),
        )

    def _array(self, source: Any, options: Options) -> Node:
        item = self._read(source, options.place.item())
        return Array(item=item, title="array", **options.read(CONTAINER))

    def _set(self, source: Any, options: Options) -> Node:
        item = self._read(source, options.place.item())
        if not isinstance(item, Scalar | Enumeration | Tuple | Anything):
            self._report(
                options.place.item(), "an item of a set must be a scalar, an enum or a tuple"
            )
        return Array(item=item, unique=True, title="set", **options.read(CONTAINER))

    def _dictionary(self, source: Any, options: Options) -> Node:
        if not (isinstance(source, Mapping) and len(source) == 1):
            return self._report(
                options.place,
                f"{source!r} must have the type of the keys and the type of the values; write "
                "{'object': {'string': 'number'}}",
            )
        [(key, value)] = source.items()
        return self._pair(key, value, options)

    def _pair(self, written: Any, value: Any, options: Options) -> Node:
        key = self._read(written, options.place)
        if not isinstance(key, Scalar | Anything) or key.is_optional:
            self._report(options.place, f"the type of keys is {written!r}; write a scalar")
        node = self._read(value, options.place.item())
        return Dictionary(key=key, value=node, title="object", **options.read(CONTAINER))

    def _tuple(self, source: Any, options: Options) -> Node:
        if not isinstance(source, list | tuple) or not source:
            return self._report(
                options.place, f"tuple is {source!r}; write a list of types that is not empty"
            )
        items = [self._tuple_item(n, each, options.place) for n, each in enumerate(source)]
        required = [node.is_required for _, node in items]
        if required != sorted(required, reverse=True):
            self._report(
                options.place, "an optional item is before a required one; write it at the end"
            )
        return Tuple(items=tuple(items), title="tuple", **options.read(()))

    def _tuple_item(self, index: int, source: Any, place: Place) -> tuple[str, Node]:
        name, place = "", place.item(index)
        if isinstance(source, Mapping) and len(source) == 1 and "enum" not in source:
            [(name, source)] = source.items()
        node = self._read(source, place)
        if not isinstance(node, Scalar | Enumeration | Anything):
            self._report(place, "an item of a tuple must be a scalar or an enum")
        return name, node

    def _enumeration(self, source: Any, options: Options) -> Node:
        if not isinstance(source, list | tuple) or not source:
            return self._report(options.place, f"enum is {source!r}; write a list of values")
        wrong = [each for each in source if not _is_json_scalar(each)]
        if wrong:
            self._report(
                options.place, f"enum has {wrong[0]!r}; write texts, finite numbers, True, …"
            )
        common = options.read(())
        return Enumeration(values=() if wrong else tuple(source), title="enum", **common)

    def _union(self, source: Any, options: Options) -> Node:
        if not isinstance(source, list | tuple) or len(source) < 2:
            return self._report(
                options.place, f"union is {source!r}; write a list of two or more notations"
            )
        found = tuple(self._read(each, options.place) for each in source)
        return Union(alternatives=found, title="union", **options.read(()))

    def _schema(self, source: Any, options: Options) -> Node:
        node, own = self._read(source, options.place), options.read(())
        is_optional = node.is_optional or own["is_optional"]
        return attrs.evolve(
            node,
            checks=(*node.checks, *own["checks"]),
            is_optional=is_optional,
            is_nullable=node.is_nullable or is_optional,
            default=node.default if own["default"] is NO_DEFAULT else own["default"],
            note=own["note"] or node.note,
            place=own["place"],
        )

    def _many(self, source: Any, options: Options) -> Node:
        item = self._one(source, Options(self.problems, options.place))
        return Array(item=item, has_index=False, title="array", **options.read(CONTAINER + NAMED))

    def _one(self, source: Any, options: Options) -> Node:
        if not isinstance(source, str) or not is_schema_name(source):
            return self._report(
                options.place,
                f"{source!r} is not the name of a schema, which begins with a capital letter",
            )
        return self._named(source, options)


def _is_json_scalar(value: Any) -> bool:
    return isfinite(value) if isinstance(value, float) else isinstance(value, str | int | None)


def _bare(name: str, options: Options) -> Node:
    if name == "array":
        return Array(item=Anything(), title=name, **options.read(CONTAINER))
    if name == "object":
        any_ = Anything()
        return Dictionary(key=any_, value=any_, title=name, **options.read(CONTAINER))
    found = Json if name == "json" else Anything
    return found(title=name, **options.read(()))


def _optional(node: Node) -> Node:
    return attrs.evolve(node, is_optional=True, is_nullable=True)


def _index_of(source: Any) -> IndexRules | None:
    """Return the index in *source*, such as ``{'unique': ['name', 'city']}``; None if it is not an
    index."""
    if not isinstance(source, Mapping):
        return None
    kind = next((name for name in _INDEXES if isinstance(source.get(name), list)), None)
    return None if kind is None else IndexRules(kind=kind, fields=tuple(source[kind]))
