"""Compiles notations to schemas."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import GenericAlias, MappingProxyType
from typing import Any, Self

import attrs

from bundles.contracts.schemas.custom_types import read_types
from bundles.contracts.schemas.definition_language import DefinitionReader
from bundles.contracts.schemas.error_texts import Text, definition_text, metarhia_text
from bundles.contracts.schemas.json_schema import Described, RefOf
from bundles.contracts.schemas.notation import NotationReader, is_schema_name
from bundles.contracts.schemas.place import Place
from bundles.contracts.schemas.registry import Registry
from bundles.contracts.schemas.schema import Schema
from bundles.contracts.schemas.schema_files import read_folder
from bundles.contracts.schemas.suggestion import suggestion
from rxkernel import ConfigurationError, Validator

_NONE: Mapping[str, Any] = MappingProxyType({})

_UNREADABLE = (TypeError, ValueError, RecursionError)

_TOO_LONG = (
    "the schemas refer to each other in a chain of more than about 150 schemas, which is too long "
    "to be read; shorten it"
)


class Schemas(Mapping[str, Schema]):
    """Named schemas in Metarhia's notation, which may refer to each other by name.

    Args:
        notations: the notations by name; a name begins with a capital letter.
        types: further types by name: a Python annotation, the name of another type, or
            ``{"js": "string", "metadata": …}``.

    Raises:
        ConfigurationError: lists every error of every schema.
    """

    def __init__(
        self, notations: Mapping[str, Any] = _NONE, *, types: Mapping[str, Any] = _NONE
    ) -> None:
        _check_names("schemas", notations)
        _check_names("types", types)
        problems = [
            f"schema {name!r}: a name of a schema begins with a capital letter"
            for name in notations
            if not is_schema_name(name)
        ]
        self._types = read_types(types, problems)
        self._registry = Registry()
        reader = NotationReader(self._registry, self._types)
        reader.read_all(notations)
        problems += reader.problems
        self._schemas = _compile_all(self._registry, problems, metarhia_text)

    @classmethod
    def load(cls, folder: Path | str, *, types: Mapping[str, Any] = _NONE) -> Self:
        """Read the schemas of *folder*. Each file has one schema, whose name is that of the file.

        ``Person.json`` has the notation as JSON, ``Person.py`` as the variable ``schema``.
        ``.types.json`` or ``.types.py`` has types, in addition to *types*. Other files are
        ignored.

        Raises:
            ConfigurationError: lists every error of every file.
        """
        notations, found = read_folder(Path(folder))
        return cls(notations, types={**types, **found})

    def __getitem__(self, name: str) -> Schema:
        return self._schemas[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._schemas)

    def __len__(self) -> int:
        return len(self._schemas)

    def compile(self, notation: Any, place: str = "schema") -> Schema:
        """Compile *notation*, which may refer to these schemas.

        Args:
            place: the use of the notation, for errors, such as ``"parameters of 'city_get'"``.

        Raises:
            ConfigurationError: lists every error.
        """
        if isinstance(notation, Schema):
            return attrs.evolve(notation, name="") if notation.name else notation
        reader = NotationReader(self._registry, self._types)
        node = reader.read_one(notation, Place(place, is_named=False))
        problems = reader.problems
        if not problems:
            type_ = self._registry.builder.build(node)
            problems += self._registry.builder.finish()
        if problems:
            raise ConfigurationError(*problems)
        schema = Schema("", type_, node)
        if (problem := _problem_of(schema)) is not None:
            raise ConfigurationError(f"{place}: {problem}")
        return schema

    def json_schemas(self, ref_of: RefOf) -> dict[str, Described]:
        """Return the JSON Schemas by name; *ref_of* returns the URI of a name."""
        return {name: schema.json_schema(ref_of) for name, schema in self.items()}


def compile_schema(notation: Any, schemas: Schemas | None = None, place: str = "schema") -> Schema:
    """Compile *notation*, see `Schemas.compile`; without *schemas* it cannot refer to others."""
    return (Schemas() if schemas is None else schemas).compile(notation, place)


def compile_definitions(definitions: Mapping[str, Any], name: str | None = None) -> Schema:
    """Compile *definitions* in the definition language of 2015, and return the schema of *name*.

    Args:
        name: the definition of the whole value; by default the first one.

    Raises:
        ConfigurationError: lists every error.
    """
    _check_names("definitions", definitions)
    registry = Registry()
    reader = DefinitionReader(registry)
    reader.read_all(definitions)
    problems = reader.problems
    root = next(iter(definitions), "") if name is None else name
    if root not in definitions:
        problems.append(f"unknown definition {root!r}{suggestion(root, definitions)}")
    return _compile_all(registry, problems, definition_text)[root]


def _check_names(what: str, given: Any) -> None:
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise ConfigurationError(
            f"{what} is {given!r}; write a mapping of names, which are texts, to {what}"
        )


def _compile_all(registry: Registry, problems: list[str], text: Text) -> dict[str, Schema]:
    """Build the types of all schemas.

    Raises:
        ConfigurationError: lists *problems* and all further errors.
    """
    if not problems:
        problems += registry.check_cycles()
    schemas = {}
    if not problems:
        types, unbuilt = _types_in(registry)
        problems += unbuilt
        schemas = {
            name: Schema(name if text is metarhia_text else "", type_, registry.nodes[name], text)
            for name, type_ in types.items()
        }
    if not problems:
        problems += _problems_of(schemas)
    if problems:
        raise ConfigurationError(*problems)
    return schemas


def _types_in(registry: Registry) -> tuple[dict[str, Any], list[str]]:
    """Return the type of each schema of *registry*, and the errors of their parts."""
    try:
        types = {name: registry.type_of(name) for name in registry.nodes}
    except RecursionError:
        return {}, [_TOO_LONG]
    return types, registry.builder.finish()


def _problems_of(schemas: Mapping[str, Schema]) -> list[str]:
    """Return the errors in the types of *schemas*. All are read at once: one by one, each would
    read those to which it refers again."""
    types = tuple(schema.type for schema in schemas.values())
    try:
        Validator(GenericAlias(tuple, types))
    except _UNREADABLE as exc:
        if _is_too_long(exc):
            return [_TOO_LONG]
        found = {name: _problem_of(schema) for name, schema in schemas.items()}
        return [f"schema {name!r}: {problem}" for name, problem in found.items() if problem]
    return []


def _problem_of(schema: Schema) -> str | None:
    try:
        _ = schema.validator
    except _UNREADABLE as exc:
        return _TOO_LONG if _is_too_long(exc) else str(exc)
    return None


def _is_too_long(exc: BaseException) -> bool:
    return isinstance(exc, RecursionError) or isinstance(exc.__cause__, RecursionError)
