"""Finds out whether a file of the tree is code, which must not be sent to clients."""

import re

_CODE = re.compile(r"\.(py[a-z]?|template|jinja2?|j2)(?![a-z0-9])")
"""A suffix of code, even before other suffixes: editors and tools write ``get.py.bak``,
``get.py,v``, ``access.py.txt`` and ``get.cpython-311.pyc.140234``."""

_COMPRESSED = (".br", ".gz", ".zst")
_CACHE = "__pycache__"
_OLD_ACCESS = "access.js"


def is_code(name: str) -> bool:
    """Whether the file or folder *name*, one part of a path, is code or a template, or a copy of
    one.

    The case is ignored: ``GET.PY`` is ``get.py`` on the file systems of macOS and Windows. The
    access rules of Impress may contain a password.
    """
    name = plain_name(name)
    return name in (_CACHE, _OLD_ACCESS) or _CODE.search(name) is not None


def plain_name(name: str) -> str:
    """Return *name* in lower case, without the suffix of a compressed copy."""
    name = name.casefold()
    for suffix in _COMPRESSED:
        name = name.removesuffix(suffix)
    return name
