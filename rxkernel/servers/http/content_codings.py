"""The content codings that are there: gzip always, zstd and brotli where installed.

zstd is Python's own from 3.14 on, the package ``backports.zstd`` before; brotli is the package
``brotli``. All are made for answers that are compressed once: quick rather than small.
"""

import sys
import zlib
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, Protocol


class Compressor(Protocol):
    """Compresses one body."""

    def compress(self, piece: bytes) -> bytes: ...

    def flush(self) -> bytes:
        """What is still held back, so that the client can read all that was given so far."""

    def finish(self) -> bytes:
        """The end of the body."""


class Gzip:
    """RFC 1952."""

    def __init__(self) -> None:
        self._zlib = zlib.compressobj(5, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        self.compress = self._zlib.compress

    def flush(self) -> bytes:
        return self._zlib.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._zlib.flush()


class Brotli:
    """RFC 7932; *module* is ``brotli``."""

    def __init__(self, module: Any) -> None:
        self._brotli = module.Compressor(quality=4)
        self.compress = self._brotli.process
        self.flush = self._brotli.flush
        self.finish = self._brotli.finish


class Zstd:
    """RFC 8878, with a window of 2 MiB, so within the 8 of RFC 9659; *module* is ``zstd``."""

    def __init__(self, module: Any) -> None:
        self._zstd = module.ZstdCompressor(level=3)
        self._block = module.ZstdCompressor.FLUSH_BLOCK
        self.compress = self._zstd.compress

    def flush(self) -> bytes:
        flushed: bytes = self._zstd.flush(self._block)
        return flushed

    def finish(self) -> bytes:
        finished: bytes = self._zstd.flush()
        return finished


def _optional(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        return None


def installed_codings() -> dict[str, Callable[[], Compressor]]:
    """What makes the compressor of each coding, the best for us first."""
    zstd = _optional("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
    brotli = _optional("brotli")
    codings: dict[str, Callable[[], Compressor]] = {}
    if zstd is not None:
        codings["zstd"] = partial(Zstd, zstd)
    if brotli is not None:
        codings["br"] = partial(Brotli, brotli)
    return {**codings, "gzip": Gzip}
