"""Which names a file defines itself, in contrast to those that it imports."""

import ast
from collections.abc import Iterator

from bundles.autoload.loading.source_file import SourceFile


def assigned_lines(file: SourceFile) -> dict[str, int]:
    """Return the line of each name that the file assigns or defines at its top level, also inside
    of ``if``, ``for``, ``with`` and ``try``."""
    found: dict[str, int] = {}
    for node in _statements(ast.parse(file.content).body):
        for name in _names_in(node):
            found.setdefault(name, node.lineno)
    return found


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, ast.stmt):
                yield from _statements([inner])
            elif isinstance(inner, ast.ExceptHandler | ast.match_case):
                yield from _statements(inner.body)


def _names_in(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr | ast.withitem):
            for name in ast.walk(child):
                if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                    yield name.id
