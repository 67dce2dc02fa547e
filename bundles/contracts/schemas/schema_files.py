"""Reads the notations of a folder."""

import json
import runpy
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from rxkernel import ConfigurationError

_TYPES = ".types"
_VARIABLES = {_TYPES: "types"}

_reading: ContextVar[frozenset[Path]] = ContextVar("reading", default=frozenset())
"""The folders that are being read. A Python file in a folder may try to read the folder again."""


def read_folder(folder: Path) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """Return the notations by name, and the types.

    Raises:
        ConfigurationError: lists each file that cannot be read.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"the folder {str(folder)!r} of schemas does not exist")
    if folder.resolve() in _reading.get():
        raise ConfigurationError(
            f"calls Schemas.load({str(folder)!r}), which reads this file too; move the schema "
            f"files to a folder of their own"
        )
    token = _reading.set(_reading.get() | {folder.resolve()})
    try:
        return _read_files(folder)
    finally:
        _reading.reset(token)


def _read_files(folder: Path) -> tuple[dict[str, Any], Mapping[str, Any]]:
    found: dict[str, Any] = {}
    problems: list[str] = []
    for path in sorted(folder.iterdir()):
        name = path.stem
        is_hidden = name.startswith(".") and name != _TYPES
        if path.suffix not in _READERS or is_hidden or not path.is_file():
            continue
        if name in found:
            problems.append(f"{path}: the schema {name!r} is in another file too; remove one")
        try:
            found[name] = _READERS[path.suffix](path)
        except ConfigurationError as error:
            problems += (f"{path}: {problem}" for problem in error.problems)
    types = found.pop(_TYPES, {})
    if not isinstance(types, Mapping):
        problems.append(f"{folder / _TYPES}: types are {types!r}; write the types by name")
    if problems:
        raise ConfigurationError(*problems)
    return found, types


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as exc:
        raise ConfigurationError(f"is not JSON: {exc}") from exc


def _read_python(path: Path) -> Any:
    variable = _VARIABLES.get(path.stem, "schema")
    try:
        names = runpy.run_path(str(path))
    except ConfigurationError:
        raise
    except (Exception, SystemExit) as exc:
        raise ConfigurationError(f"raised {type(exc).__name__}: {exc}") from exc
    if variable not in names:
        raise ConfigurationError(f"has no variable {variable!r}; assign the notation to it")
    return names[variable]


_READERS = {".json": _read_json, ".py": _read_python}
