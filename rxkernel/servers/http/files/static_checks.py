"""Checks the arguments of `StaticFiles` at boot."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from rxkernel.exceptions import ConfigurationError, NotFoundException
from rxkernel.messages.public_path import is_public_name, public_path
from rxkernel.servers.http.files.file_cache import FileCacheSettings
from rxkernel.servers.http.files.opening import open_file


def check_static_files(
    root: object,
    *,
    index: object,
    fallback: object,
    max_age: object,
    immutable: Sequence[object],
    cache: FileCacheSettings,
) -> None:
    """Check the arguments of `StaticFiles`.

    Raises:
        ConfigurationError: lists every problem found.
    """
    problems = [
        *_root_problems(root, fallback),
        *_index_problems(index),
        *_max_age_problems(max_age),
        *_immutable_problems(immutable),
        *(f"invalid limit of the cache: {problem}" for problem in cache.problems()),
    ]
    if problems:
        raise ConfigurationError(*(f"StaticFiles({str(root)!r}): {p}" for p in problems))


def _root_problems(root: object, fallback: object) -> Iterator[str]:
    if not isinstance(root, Path):
        yield (
            f"root is {root!r}; it must be the path of a folder; for resources of a package in a "
            f"zip file use importlib.resources.as_file"
        )
        return
    try:
        os.close(os.open(root, os.O_RDONLY | os.O_DIRECTORY))
    except FileNotFoundError:
        yield "the folder does not exist; create it, or correct the path"
        return
    except NotADirectoryError:
        yield "it is not a folder; pass the folder that contains the files"
        return
    except OSError as exc:
        yield f"the folder cannot be opened ({exc.strerror}); change its permissions"
        return
    except ValueError as exc:
        yield f"the path is invalid ({exc})"
        return
    if fallback is not None:
        yield from _fallback_problems(root, fallback)


def _fallback_problems(root: Path, fallback: object) -> Iterator[str]:
    try:
        if not isinstance(fallback, str):
            raise NotFoundException
        open_file(public_path(root, fallback), root).close()
    except (NotFoundException, OSError):
        yield (
            f"fallback is {fallback!r}; it must be the path of a file below the folder, not a "
            f"link or hidden, such as 'index.html'"
        )


def _index_problems(index: object) -> Iterator[str]:
    if index is not None and not (
        isinstance(index, str) and "/" not in index and is_public_name(index)
    ):
        yield f"index is {index!r}; it must be the name of a file, such as 'index.html', or None"


def _max_age_problems(max_age: object) -> Iterator[str]:
    if type(max_age) is not int or max_age < 0:
        yield f"max_age is {max_age!r}; it must be seconds, a whole number, 0 or more"


def _immutable_problems(immutable: object) -> Iterator[str]:
    if (
        isinstance(immutable, str)
        or not isinstance(immutable, Sequence)
        or not all(isinstance(pattern, str) and pattern for pattern in immutable)
    ):
        yield f"immutable is {immutable!r}; it must be a list of patterns, such as ['assets/*']"
