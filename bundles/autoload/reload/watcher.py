"""Reports changed files below a root, in batches."""

import asyncio
import os
from collections.abc import AsyncGenerator, Collection, Iterable, Iterator
from contextlib import aclosing, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from bundles.autoload.loading.place_names import PLACES
from rxkernel import ConfigurationError

_QUIET = 50
"""Milliseconds without a change after which a batch ends."""

_LONGEST = 500
"""The maximum of milliseconds of a batch. Longer changes, such as a checkout, are several
batches."""

_CHECK = 1000
"""Milliseconds between two checks that the root is still the watched folder."""

CERTIFICATES = "cert"
"""The folder of TLS certificates."""

_Identity = tuple[int, int] | None


def is_installed() -> bool:
    return find_spec("watchfiles") is not None


class Watcher:
    """Watches the files below *root* with watchfiles.

    The root may be replaced by another folder: a link may change its target, or the folder may be
    deleted and created again.

    Args:
        places: the folders of the root that other bundles load.

    Raises:
        ConfigurationError: watchfiles is not installed.
    """

    def __init__(self, root: Path, places: Collection[str] = ()) -> None:
        if not is_installed():
            raise ConfigurationError(
                "autoload.reload = true needs watchfiles; in the clone of rxkernel: "
                "pip install '.[reload]'"
            )
        self.root = root
        self._places = frozenset((*PLACES, CERTIFICATES, *places))

    async def batches(self) -> AsyncGenerator[frozenset[str], None]:
        """Yield the paths of changed files below the root, with slashes. Yield an empty batch if
        unknown files may have changed: after the start, when the root was replaced, and in the
            first
        pause after a batch, since some changes in new folders are not noticed."""
        while True:
            identity = _identity_of(self.root)
            if identity is None:
                yield frozenset()
                while _identity_of(self.root) is None:  # noqa: ASYNC110 - nothing reports it
                    await asyncio.sleep(_CHECK / 1000)
                continue
            is_sure = False
            with suppress(FileNotFoundError):  # removed meanwhile
                async with aclosing(self._watch(self.root.resolve())) as batches:
                    async for batch in batches:
                        if batch or not is_sure:
                            yield batch
                        is_sure = not batch
                        if _identity_of(self.root) != identity:
                            break

    async def _watch(self, root: Path) -> AsyncGenerator[frozenset[str], None]:
        """Yield the changes below *root*; an empty batch if there were none for a while. Return
        when
        *root* itself has changed, since it may have been replaced."""
        watch = import_module("watchfiles").awatch
        options = {"watch_filter": None, "rust_timeout": _CHECK, "yield_on_timeout": True}
        async with aclosing(watch(root, step=_QUIET, debounce=_LONGEST, **options)) as changes:
            async for batch in changes:
                keys = frozenset(_keys_of(batch, root, self._places))
                if any(_is_unfinished(root / key) for key in keys):
                    await asyncio.sleep(_QUIET / 1000)
                if keys or not batch:
                    yield keys
                if any(path == str(root) for _, path in batch):
                    return


def _keys_of(
    batch: Iterable[tuple[object, str]], root: Path, places: Collection[str]
) -> Iterator[str]:
    """Yield the paths below the *places*, which are loaded, and those of the root itself, since a
    folder may have a name similar to a place."""
    for _, text in batch:
        path = Path(text)
        if path != root and path.is_relative_to(root):
            key = path.relative_to(root).as_posix()
            if key.partition("/")[0] in places or "/" not in key:
                yield key


def _is_unfinished(path: Path) -> bool:
    """Whether *path* is missing or empty: a program may be about to write it again."""
    try:
        return path.stat().st_size == 0
    except OSError:
        return True


def _identity_of(root: Path) -> _Identity:
    try:
        status = os.stat(root)
    except OSError:
        return None
    return status.st_dev, status.st_ino
