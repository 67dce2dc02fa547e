"""Parses the definition language of Impress of 2015 to nodes.

A definition is a mapping of names to types::

    {"server": {"port": "number", "limit": "[size]", "mode": "fast:string // or slow",
                "hosts": "{{host}}"},
     "host": {"name": "string", "_other": "*"}}

The types are ``number string boolean array file size duration *``. ``[type]`` is optional, as is
``default:type``. ``(a,b,c)`` is one of these texts, ``{name}`` an object of the definition *name*,
``{{name}}`` an array of these objects, or an object with them as values. ``_other`` is the type of
all further names.
"""

from collections.abc import Mapping
from typing import Any

from bundles.contracts.schemas.nodes import (
    Anything,
    Array,
    Dictionary,
    Enumeration,
    Node,
    Reference,
    Scalar,
    Struct,
    Union,
)
from bundles.contracts.schemas.place import Place
from bundles.contracts.schemas.registry import Registry
from bundles.contracts.schemas.scalar_types import DEFINITION_TYPES
from bundles.contracts.schemas.suggestion import suggestion

_OTHER = "_other"
_BOOLEANS = {"true": True, "false": False}


class DefinitionReader:
    """Reads the definitions of one registry.

    Attributes:
        problems: the errors, which boot reports together.
    """

    def __init__(self, registry: Registry) -> None:
        self.problems: list[str] = []
        self._registry = registry
        self._known: Mapping[str, Any] = {}

    def read_all(self, definitions: Mapping[str, Any]) -> None:
        """Add *definitions*, by name, to the registry."""
        self._known = definitions
        for name, source in definitions.items():
            self._registry.nodes[name] = self._definition(source, Place(name))

    def _report(self, place: Place, problem: str) -> Node:
        self.problems.append(f"{place}: {problem}")
        return Anything()

    def _definition(self, source: Any, place: Place) -> Node:
        if isinstance(source, str):  # an object with any names, and values of this type
            value = self._type(source, place)
            key = Scalar(type=DEFINITION_TYPES["string"])
            return Dictionary(key=key, value=value, title=source, place=str(place))
        if not isinstance(source, Mapping):
            return self._report(place, f"is {source!r}; write the types of its fields by name")
        fields = {
            str(name): self._type(each, place.field(str(name))) for name, each in source.items()
        }
        other = fields.pop(_OTHER, None)
        return Struct(fields=fields, other=other, title=f"{{{place.schema}}}", place=str(place))

    def _type(self, source: Any, place: Place) -> Node:
        if not isinstance(source, str):
            hint = "write a type such as 'number', or '{name}' for another definition"
            return self._report(place, f"is {source!r}; {hint}")
        text = source.partition("//")[0].strip()
        inner = _inside(text, "[", "]")
        common = {"title": text, "place": str(place), "is_optional": inner is not None}
        return self._inner(text if inner is None else inner, place, common)

    def _inner(self, text: str, place: Place, common: dict[str, Any]) -> Node:
        if (choices := _inside(text, "(", ")")) is not None:
            return Enumeration(values=tuple(map(str.strip, choices.split(","))), **common)
        if (name := _inside(text, "{{", "}}")) is not None:
            item = self._reference(name, place)
            key = Scalar(type=DEFINITION_TYPES["string"])
            either = (Array(item=item), Dictionary(key=key, value=item))
            return Union(alternatives=either, **common)
        if (name := _inside(text, "{", "}")) is not None:
            return self._reference(name, place, common)
        default, colon, name = text.rpartition(":")
        if colon:
            common = {**common, "is_optional": True, "default": _value_of(default, name)}
        if name == "*":
            return Anything(**common)
        if name == "array":
            return Array(item=Anything(), **common)
        if (type_ := DEFINITION_TYPES.get(name)) is None:
            near = suggestion(name, (*DEFINITION_TYPES, "array", "*"))
            return self._report(place, f"unknown type {name!r} in {text!r}{near}")
        return Scalar(type=type_, **common)

    def _reference(self, name: str, place: Place, common: Mapping[str, Any] | None = None) -> Node:
        if name not in self._known:
            near = suggestion(name, self._known)
            return self._report(place, f"unknown definition {name!r}{near}")
        return Reference(name=name, scope=self._registry, **(common or {}))


def _inside(text: str, opening: str, closing: str) -> str | None:
    """Return the text between *opening* and *closing*; None if *text* does not have them."""
    if text.startswith(opening) and text.endswith(closing) and len(text) > len(opening):
        return text[len(opening) : -len(closing)].strip()
    return None


def _value_of(default: str, type_: str) -> Any:
    """Return the value of *default*, which is always written as a text."""
    if type_ == "boolean":
        return _BOOLEANS.get(default, default)
    if type_ != "number":
        return default
    try:
        return int(default)
    except ValueError:
        pass
    try:
        return float(default)
    except ValueError:
        return default  # it is invalid, which boot reports
