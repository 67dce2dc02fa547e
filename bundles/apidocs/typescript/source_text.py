"""Writes texts of a document into the source: strings, names of properties and comments."""

import json
import re
from typing import Any

from bundles.apidocs.typescript.identifiers import is_identifier

_LINE_END = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


def literal(value: Any) -> str:
    """Return a JSON value as a literal. Characters that an editor does not show are escaped."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def property_name(name: str) -> str:
    """Return *name* as the name of a property of a type."""
    return name if is_identifier(name) else literal(name)


def object_key(name: str) -> str:
    """Return *name* as a key of an object, where ``__proto__`` would set the prototype."""
    return '["__proto__"]' if name == "__proto__" else property_name(name)


def comment(text: str, *, deprecated: bool = False, indent: str = "") -> str:
    """Return *text* as a TSDoc comment with a line end; empty if *text* is empty.

    The text cannot end the comment, and cannot become a tag or a directive of the compiler.
    """
    lines = [_comment_line(line) for line in _LINE_END.split(text.strip())] if text.strip() else []
    if deprecated:
        lines += ["", "@deprecated"] if lines else ["@deprecated"]
    if not lines:
        return ""
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    body = "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines)
    return f"{indent}/**\n{body}{indent} */\n"


def _comment_line(line: str) -> str:
    shown = "".join(char if char.isprintable() else " " for char in line.expandtabs(4))
    safe = shown.rstrip().replace("*/", "*\\/")
    return re.sub(r"^([\s/*]*)@", r"\1\\@", safe)


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
