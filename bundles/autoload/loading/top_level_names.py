"""Finds the names that a file defines itself, not those that it imports."""

import ast
import inspect
from collections.abc import Iterator
from types import ModuleType

from bundles.autoload.loading.name_rules import is_private
from bundles.autoload.loading.source_file import SourceFile

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

Assignment = ast.Assign | ast.AnnAssign


def assigned_lines(file: SourceFile) -> dict[str, int]:
    """Return the line of each name that the file assigns or defines at its top level, also inside
    of ``if``, ``for``, ``with`` and ``try``."""
    found: dict[str, int] = {}
    for node in _statements(ast.parse(file.content).body):
        for name in _names_in(node):
            found.setdefault(name, node.lineno)
    return found


def is_variable(name: str, value: object) -> bool:
    """Whether *name* must be a field, in a file that has fields. Private names, uppercase
    constants, functions, classes and modules need not be fields."""
    if is_private(name) or name.isupper() or isinstance(value, type | ModuleType):
        return False
    return not inspect.isroutine(value) and not hasattr(value, "__wrapped__")


def variables(file: SourceFile, module: ModuleType) -> list[str]:
    """Return the variables of *file* that must be fields, see `is_variable`; not imported ones."""
    names = vars(module)
    return [n for n in assigned_lines(file) if n in names and is_variable(n, names[n])]


def assignments(file: SourceFile) -> Iterator[tuple[str, Assignment]]:
    """Yield each public variable that the file sets with ``=`` at its top level, in order.
    Variables of ``for`` and ``with`` are omitted.
    """
    for node in _statements(ast.parse(file.content).body):
        if isinstance(node, Assignment):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                yield from ((name, node) for name in _stored(target) if not is_private(name))


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, _DEFINITIONS):
            continue
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, ast.stmt):
                yield from _statements([inner])
            elif isinstance(inner, ast.ExceptHandler | ast.match_case):
                yield from _statements(inner.body)


def _names_in(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, _DEFINITIONS):
        yield node.name
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr | ast.withitem):
            yield from _stored(child)


def _stored(node: ast.AST) -> Iterator[str]:
    for name in ast.walk(node):
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
            yield name.id
