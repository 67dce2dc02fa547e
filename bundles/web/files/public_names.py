"""The files of the tree that are its code, and not for clients."""

import re

_CODE = re.compile(r"\.(py[a-z]?|template|jinja2?|j2)(?![a-z0-9])")
"""A suffix of code, also before others: editors and tools write ``get.py.bak``, ``get.py,v``,
``access.py.txt`` and ``get.cpython-311.pyc.140234``."""

_CACHE = "__pycache__"


def is_code(name: str) -> bool:
    """Whether the file or folder *name*, one part of a path, is code or a template, or a copy of
    one.

    Upper case counts, too: ``GET.PY`` is ``get.py`` on the file systems of macOS and Windows.
    """
    name = name.casefold()
    return name == _CACHE or _CODE.search(name) is not None
