"""Converts the names of a document to valid and unique identifiers of TypeScript."""

import re
from collections.abc import Iterable

RESERVED_WORDS = frozenset(
    {
        "any",
        "arguments",
        "as",
        "async",
        "await",
        "bigint",
        "boolean",
        "break",
        "case",
        "catch",
        "class",
        "const",
        "continue",
        "debugger",
        "declare",
        "default",
        "delete",
        "do",
        "else",
        "enum",
        "eval",
        "export",
        "extends",
        "false",
        "finally",
        "for",
        "from",
        "function",
        "get",
        "if",
        "implements",
        "import",
        "in",
        "infer",
        "instanceof",
        "interface",
        "is",
        "keyof",
        "let",
        "module",
        "namespace",
        "never",
        "new",
        "null",
        "number",
        "object",
        "of",
        "package",
        "private",
        "protected",
        "public",
        "readonly",
        "require",
        "return",
        "set",
        "static",
        "string",
        "super",
        "switch",
        "symbol",
        "this",
        "throw",
        "true",
        "try",
        "type",
        "typeof",
        "undefined",
        "unique",
        "unknown",
        "var",
        "void",
        "while",
        "with",
        "yield",
        "Infinity",
        "NaN",
    }
)
"""Words that cannot be the name of a type or value in all places."""


def is_identifier(text: str) -> bool:
    """Whether *text* is an identifier, so that it can name a property without quotes."""
    # All versions of JavaScript accept letters of the Basic Multilingual Plane.
    return text.replace("$", "_").isidentifier() and max(text) < "\U00010000"


def type_name(text: str) -> str:
    """Return *text* as the name of a type: ``task_list`` as ``TaskList``, ``Task`` as it is."""
    if is_identifier(text) and text[0].isupper():
        return text
    return _led_by_letter("".join(word[0].upper() + word[1:] for word in _words(text)), "Type")


def function_name(text: str) -> str:
    """Return *text* as the name of a function: ``task_list`` as ``taskList``."""
    words = _words(text)
    first = words[0] if words else ""
    if not first[1:2].isupper():
        first = first[:1].lower() + first[1:]
    rest = (word[0].upper() + word[1:] for word in words[1:])
    return _led_by_letter(first + "".join(rest), "call")


def _words(text: str) -> list[str]:
    kept = "".join(char if is_identifier(f"a{char}") else " " for char in text)
    return [word for word in re.split(r"[\s_]+", kept) if word]


def _led_by_letter(name: str, otherwise: str) -> str:
    if not name:
        return otherwise
    return name if is_identifier(name) else f"_{name}"


class UniqueNames:
    """Makes names unique: a reserved name gets ``_``, and the second use of a name gets ``2``."""

    def __init__(self, reserved: Iterable[str]) -> None:
        self._reserved = frozenset(reserved)
        self._taken: set[str] = set()

    def add(self, name: str) -> str:
        free = name = f"{name}_" if name in self._reserved else name
        number = 1
        while free in self._taken or free in self._reserved:
            number += 1
            free = f"{name}{number}"
        self._taken.add(free)
        return free
