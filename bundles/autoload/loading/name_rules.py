"""The rules for the names of files and folders."""

import re
import unicodedata
from keyword import iskeyword

Name = tuple[str, ...]
"""The path of a namespace: ``("lib", "example", "add")``."""

INIT = "__init__"
"""The stem of the file whose names belong to its folder."""

SERVICE = "_service"
"""The stem of the only private file of a folder of ``bus`` that is loaded."""

_UNIT = re.compile(r"(?P<name>[^.]*)(\.(?P<version>[1-9][0-9]{0,8}))?")


def dotted(name: Name) -> str:
    return ".".join(name)


def import_hint(namespace: str) -> str:
    return f"write from bundles.autoload import {namespace}"


def is_private(name: str) -> bool:
    return name.startswith(("_", "."))


def problem_of(name: str) -> str | None:
    """Return the error in *name*, of a file or a folder; None if code can use it."""
    if not name.isidentifier():
        return f"{name!r} is not a name of Python; use letters, digits and _, as in 'send_message'"
    if iskeyword(name):
        return f"{name!r} is a keyword of Python, so no code can read it; choose another name"
    normal = unicodedata.normalize("NFKC", name)
    if normal != name:
        return f"{name!a} is read as {normal!r} by Python; rename it to that"
    if name == "parent":
        return "'parent' is the namespace above; choose another name"
    return None


def split_unit(name: str) -> tuple[str, int] | None:
    """Split ``chat.2`` into the name and the version of a unit; without a version, it is 1. Return
    None if the version is not a whole number, 1 or more."""
    match = _UNIT.fullmatch(name)
    return match and (match["name"], int(match["version"] or 1))
