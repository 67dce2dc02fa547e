"""Paths of directories, without a slash at their end; the path of the root is empty."""

from collections.abc import Iterator


def above(path: str) -> str:
    """Return the path of the directory that contains *path*."""
    return path.rpartition("/")[0]


def upwards(directory: str) -> Iterator[str]:
    """Yield *directory*, then the directories above it, up to the root."""
    while directory:
        yield directory
        directory = above(directory)
    yield ""
