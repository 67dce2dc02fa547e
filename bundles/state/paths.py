"""Dotted paths, such as ``board.tasks.open``."""

from collections.abc import Iterator
from functools import lru_cache

LONGEST_PATH = 1000
"""Characters."""

DEEPEST_PATH = 32
"""Parts, and levels of the dicts and lists in a value."""

Parts = tuple[str, ...]


def parts_of(path: str) -> Parts:
    """The parts of *path* between its dots.

    Raises:
        TypeError: it is not a str, or of a subclass, which JSON may write in another way.
        ValueError: a part is empty, or it is too long, too deep, or not valid Unicode.
    """
    if type(path) is not str:
        raise TypeError(f"a path is a str, such as 'board.open', not {type(path).__name__}")
    return _parts_of(path)


@lru_cache(maxsize=16_384)
def _parts_of(path: str) -> Parts:
    if not path:
        raise ValueError(
            "the path is empty; only State.get and State.watch accept that, for all values"
        )
    if len(path) > LONGEST_PATH:
        raise ValueError(
            f"the path {path[:50]!r}… has {len(path)} characters; it may have {LONGEST_PATH}"
        )
    parts = tuple(path.split("."))
    if len(parts) > DEEPEST_PATH:
        raise ValueError(
            f"the path {path[:50]!r}… has {len(parts)} parts; it may have {DEEPEST_PATH}"
        )
    if not all(parts):
        raise ValueError(f"the path {path!r} has an empty part; write it as 'board.open'")
    bytes_of(path)
    return parts


def path_of(parts: Parts) -> str:
    return ".".join(parts)


def upwards(path: str) -> Iterator[str]:
    """*path*, and then each path above it."""
    yield path
    end = path.rfind(".")
    while end >= 0:
        yield path[:end]
        end = path.rfind(".", 0, end)


def bytes_of(text: str) -> int:
    """The bytes of *text* as UTF-8.

    Raises:
        ValueError: it has half of a surrogate pair, which UTF-8 cannot represent.
    """
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError as exc:
        raise ValueError(f"{text[:50]!r} is not valid Unicode: {exc.reason}") from exc
