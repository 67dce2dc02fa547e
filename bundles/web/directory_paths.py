"""Paths of directories, without a slash at their end; that of the root is empty."""

from collections.abc import Iterator


def above(path: str) -> str:
    """Return the path of the directory in which *path* lies."""
    return path.rpartition("/")[0]


def upwards(directory: str) -> Iterator[str]:
    """Yield *directory*, then those above it, to the root."""
    while directory:
        yield directory
        directory = above(directory)
    yield ""
