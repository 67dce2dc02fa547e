"""Keeps files in memory, up to limits of bytes and files; drops the least recently used ones."""

import math
from collections import OrderedDict
from collections.abc import Iterator
from time import monotonic

import attrs

from rxkernel.servers.http.files.representations import (
    FileReading,
    Known,
    Representation,
    Signature,
)


@attrs.frozen(kw_only=True)
class FileCacheSettings:
    """The limits of the copies in memory of a `StaticFiles`.

    Attributes:
        max_file_size: the largest file, in bytes, that is kept in memory. Larger files are sent
            from the disk; 0 keeps no files.
        max_size: the limit of all copies in bytes, including compressed ones.
        max_files: the largest number of files in the cache.
        check_interval: seconds after which a request for a file compares it with the disk; 0
            compares at each request.
        preload: whether boot reads the files, as far as they fit.
    """

    max_file_size: int = 262_144
    max_size: int = 67_108_864
    max_files: int = 4096
    check_interval: float = 1.0
    preload: bool = False

    def problems(self) -> Iterator[str]:
        """Yield the problems for a `ConfigurationError`."""
        for name in ("max_file_size", "max_size", "max_files"):
            value = getattr(self, name)
            if type(value) is not int or value < 0:
                yield f"{name} is {value!r}; it must be a whole number, 0 or more"
        interval: object = self.check_interval
        if type(interval) not in (int, float) or not 0 <= self.check_interval < math.inf:
            yield f"check_interval is {interval!r}; it must be seconds, 0 or more"
        sizes = (self.max_file_size, self.max_size)
        if all(type(size) is int for size in sizes) and 0 <= self.max_size < self.max_file_size:
            yield (
                f"max_file_size is {self.max_file_size} bytes, but max_size is only "
                f"{self.max_size}; the largest file must fit"
            )


@attrs.define(eq=False)
class CachedFile:
    """A file, and its representations that were requested.

    Attributes:
        fresh_until: the time, by `monotonic`, at which the file is compared with the disk.
        forms: the representations by coding, see `FileReading`.
        chosen: the representations by the codings that a client accepts.
        size: the bytes of all forms.
    """

    signature: Signature
    fresh_until: float
    forms: dict[str, Representation] = attrs.field(factory=dict)
    chosen: dict[tuple[str, ...], Representation] = attrs.field(factory=dict)
    size: int = 0

    def add(self, accepted: tuple[str, ...], form: str, representation: Representation) -> None:
        """Add a representation, for clients that accept the codings *accepted*."""
        if form not in self.forms:
            self.forms[form] = representation
            self.size += len(representation.body or b"")
        self.chosen[accepted] = self.forms[form]


class FileCache:
    """The files in memory, by path below the root; the last used one is last."""

    def __init__(self, settings: FileCacheSettings) -> None:
        self._max_size = settings.max_size
        self._max_files = settings.max_files
        self._interval = settings.check_interval
        self._files: OrderedDict[str, CachedFile] = OrderedDict()
        self._get = self._files.get
        self._use = self._files.move_to_end
        self.size = 0

    def __len__(self) -> int:
        return len(self._files)

    @property
    def is_full(self) -> bool:
        """Whether it is almost full, so that a preload ends."""
        return len(self) >= self._max_files or self.size > 0.99 * self._max_size

    def find(self, path: str, accepted: tuple[str, ...]) -> Representation | None:
        """Return the representation of *path*, unless it must be compared with the disk."""
        file = self._get(path)
        if file is None or monotonic() >= file.fresh_until:
            return None
        self._use(path)
        return file.chosen.get(accepted)

    def known(self, path: str) -> Known | None:
        """Return the signature and forms that a reading of *path* need not read again."""
        file = self._get(path)
        return None if file is None else (file.signature, dict(file.forms))

    def store(
        self, path: str, accepted: tuple[str, ...], reading: FileReading, began: float
    ) -> None:
        """Store *reading*, which began at the time *began*; drop older versions of the file."""
        file = self._files.get(path)
        if file is None or file.signature != reading.signature:
            self.drop(path)
            file = self._files[path] = CachedFile(reading.signature, 0.0)
        self.size -= file.size
        file.fresh_until = began + self._interval
        file.add(accepted, reading.form, reading.representation)
        self.size += file.size
        self._use(path)
        while self._files and (self.size > self._max_size or len(self._files) > self._max_files):
            self.size -= self._files.popitem(last=False)[1].size

    def drop(self, path: str) -> None:
        """Drop the copies of the file *path*."""
        file = self._files.pop(path, None)
        if file is not None:
            self.size -= file.size
