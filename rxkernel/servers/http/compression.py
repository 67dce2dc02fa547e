"""Compresses responses for clients that accept it (RFC 9110 §8.4, §12.5.3)."""

import asyncio
import re
from functools import lru_cache, partial

from multidict import CIMultiDict

from rxkernel.messages.entity_tag import weakened
from rxkernel.messages.vary import vary
from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.content_codings import Compressor, installed_codings
from rxkernel.servers.http.quality_values import weighted
from rxkernel.servers.http.request_head import RequestHead
from rxkernel.servers.http.statuses import WITHOUT_CONTENT

_UNCOMPRESSED = (*WITHOUT_CONTENT, 206)
"""Statuses that are never compressed. The ranges of a 206 count the bytes without a coding."""

_THREAD_MINIMUM = 65_536
"""Smallest piece, in bytes, that a thread compresses; for smaller ones the switch costs more."""

_EXCLUDED_TYPES = re.compile(
    r"(?:image/(?!svg\+xml|bmp|x-ms-bmp)|video/|audio/|font/woff|multipart/|text/event-stream"
    r"|application/(?:zip|gzip|x-gzip|zstd|x-brotli|x-bzip2?|x-xz|x-7z-compressed|x-rar"
    r"|vnd\.rar|java-archive|pdf|epub\+zip|vnd\.openxmlformats|vnd\.oasis\.opendocument"
    r"|font-woff))",
    re.IGNORECASE,
)
"""Types that are already compressed, or whose pieces must be sent without a delay."""


class Compression:
    """Chooses the coding of each response. Only bodies of *minimum* bytes or more are compressed,
    unless the client rejects a body without a coding.
    """

    def __init__(self, minimum: int) -> None:
        self._minimum = minimum
        self._codings = installed_codings()
        self._choose = lru_cache(maxsize=256)(partial(choose_coding, tuple(self._codings)))

    def may_change(self, head: RequestHead, size: int) -> bool:
        """Whether `start` may change a response with a body of *size* bytes. A fast check."""
        if size >= self._minimum:
            return True
        lines = head.headers.getall(hdrs.ACCEPT_ENCODING, None)
        return lines is not None and size > 0 and self._choose(tuple(lines))[1]

    def start(
        self, head: RequestHead, status: int, headers: CIMultiDict[str], size: int | None
    ) -> Compressor | None:
        """Return the compressor of a body of *size* bytes, and set *headers* for it; None if it is
        not compressed.

        A *size* of None is unknown. HEAD gets the same headers as GET.
        """
        if status in _UNCOMPRESSED or size == 0:
            return None
        if _is_excluded(headers):
            return None
        lines = head.headers.getall(hdrs.ACCEPT_ENCODING, ())
        coding, is_demanded = self._choose(tuple(lines))
        if size is not None and size < self._minimum and not is_demanded:
            return None
        vary(headers, hdrs.ACCEPT_ENCODING)
        if coding is None:
            return None
        headers[hdrs.CONTENT_ENCODING] = coding
        headers.popall(hdrs.CONTENT_LENGTH, None)
        if (etag := headers.get(hdrs.ETAG)) is not None:
            headers["ETag"] = weakened(etag)
        return self._codings[coding]()


def _is_excluded(headers: CIMultiDict[str]) -> bool:
    """Whether a response with *headers* must not be compressed, or is already compressed."""
    return (
        hdrs.CONTENT_ENCODING in headers
        or hdrs.CONTENT_RANGE in headers
        or not is_compressible(headers.get(hdrs.CONTENT_TYPE, ""))
        or any(
            directive.strip().lower() == "no-transform"
            for line in headers.getall(hdrs.CACHE_CONTROL, ())
            for directive in line.split(",")
        )
    )


def is_compressible(content_type: str) -> bool:
    """Whether content of this type becomes smaller, and may be sent with a delay."""
    return _EXCLUDED_TYPES.match(content_type) is None


def choose_coding(codings: tuple[str, ...], lines: tuple[str, ...]) -> tuple[str | None, bool]:
    """Return the coding with the highest weight in the lines of ``Accept-Encoding``, and whether
    they reject a body without a coding (``identity``).

    If weights are equal, the first of *codings* is chosen. The coding is None if ``identity`` has
    a higher weight, or if the client does not accept any of *codings* (RFC 9110 §12.5.3).
    """
    weights = dict(reversed([*weighted(lines)]))
    default = weights.get("*", 0.0)
    identity = weights.get("identity", 0.0 if weights.get("*") == 0 else None)
    best, best_weight = None, 0.0
    for coding in codings:
        weight = weights.get(coding, default)
        if weight > best_weight:
            best, best_weight = coding, weight
    if identity is not None and identity > best_weight:
        best = None
    return best, identity == 0


async def compress(compressor: Compressor, piece: bytes, *, last: bool = False) -> bytes:
    """Compress *piece* so that the client can read all of it at once; *last* ends the body."""
    end = compressor.finish if last else compressor.flush
    if len(piece) < _THREAD_MINIMUM:
        return compressor.compress(piece) + end()
    return await asyncio.to_thread(lambda: compressor.compress(piece) + end())
