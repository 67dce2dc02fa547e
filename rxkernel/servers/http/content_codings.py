"""The available content codings: gzip always, zstd and brotli if installed.

zstd is in the standard library since Python 3.14, before that in the package ``backports.zstd``;
brotli is in the package ``brotli``. The default levels favour speed over size, since a response is
compressed for one client only.
"""

import sys
import zlib
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, Protocol

import attrs


@attrs.frozen
class Levels:
    """The level of each coding."""

    gzip: int = 5
    br: int = 4
    zstd: int = 3


STORED = Levels(gzip=9, br=9, zstd=12)
"""For content that is compressed once and sent many times. Higher levels take ten times as long
for a few per cent."""


class Compressor(Protocol):
    """Compresses one body."""

    def compress(self, piece: bytes) -> bytes: ...

    def flush(self) -> bytes:
        """Return the buffered output, with which the client can read all pieces so far."""

    def finish(self) -> bytes:
        """Return the rest of the output, which ends the body."""


class Gzip:
    """RFC 1952."""

    def __init__(self, level: int) -> None:
        self._zlib = zlib.compressobj(level, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        self.compress = self._zlib.compress

    def flush(self) -> bytes:
        return self._zlib.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._zlib.flush()


class Brotli:
    """RFC 7932; *module* is ``brotli``."""

    def __init__(self, module: Any, level: int) -> None:
        self._brotli = module.Compressor(quality=level)
        self.compress = self._brotli.process
        self.flush = self._brotli.flush
        self.finish = self._brotli.finish


class Zstd:
    """RFC 8878. The window has 2 MiB; RFC 9659 allows 8. *module* is ``zstd``."""

    def __init__(self, module: Any, level: int) -> None:
        self._zstd = module.ZstdCompressor(level=level)
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


def zstd_module() -> Any:
    """The module for zstd; None if it is not installed."""
    return _optional("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")


def brotli_module() -> Any:
    """The module for brotli; None if it is not installed."""
    return _optional("brotli")


def installed_codings(levels: Levels = Levels()) -> dict[str, Callable[[], Compressor]]:
    """Return a factory of compressors for each coding; the preferred coding is first."""
    zstd, brotli = zstd_module(), brotli_module()
    codings: dict[str, Callable[[], Compressor]] = {}
    if zstd is not None:
        codings["zstd"] = partial(Zstd, zstd, levels.zstd)
    if brotli is not None:
        codings["br"] = partial(Brotli, brotli, levels.br)
    return {**codings, "gzip": partial(Gzip, levels.gzip)}
