"""The place ``config``: values by name, from Python or TOML."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, Self

from bundles.autoload.loading.file_errors import FileError
from bundles.autoload.loading.load import Load
from bundles.autoload.loading.name_rules import INIT
from bundles.autoload.loading.source_file import SourceFile
from bundles.autoload.places.config_lines import public_names, python_lines, toml_lines
from bundles.autoload.places.schemas import SchemaFiles
from rxkernel import UnprocessableEntityException

_METHODS = ("get", "items", "keys", "values")
"""The methods of mappings, which cannot be keys."""

_LINE = re.compile(r"\(at line (\d+)")


class Section(Mapping[str, Any]):
    """The values of a file. ``config.database.port`` is ``config.database["port"]``."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = {name: _frozen(value) for name, value in values.items()}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            text = ", ".join(map(str, self._values))
            raise AttributeError(f"the configuration has no {name!r}; it has {text}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        """Show only the names, since values may be secret."""
        return f"<configuration: {', '.join(map(str, self._values))}>"

    def __reduce__(self) -> tuple[type[Self], tuple[dict[str, Any]]]:
        """Copy and pickle it as a mapping, since `__getattr__` has only the keys as attributes."""
        return type(self), (self._values,)


class ConfigFiles:
    """Reads the files of one snapshot, and validates them with its schemas."""

    def __init__(self, schemas: SchemaFiles) -> None:
        self._schemas = schemas

    def value_of(self, file: SourceFile, module: ModuleType | None, load: Load) -> Any:
        """Return the value of *file*: its variable ``config``, or all its public names.

        Raises:
            ConfigurationError: lists every value that is invalid by the schema of the file.
        """
        if file.stem == INIT and module is not None:
            return module
        value = _read_toml(file) if module is None else _read_module(file, module)
        own = None if module is None else module.__dict__.get("schema")
        schema = own if own is not None else self._schema_of(file, load)
        if schema is not None and self._schemas.is_compiled:
            value = self._validate(file, value, schema, load)
        if isinstance(value, Mapping):
            self._check_keys(file, value, load)
        return _frozen(value)

    def _schema_of(self, file: SourceFile, load: Load) -> Any:
        key = load.tree.names.get(("schemas", *file.name))
        if key is None:
            load.watch(("schemas", *file.name))
            return None
        load.load(key)
        return self._schemas.values.get(key)

    def _check_keys(self, file: SourceFile, value: Any, load: Load) -> None:
        """Report keys that cannot be attributes of a `Section`, since it has methods of this
        name."""
        for key in _paths_of(value):
            if key.rpartition(".")[2] in _METHODS:
                place = load.tree.show(file.key, _line_of(key, _lines(file)))
                load.problems.append(
                    f"{place}: {key} is a method of the mapping; choose another name than "
                    f"{', '.join(_METHODS)}"
                )

    def _validate(self, file: SourceFile, value: Any, schema: Any, load: Load) -> Any:
        load.watch(("schemas",))
        path = file.name[-1]
        try:
            return self._schemas.validator_of(schema).validate(value, path)
        except UnprocessableEntityException as exc:
            lines = _lines(file)
            for error in exc.errors or ():
                key = str(error["path"])[len(path) + 1 :]
                place = load.tree.show(file.key, _line_of(key, lines))
                load.problems.append(f"{place}: {key or path}: {error['message']}")
            return value


def _frozen(value: Any) -> Any:
    """Return *value* with mappings as `Section` and lists as tuples, so that it is read-only."""
    if isinstance(value, Mapping):
        return Section(value)
    if type(value) in (list, tuple):
        return tuple(map(_frozen, value))
    return frozenset(value) if type(value) is set else value


def _paths_of(value: Any, prefix: str = "") -> Iterator[str]:
    """Yield the path of each key, such as ``pool.size``. Keys in a list have the path of the
    list."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield f"{prefix}{name}"
            yield from _paths_of(inner, f"{prefix}{name}.")
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _paths_of(inner, prefix)


def _lines(file: SourceFile) -> Mapping[str, int]:
    return toml_lines(file) if file.key.endswith(".toml") else python_lines(file)


def _read_toml(file: SourceFile) -> dict[str, Any]:
    try:
        return tomllib.loads(file.content.decode())
    except UnicodeDecodeError as exc:
        line = 1 + file.content.count(b"\n", 0, exc.start)
        raise FileError("is not UTF-8 text", line) from None
    except tomllib.TOMLDecodeError as exc:
        match = _LINE.search(str(exc))
        line = int(match[1]) if match else 1 + file.content.count(b"\n")
        raise FileError(f"is not TOML: {exc}", line) from None


def _read_module(file: SourceFile, module: ModuleType) -> Any:
    names = vars(module)
    if "config" in names:
        return names["config"]
    return {name: names[name] for name in public_names(file) if name in names}


def _line_of(key: str, lines: Mapping[str, int]) -> int | None:
    """Return the line of *key*, or of the nearest table around it."""
    while key:
        if key in lines:
            return lines[key]
        key = key.rpartition(".")[0]
    return None
