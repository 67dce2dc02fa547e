"""Finds the lines at which a file sets the names of a configuration."""

import ast
import re

from bundles.autoload.loading.source_file import SourceFile
from bundles.autoload.loading.top_level_names import assignments

_NOT_VALUES = ("requires", "schema")

_TABLE = re.compile(r"\s*\[{1,2}\s*(?P<name>[^\[\]]+?)\s*\]{1,2}\s*(#.*)?")
_KEY = re.compile(r"""\s*(?P<name>[\w.\-"' ]+?)\s*=""")


def public_names(file: SourceFile) -> list[str]:
    """Return the public variables that the file sets, in their order."""
    return [name for name in dict(assignments(file)) if name not in _NOT_VALUES]


def python_lines(file: SourceFile) -> dict[str, int]:
    """Return the line of each value by its path: ``pool.size``."""
    lines: dict[str, int] = {}
    for name, node in assignments(file):
        prefix = "" if name == "config" else name
        if prefix:
            lines[prefix] = node.lineno
        lines.update(_lines_of_dict(node.value, prefix))
    return lines


def toml_lines(file: SourceFile) -> dict[str, int]:
    """Return the line of each table and key by its path. Keys of inline tables are omitted."""
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(file.content.decode().splitlines(), 1):
        if match := _TABLE.fullmatch(line):
            table = _path(match["name"])
            lines.setdefault(table, number)
        elif match := _KEY.match(line):
            name = _path(match["name"])
            lines.setdefault(f"{table}.{name}" if table else name, number)
    return lines


def _lines_of_dict(node: ast.expr | None, prefix: str) -> dict[str, int]:
    lines: dict[str, int] = {}
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                path = f"{prefix}.{key.value}" if prefix else key.value
                lines[path] = key.lineno
                lines.update(_lines_of_dict(value, path))
    return lines


def _path(name: str) -> str:
    return ".".join(part.strip(" \"'") for part in name.split("."))
