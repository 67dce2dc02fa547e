"""The names of files and folders, and the places."""

import re
import unicodedata
from keyword import iskeyword

Name = tuple[str, ...]
"""The path of a namespace: ``("lib", "example", "add")``."""

DATA_PLACES = ("resources", "schemas", "config")
"""Places of data, which are read first."""

CODE_PLACES = ("lib", "model", "db", "bus", "domain", "init")
"""Places with hooks, in the order in which they are loaded and started."""

SETUP = "setup"
"""The place of scripts that run once, see `bundles.autoload.setup`."""

STARTED_BEFORE_SETUP = ("lib", "model", "db", "bus")
"""The places whose start hooks run before the scripts of `SETUP`, which use them. The other start
hooks run after the scripts, and use their results."""

LAST_PLACES = ("tasks", "api")
"""Places that are loaded after the start hooks."""

PLACES = (*DATA_PLACES, *CODE_PLACES, SETUP, *LAST_PLACES)
"""The folders that are loaded, in this order. Other folders of the root are ignored."""

SECRET_PLACES = ("config", "bus")
"""Places whose values may be secret, so that errors must not quote them."""

OTHER_FOLDERS = ("cert", "static")
"""Folders of the root whose files are used, but not loaded here."""

DATA_FOLDERS = ("files", "log", "tmp", "doc")
"""Folders of the root for uploads, log files, temporary files and documents. Their files are
neither loaded nor sent."""

CERTIFICATE_FILES = ("cert.pem", "key.pem")
"""The files in each folder of ``cert``."""

NAMESPACES = frozenset(PLACES) - {"tasks", SETUP} | {"application"}
"""The namespaces that files import from ``bundles.autoload``."""

RANKS = {place: rank for rank, place in enumerate(PLACES)}
"""The ranks of places. While a file is executed, it can read files of its own and of earlier
places."""

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
