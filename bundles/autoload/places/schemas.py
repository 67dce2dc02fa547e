"""The place ``schemas``: named schemas, and classes."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType, ModuleType
from typing import Any

from bundles.autoload.loading.load import Load
from bundles.autoload.loading.name_rules import INIT, dotted
from bundles.autoload.loading.problem_lines import located
from bundles.autoload.loading.source_file import SourceFile
from bundles.contracts import Schema, Schemas
from rxkernel import ConfigurationError, Validator

_NAMED = re.compile(r"(?:schema|type) '(?:class)?(\w+)'")


class SchemaFiles:
    """The schemas of one snapshot.

    The value of a file is its class, or the notation in its variable ``schema``. While schemas are
    being loaded, other schemas read the notation, to use it as a part; later files read the
    compiled `Schema`.

    Attributes:
        named: the schemas of the folder itself, to which notations refer by name.
        values: the values that code reads, by the keys of the files.
    """

    def __init__(self) -> None:
        self.named = Schemas()
        self.values: Mapping[str, Any] = MappingProxyType({})
        self.is_compiled = False

    def value_of(self, file: SourceFile, module: ModuleType | None, load: Load) -> Any:
        """Return the class or the notation of *file*."""
        if file.stem == INIT:
            return module
        names = {} if module is None else vars(module)
        if isinstance(found := names.get(file.stem), type):
            return found
        if "schema" in names:
            return names["schema"]
        raise ConfigurationError(
            f"defines no schema; write a class {file.stem}, or schema = {{…}} in the notation"
        )

    def compile(self, load: Load) -> None:
        """Compile the notations, unless they are already compiled, so that code reads the results.
        Errors are added to *load*."""
        if self.is_compiled:
            load.values.update(self.values)
            return
        files = [file for file in load.files.values() if file.source.place == "schemas"]
        written = {file.key: file.value for file in files if file.source.stem != INIT}
        try:
            self.named = _compile_named(load, written)
            values = {key: self._compiled(load, key, value) for key, value in written.items()}
        except ConfigurationError as exc:
            load.problems += exc.problems
            return
        self.values = MappingProxyType(values)
        load.values.update(values)
        self.is_compiled = True

    def validator_of(self, value: Any) -> Schema | Validator:
        """Return the validator of *value*: a class, a notation or a compiled schema.

        Raises:
            ConfigurationError: lists every error in the notation.
        """
        if isinstance(value, type):
            return Validator(value)
        return value if isinstance(value, Schema) else self.named.compile(value)

    def _compiled(self, load: Load, key: str, value: Any) -> Any:
        if isinstance(value, type):
            return value
        name = load.tree.files[key].name
        if len(name) == 2:
            return self.named[name[1]]
        try:
            return self.named.compile(value, dotted(name))
        except ConfigurationError as exc:
            problems = located(exc.problems, load.tree.files[key], load.tree, about="schema")
            raise ConfigurationError(*problems) from None


def _compile_named(load: Load, written: Mapping[str, Any]) -> Schemas:
    """Compile the schemas of the folder itself, which refer to each other by name.

    A class is a further type, which notations use by name like a schema.
    """
    names = {load.tree.files[key].name: value for key, value in written.items()}
    notations = {name[1]: value for name, value in names.items() if len(name) == 2}
    types = {f"class{n}": value for n, value in notations.items() if isinstance(value, type)}
    for name in notations:
        if f"class{name}" in types:
            notations[name] = f"class{name}"
    try:
        return Schemas(notations, types=types)
    except ConfigurationError as exc:
        raise ConfigurationError(*_with_paths(exc.problems, load)) from None


def _with_paths(problems: Iterable[str], load: Load) -> Iterable[str]:
    """Add the path of the file to each error."""
    for problem in problems:
        match = _NAMED.match(problem)
        key = load.tree.names.get(("schemas", match[1])) if match else None
        if key is None:
            yield f"{load.tree.show('schemas')}: {problem}"
        else:
            yield from located([problem], load.tree.files[key], load.tree)
