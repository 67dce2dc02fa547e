"""Reads the rules of ``config/routes.py``, or ``config/routes.toml``."""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from bundles.autoload import Snapshot
from bundles.autoload.loading.source_file import SourceFile
from bundles.autoload.loading.top_level_names import assignments
from bundles.web.routes.route import Route
from bundles.web.routes.rule import Rule, rule_of
from rxkernel import ConfigurationError
from rxkernel.nearest import nearest

NAME = ("config", "routes")
_LIST = "routes"
_FIELDS = tuple(field.name for field in attrs.fields(Route))
_TABLE = re.compile(r"\s*\[\[\s*routes\s*\]\]\s*(#.*)?")
_NO_ESCAPING = (
    "escaping is not known, since a url is never a regular expression; remove it, and write (.*), "
    "([^/]+) or (a|b) in url"
)


def rules_of(snapshot: Snapshot, problems: list[str]) -> Iterator[Rule]:
    """Yield the rules of the file in *snapshot*, if it exists. Appends to *problems*."""
    key = snapshot.tree.names.get(NAME)
    if key is None or (file := snapshot.files.get(key)) is None:
        return
    value = file.value
    found = value.get(_LIST) if isinstance(value, Mapping) else None
    if not isinstance(found, tuple):
        problems.append(
            f"{snapshot.tree.show(key)}: has no list of rules; write routes = [{{'url': '/a', "
            f"'rewrite': '/b'}}], or [[routes]] in TOML"
        )
        return
    lines = _lines(file.source)
    for number, given in enumerate(found):
        line = lines[number] if number < len(lines) else None
        where = snapshot.tree.show(key, line)
        yield from checked(given, where if line else f"{where}, rule {number + 1}", problems)


def checked(given: Any, where: str, problems: list[str]) -> Iterator[Rule]:
    """Yield the rule *given*, a `Route` or its fields, if it is valid. Appends to *problems*."""
    if isinstance(given, Mapping):
        unknown = [name for name in given if name not in _FIELDS]
        problems += (f"{where}: {_unknown(name)}" for name in unknown)
        if unknown:
            return
        if "url" not in given:
            problems.append(f"{where}: a rule has no url; write 'url': '/news/(.*)'")
            return
        given = Route(**given)
    if not isinstance(given, Route):
        problems.append(
            f"{where}: {given!r} is not a rule; write {{'url': '/a', 'rewrite': '/b'}}"
        )
        return
    try:
        yield rule_of(given, where)
    except ConfigurationError as error:
        problems += error.problems


def _unknown(name: Any) -> str:
    if name == "escaping":
        return _NO_ESCAPING
    near = nearest(str(name), _FIELDS)
    hint = f"did you mean {near}?" if near else f"the fields are {', '.join(_FIELDS)}"
    return f"{name} is not a field of a rule; {hint}"


def _lines(file: SourceFile) -> list[int]:
    """Return the line of each rule; an empty list if they are not written as a list."""
    if file.key.endswith(".toml"):
        lines = enumerate(file.content.decode().splitlines(), 1)
        return [number for number, line in lines if _TABLE.fullmatch(line)]
    values = [node.value for name, node in assignments(file) if name in (_LIST, "config")]
    for value in values:
        found = _list_in(value)
        if found is not None:
            return [each.lineno for each in found.elts]
    return []


def _list_in(value: ast.expr | None) -> ast.List | ast.Tuple | None:
    """Return the list of rules: *value* itself, or the list in the mapping ``config``."""
    if isinstance(value, ast.Dict):
        for key, inner in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == _LIST:
                value = inner
                break
    if isinstance(value, ast.List | ast.Tuple) and not any(
        isinstance(each, ast.Starred) for each in value.elts
    ):
        return value
    return None
