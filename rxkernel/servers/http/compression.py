"""Answers in fewer bytes, for clients that can read it (RFC 9110 §8.4, §12.5.3)."""

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

_BODILESS = (204, 205, 206, 304)
"""Statuses without a body, and 206: a range is one of the bytes that it was asked of."""

_THREADED = 65_536
"""Bytes from which on the loop goes on while a thread compresses; below, the switch costs more."""

_DENSE = re.compile(
    r"(?:image/(?!svg\+xml|bmp|x-ms-bmp)|video/|audio/|font/woff|multipart/|text/event-stream"
    r"|application/(?:zip|gzip|x-gzip|zstd|x-brotli|x-bzip2?|x-xz|x-7z-compressed|x-rar"
    r"|vnd\.rar|java-archive|pdf|epub\+zip|vnd\.openxmlformats|vnd\.oasis\.opendocument"
    r"|font-woff))",
    re.IGNORECASE,
)
"""Types that are compressed already, or must not be held back."""


class Compression:
    """Decides what is compressed, and does it; *minimum* is in bytes."""

    def __init__(self, minimum: int) -> None:
        self._minimum = minimum
        self._codings = installed_codings()
        self._chosen = lru_cache(maxsize=256)(partial(chosen_coding, tuple(self._codings)))

    def may_change(self, head: RequestHead, size: int) -> bool:
        """Whether `start` may change a response with *size* bytes: no small one, unless the
        client refuses the bare body."""
        if size >= self._minimum:
            return True
        lines = head.headers.getall(hdrs.ACCEPT_ENCODING, None)
        return lines is not None and size > 0 and self._chosen(tuple(lines))[1]

    def start(
        self, head: RequestHead, status: int, headers: CIMultiDict[str], size: int | None
    ) -> Compressor | None:
        """What compresses a body of *size* bytes, None for a size not known, with *headers*
        changed to fit; or None, where it is sent as it is. HEAD is told what GET would be.
        """
        if status in _BODILESS or size == 0:
            return None
        if _is_fixed(headers):
            return None
        lines = head.headers.getall(hdrs.ACCEPT_ENCODING, ())
        coding, is_demanded = self._chosen(tuple(lines))
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


def _is_fixed(headers: CIMultiDict[str]) -> bool:
    """Whether an answer with *headers* must stay, or would hardly become smaller."""
    return (
        hdrs.CONTENT_ENCODING in headers
        or hdrs.CONTENT_RANGE in headers
        or _DENSE.match(headers.get(hdrs.CONTENT_TYPE, "")) is not None
        or any(
            directive.strip().lower() == "no-transform"
            for line in headers.getall(hdrs.CACHE_CONTROL, ())
            for directive in line.split(",")
        )
    )


def chosen_coding(codings: tuple[str, ...], lines: tuple[str, ...]) -> tuple[str | None, bool]:
    """The one of *codings* that the lines of ``Accept-Encoding`` like best, and whether they
    refuse the bare body. Of equal weights the first wins; None: the bare body is liked best.

    Without the header, with none of our codings in it, or where all is refused, it is None:
    the answer is sent bare (RFC 9110 §12.5.3).
    """
    weights = dict(reversed([*weighted(lines)]))
    others = weights.get("*", 0.0)
    bare = weights.get("identity", 0.0 if weights.get("*") == 0 else None)
    best, best_weight = None, 0.0
    for coding in codings:
        weight = weights.get(coding, others)
        if weight > best_weight:
            best, best_weight = coding, weight
    if bare is not None and bare > best_weight:
        best = None
    return best, bare == 0


async def compress(compressor: Compressor, piece: bytes, *, last: bool = False) -> bytes:
    """*piece* compressed, so that the client can read all of it; *last* ends the body too."""
    end = compressor.finish if last else compressor.flush
    if len(piece) < _THREADED:
        return compressor.compress(piece) + end()
    return await asyncio.to_thread(lambda: compressor.compress(piece) + end())
