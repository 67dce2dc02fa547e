"""The named schemas of a document, mostly of classes, to which other schemas refer."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

import attrs

from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.json_schemas.scalar_schemas import JsonSchema

_PREFIX = "#/components/schemas/"
_KEY = "$ref"


@attrs.frozen
class Variant:
    """A class as it is sent (``output``) or received: ``input``, ``open`` with unknown fields."""

    cls: Any
    kind: str


@attrs.frozen
class Named:
    """A component that is not a class; errors about its name have *owner*."""

    name: str
    owner: str


class Reference(str):
    """The value of a ``$ref`` until the name of its variant is known."""

    __slots__ = ("variant",)

    variant: Variant

    def __new__(cls, variant: Variant) -> "Reference":
        self = super().__new__(cls, "")
        self.variant = variant
        return self


class Components:
    """The schemas by variant. *names* are the names that the application has chosen, by class."""

    def __init__(self, names: Mapping[Any, str]) -> None:
        self._chosen = names
        self._schemas: dict[Variant, JsonSchema] = {}
        self._names: dict[Variant, str] = {}

    def refer(self, variant: Variant, build: Callable[[], JsonSchema]) -> JsonSchema:
        """Return a schema that refers to *variant*, which *build* describes if it is new."""
        if variant not in self._schemas:
            self._schemas[variant] = {}  # a class may have a field of its own type
            self._schemas[variant] = build()
            self._names = {}
        return {_KEY: Reference(variant)}

    def schema_of(self, reference: JsonSchema) -> JsonSchema | None:
        """Return the schema that *reference* refers to; None if *reference* is another schema."""
        found = reference.get(_KEY)
        return self._schemas[found.variant] if isinstance(found, Reference) else None

    @staticmethod
    def class_of(reference: JsonSchema) -> Any:
        """Return the class that *reference* refers to; None if *reference* is another schema."""
        found = reference.get(_KEY)
        return found.variant.cls if isinstance(found, Reference) else None

    def resolve(self, node: Any) -> Any:
        """Return a copy of *node* with the names of its references.

        Raises:
            ConfigurationError: two different schemas have one name.
        """
        if isinstance(node, dict):
            return {key: self.resolve(value) for key, value in node.items()}
        if isinstance(node, list | tuple):
            return [self.resolve(each) for each in node]
        if isinstance(node, Reference):
            return _PREFIX + self.names[node.variant]
        return node

    def by_name(self) -> dict[str, JsonSchema]:
        """Return all schemas by name, sorted, with the names of their references."""
        named = {self.names[variant]: schema for variant, schema in self._schemas.items()}
        return {name: self.resolve(named[name]) for name in sorted(named)}

    @property
    def names(self) -> Mapping[Variant, str]:
        """The names by variant. Equal variants of a class have the same name."""
        if not self._names:
            self._names = self._all_names()
        return self._names

    def _all_names(self) -> dict[Variant, str]:
        labels = self._labels()
        found: dict[Variant, str] = {}
        owners: dict[str, tuple[Any, int]] = {}
        clashes: dict[str, list[Any]] = {}
        for cls, variants in self._by_class().items():
            base = self._chosen.get(cls) or base_name(cls)
            plain = min(variants, key=lambda variant: _ORDER[variant.kind])
            for variant in variants:
                is_plain = labels[variant] == labels[plain]
                name = base if is_plain else base + _SUFFIXES[variant.kind]
                found[variant] = name
                owner = owners.setdefault(name, (cls, labels[variant]))
                if owner[0] != cls:
                    clashes.setdefault(name, [owner[0]]).append(cls)
        if clashes:
            raise ConfigurationError(*(_clash(name, each) for name, each in clashes.items()))
        return found

    def _by_class(self) -> dict[Any, list[Variant]]:
        found: dict[Any, list[Variant]] = {}
        for variant in self._schemas:
            found.setdefault(variant.cls, []).append(variant)
        return found

    def _labels(self) -> dict[Variant, int]:
        """Number the variants: two have the same number if their schemas, and all schemas that
        these refer to, are equal. At first all variants of a class have one number; each round
        separates more of them."""
        classes = {cls: number for number, cls in enumerate(self._by_class())}
        labels = {variant: classes[variant.cls] for variant in self._schemas}
        if len(classes) == len(self._schemas):
            return labels
        while True:
            texts = {v: (labels[v], _text(s, labels)) for v, s in self._schemas.items()}
            numbers = {text: number for number, text in enumerate(dict.fromkeys(texts.values()))}
            refined = {variant: numbers[text] for variant, text in texts.items()}
            if len(set(refined.values())) == len(set(labels.values())):
                return refined
            labels = refined


_ORDER = {"output": 0, "input": 1, "open": 2}
_SUFFIXES = {"output": "", "input": "Input", "open": "OpenInput"}


def base_name(cls: Any) -> str:
    """Return the name of a class; of ``Page[User]`` it is ``Page_User``."""
    if isinstance(cls, Named):
        return cls.name
    text = getattr(cls, "__qualname__", None) if isinstance(cls, type) else None
    if text is None or get_args(cls):
        text = re.sub(r"\b[A-Za-z_]\w*\.|<locals>\.", "", str(cls))
    name = re.sub(r"[^A-Za-z0-9]+", "_", text.rpartition(".")[2]).strip("_")
    return name or "Schema"


def _clash(name: str, classes: list[Any]) -> str:
    places = " and ".join(sorted(map(_place, classes)))
    example = next(_shown(each) for each in reversed(classes) if not isinstance(each, Named))
    return (
        f"{places} have the schema name {name!r}; rename one of them, or give one another name: "
        f'ApidocsBundle(names={{{example}: "Other{name}"}})'
    )


def _place(cls: Any) -> str:
    return cls.owner if isinstance(cls, Named) else f"{cls.__module__}.{_shown(cls)}"


def _shown(cls: Any) -> str:
    return getattr(cls, "__qualname__", str(cls))


def _text(node: Any, labels: Mapping[Variant, int]) -> str:
    return "".join(_tokens(node, labels))


def _tokens(node: Any, labels: Mapping[Variant, int]) -> Iterator[str]:
    if isinstance(node, dict):
        yield "{"
        for key, value in node.items():
            yield f"{key!r}:"
            yield from _tokens(value, labels)
        yield "}"
    elif isinstance(node, list):
        yield "["
        for each in node:
            yield from _tokens(each, labels)
        yield "]"
    elif isinstance(node, Reference):
        yield f"<{labels[node.variant]}>"
    else:
        yield f"{node!r},"
