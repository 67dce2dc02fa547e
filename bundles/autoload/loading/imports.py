"""Rejects imports of files of the application."""

import ast
import re
from collections.abc import Iterable, Iterator

from bundles.autoload.loading.file_errors import FileError
from bundles.autoload.loading.place_names import PLACES
from bundles.autoload.loading.source_file import SourceFile

_RELATIVE = re.compile(rb"^\s*from\s+\.", re.MULTILINE)


def check_imports(source: SourceFile, root: str) -> None:
    """Reject ``import`` statements at the top level for files of the application.

    Their result would depend on the order of loading, and a reload would not know about them.
    Statements for type checkers, and in functions, are not executed with the file, so they are
    allowed.

    Args:
        root: the name of the root, which is the first part of the names of modules.

    Raises:
        FileError: names the line of the first one.
    """
    if root.encode() not in source.content and not _RELATIVE.search(source.content):
        return
    for node in _executed(ast.parse(source.content).body):
        for name in _imported(node):
            if name.startswith(".") or _is_of_place(name, root):
                raise FileError(
                    f"imports {name}; files of the application are read through namespaces: "
                    f"from bundles.autoload import {_place_of(name, source)}",
                    node.lineno,
                )


def _imported(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        module = f"{'.' * node.level}{node.module or ''}"
        joint = "" if module.endswith(".") else "."
        return [f"{module}{joint}{alias.name}" for alias in node.names]
    return []


def _executed(nodes: Iterable[ast.AST]) -> Iterator[ast.stmt]:
    """Yield the statements that are executed with the file."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from _executed(node.orelse)
            continue
        if isinstance(node, ast.stmt):
            yield node
        yield from _executed(ast.iter_child_nodes(node))


def _is_of_place(name: str, root: str) -> bool:
    parts = name.split(".")
    return parts[0] == root and len(parts) > 1 and parts[1] in PLACES


def _place_of(name: str, source: SourceFile) -> str:
    return source.place if name.startswith(".") else name.split(".")[1]
