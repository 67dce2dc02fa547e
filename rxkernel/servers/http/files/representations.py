"""Reads the representations of a file: its bytes, and the same content in content codings.

A compressed representation is read from a file in the same folder, such as ``app.js.br``, or is
created once, when the file is read into memory.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from io import FileIO
from pathlib import Path, PurePosixPath
from stat import S_ISDIR, S_ISREG

import attrs
from multidict import CIMultiDict

from rxkernel.exceptions import NotFoundException
from rxkernel.headers import Headers
from rxkernel.messages.content_types import file_type
from rxkernel.messages.entity_tag import entity_tag, of_form, weakened
from rxkernel.messages.stored_response import StoredHeaders
from rxkernel.servers.http.compression import is_compressible
from rxkernel.servers.http.conditions import Validators, is_settled
from rxkernel.servers.http.content_codings import STORED, Compressor, installed_codings
from rxkernel.servers.http.files.opening import open_at, open_folder, stat_at
from rxkernel.servers.http.quality_values import weighted

SUFFIXES = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}
"""Suffixes of the files with a coding, by coding; the preferred coding is first."""

_COMPRESSION_MINIMUM = 256
"""Smallest file, in bytes, that is compressed; a smaller one fits in one packet anyway."""

Signature = tuple[tuple[int, int, int, int] | None, ...]
"""Device, inode number, modification time and size of a file and of its files with a coding."""


@attrs.frozen(eq=False)
class Representation:
    """The content and headers that are sent for a file.

    ``path`` is the path below the root of the file whose bytes are sent. ``body`` is None for a
    file that is too large for the cache; otherwise ``stored`` has its validators.
    """

    path: str
    stored: StoredHeaders
    body: bytes | None
    validators: Validators


@attrs.frozen(eq=False)
class FileReading:
    """The result of reading a file from the disk.

    ``form`` is the coding of ``representation``, "" for the bytes of the file, which are also used
    if a coding does not make them smaller. ``is_settled``: each later change of the file will
    change the signature.
    """

    signature: Signature
    form: str
    representation: Representation
    is_settled: bool


@attrs.frozen
class FolderFound:
    """Returned if the path is a folder."""


Known = tuple[Signature, Mapping[str, Representation]]
"""The signature and the forms of an earlier reading."""


def accepted_codings(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the codings that a client prefers to no coding, from its lines of
    ``Accept-Encoding``.

    The highest weight is first (RFC 9110 §12.5.3); at most three are returned.
    """
    weights = dict(reversed([*weighted(lines)]))
    default, identity = weights.get("*", 0.0), weights.get("identity", 0.0)
    found = {coding: weights.get(coding, default) for coding in SUFFIXES}
    accepted = [coding for coding in found if found[coding] > 0 and found[coding] >= identity]
    return tuple(sorted(accepted, key=lambda coding: -found[coding]))


@attrs.frozen(eq=False)
class FileReader:
    """Reads files below *root*. Its methods block, so they are called in a thread.

    Files of *max_size* bytes or less are read into memory, and compressed if *compress*.
    *cache_control* returns the header for a path.
    """

    root: Path
    max_size: int
    compress: bool
    cache_control: Callable[[str], str]
    _codings: Mapping[str, Callable[[bytes], bytes]] = attrs.field(init=False)

    @_codings.default
    def _compressors(self) -> dict[str, Callable[[bytes], bytes]]:
        def whole(make: Callable[[], Compressor]) -> Callable[[bytes], bytes]:
            def compressed(content: bytes) -> bytes:
                compressor = make()
                return compressor.compress(content) + compressor.finish()

            return compressed

        return {coding: whole(make) for coding, make in installed_codings(STORED).items()}

    def read(
        self, path: str, accepted: tuple[str, ...], known: Known | None
    ) -> FileReading | FolderFound | None:
        """Return the representation of *path* for a client that accepts the codings *accepted*.

        A representation of *known* is returned if the files have not changed. The result is None
        for a missing file, and for every other path that `open_file` rejects.

        Raises:
            OSError: see `open_file`.
        """
        *folders, name = path.split("/")
        try:
            with open_folder(self.root, folders) as folder:
                return self._read(_Names(path, name, folder), accepted, known)
        except NotFoundException:
            return None

    def _read(
        self, names: "_Names", accepted: tuple[str, ...], known: Known | None
    ) -> FileReading | FolderFound | None:
        own = stat_at(names.name, names.folder)
        if not S_ISREG(own.st_mode):
            return FolderFound() if S_ISDIR(own.st_mode) else None
        beside = names.with_codings(own)
        signature = (_key(own), *(_key(beside.get(coding)) for coding in SUFFIXES))
        stored = next((coding for coding in accepted if coding in beside), None)
        may_compress = self._may_compress(names.name, own)
        form = stored or ""
        if stored is None and may_compress and is_settled(own):
            form = next((coding for coding in accepted if coding in self._codings), "")
        if known is not None and known[0] == signature and form in known[1]:
            return FileReading(signature, form, known[1][form], is_settled=True)
        headers = self._headers(names.path, is_negotiated=bool(beside) or may_compress)
        if stored is not None:
            headers["Content-Encoding"] = stored
            suffix, found = SUFFIXES[stored], beside[stored]
        else:
            suffix, found = "", own
        representation, is_unchanged = self._representation(names, suffix, found, headers)
        if form and stored is None:
            representation = self._compressed(representation, form)
        return FileReading(signature, form, representation, is_unchanged and is_settled(own))

    def _may_compress(self, name: str, own: os.stat_result) -> bool:
        return (
            self.compress
            and _COMPRESSION_MINIMUM <= own.st_size <= self.max_size
            and is_compressible(file_type(PurePosixPath(name)))
        )

    def _headers(self, path: str, *, is_negotiated: bool) -> Headers:
        headers = Headers({"Content-Type": file_type(PurePosixPath(path))})
        if is_negotiated:
            headers["Vary"] = "Accept-Encoding"
        headers["Cache-Control"] = self.cache_control(path)
        return headers

    def _representation(
        self, names: "_Names", suffix: str, found: os.stat_result, headers: Headers
    ) -> tuple[Representation, bool]:
        """Return the representation in the file with *suffix*, and whether the file is settled and
        has not changed since *found*."""
        path = names.path + suffix
        if found.st_size > self.max_size:
            return Representation(
                path, StoredHeaders(headers), None, Validators.of(found, headers)
            ), True
        with open_at(names.name + suffix, names.folder) as file:
            body = _read_all(file, self.max_size)
            status = os.fstat(file.fileno())
        is_unchanged = _key(status) == _key(found) and is_settled(status)
        validators = Validators.of(status, headers)
        if body is not None:
            validators = attrs.evolve(validators, etag=_tag(body))
            _complete(headers, validators)
        return Representation(path, StoredHeaders(headers), body, validators), is_unchanged

    def _compressed(self, identity: Representation, coding: str) -> Representation:
        """Return *identity* compressed, or unchanged if compression does not make it smaller.

        The tag is weak, because another version of the library may compress to different bytes.
        """
        body = identity.body
        if body is None or len(compressed := self._codings[coding](body)) >= len(body):
            return identity
        headers = identity.stored.headers.copy()
        for name in ("ETag", "Last-Modified", "Accept-Ranges"):
            headers.popall(name, None)
        headers["Content-Encoding"] = coding
        tag = weakened(of_form(identity.validators.etag, coding))
        validators = attrs.evolve(identity.validators, etag=tag)
        _complete(headers, validators)
        return Representation(identity.path, StoredHeaders(headers), compressed, validators)


@attrs.frozen(eq=False)
class _Names:
    """A file: its path below the root, its name, and the descriptor of its folder."""

    path: str
    name: str
    folder: int

    def with_codings(self, own: os.stat_result) -> dict[str, os.stat_result]:
        """Return the status of each file with a coding that is not older than the file *own*."""
        found: dict[str, os.stat_result] = {}
        for coding, suffix in SUFFIXES.items():
            try:
                status = stat_at(self.name + suffix, self.folder)
            except OSError:
                continue  # missing, or its name is too long
            if S_ISREG(status.st_mode) and status.st_mtime_ns >= own.st_mtime_ns:
                found[coding] = status
        return found


def _key(status: os.stat_result | None) -> tuple[int, int, int, int] | None:
    if status is None:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


def _tag(body: bytes) -> str:
    """Return the tag of *body*. Unlike a tag made from time and size, it is the same on every
    machine, and differs between two versions with the same modification time."""
    return entity_tag(blake2b(body, digest_size=12).hexdigest())


def _complete(headers: CIMultiDict[str], validators: Validators) -> None:
    validators.add_to(headers)
    headers["Accept-Ranges"] = "bytes"


def _read_all(file: FileIO, max_size: int) -> bytes | None:
    """Read *file*; None if it has become larger than *max_size*."""
    pieces: list[bytes] = []
    size = 0
    while piece := file.read(max_size + 1 - size):
        pieces.append(piece)
        size += len(piece)
        if size > max_size:
            return None
    return b"".join(pieces)
