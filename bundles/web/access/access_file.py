"""Reads a file ``access.py``: its variables are the access of its directory."""

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from types import MappingProxyType, ModuleType
from typing import Any

import attrs

from bundles.autoload.loading.source_file import SourceFile
from bundles.autoload.loading.top_level_names import assigned_lines, variables
from bundles.web.access.directory_access import LOCAL
from rxkernel import ConfigurationError

_FLAGS = ("guests", "logged", "http", "https", "intro", "index", "virtual")
FIELDS = (*_FLAGS, "groups", "auth", "realm")
"""The names of an access file."""

_RENAMED: Mapping[str, str] = {
    "logined": "logged",
    "password": "auth",
    "roles": "groups",
    "users": "logged",
}
"""Names that other systems use, and the names here."""


@attrs.frozen(eq=False)
class AccessFile:
    """The values that a file sets, by name.

    Attributes:
        lines: by name, the line that sets it; imported values have no line.
    """

    values: Mapping[str, Any] = attrs.field(repr=False)
    lines: Mapping[str, int]


def read_access_file(file: SourceFile, module: ModuleType) -> AccessFile:
    """Return the values of *file*, which was executed as *module*. Imported values are used too: a
    file with ``from … import guests`` must not be open by mistake.

    Raises:
        ConfigurationError: every unknown name and wrong value, without passwords.
    """
    found = {name: value for name, value in vars(module).items() if name in FIELDS}
    problems = [
        f"{name} is not known; {_advice(name)}"
        for name in variables(file, module)
        if name not in FIELDS
    ]
    problems += [text for name, value in found.items() for text in _problems_of(name, value)]
    if problems:
        raise ConfigurationError(*problems)
    return AccessFile(MappingProxyType(found), MappingProxyType(assigned_lines(file)))


def _advice(name: str) -> str:
    meant = [_RENAMED[name.lower()]] if name.lower() in _RENAMED else []
    meant += get_close_matches(name.lower(), FIELDS, n=1)
    return f"did you mean {meant[0]}?" if meant else f"an access file may set {', '.join(FIELDS)}"


def _problems_of(name: str, value: object) -> Iterator[str]:
    if name in _FLAGS:
        if type(value) is not bool:
            yield f"{name} is {value!r}; write True or False"
    else:
        yield from _CHECKS[name](value)


def _problems_of_groups(value: object) -> Iterator[str]:
    if not isinstance(value, list | tuple | set | frozenset):
        yield f"groups is {value!r}; write a list of roles, as groups = ['admin']"
        return
    for group in value:
        if not isinstance(group, str) or not group:
            yield f"groups has {group!r}; write the name of a role, or {LOCAL!r}"
        elif group != LOCAL and get_close_matches(group.lower(), (LOCAL,), cutoff=0.8):
            yield f"groups has {group!r}; did you mean {LOCAL!r}?"


def _problems_of_auth(value: object) -> Iterator[str]:
    """The problems do not contain the value: it is a password."""
    if value is None:
        return
    user, _, password = value.partition(":") if isinstance(value, str) else ("", "", "")
    if not (user and password and f"{user}{password}".isprintable()):
        yield "auth must be a text 'user:password', without control characters, or None"


def _problems_of_realm(value: object) -> Iterator[str]:
    is_text = isinstance(value, str) and value.isascii() and value.isprintable()
    if not value or not is_text or any(mark in str(value) for mark in '"\\'):
        yield f'realm is {value!r}; write a text of ASCII without " and \\, which browsers show'


_CHECKS: Mapping[str, Callable[[object], Iterator[str]]] = {
    "groups": _problems_of_groups,
    "auth": _problems_of_auth,
    "realm": _problems_of_realm,
}
