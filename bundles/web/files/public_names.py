"""The files of the tree that are its code, and not for clients."""

_CODE = (".py", ".pyc", ".pyo", ".template", ".jinja")
_COMPRESSED = (".br", ".gz", ".zst")
_CACHE = "__pycache__"


def is_code(name: str) -> bool:
    """Whether the file or folder *name*, one part of a path, is code or a template.

    Upper case counts, too: ``GET.PY`` is ``get.py`` on the file systems of macOS and Windows. So
    does a compressed copy.
    """
    name = name.casefold()
    for suffix in _COMPRESSED:
        name = name.removesuffix(suffix)
    return name == _CACHE or name.endswith(_CODE)
