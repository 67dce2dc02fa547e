"""Conditional requests (RFC 9110 §13): is what the client has still the same?"""

import os
import time
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime
from typing import Literal

import attrs
from multidict import MultiMapping, MutableMultiMapping

from rxkernel.messages.entity_tag import TAG, is_among

_SETTLED = 2.0
"""Seconds after which a change is sure to get another time; FAT counts by two."""


@attrs.frozen
class Validators:
    """What tells one state of a file from another.

    While a file is so new that one more change could get the same time, its tag is weak and
    its date is not told: parts of two states are never put together (§8.8.1, §8.8.2.2).
    """

    etag: str
    modified: int | None
    """In whole seconds since 1970."""

    is_settled: bool = True

    @classmethod
    def of(cls, file: os.stat_result, given: MultiMapping[str]) -> "Validators":
        """Those of *file*, but for what the action has *given* as headers."""
        settled = time.time() - file.st_mtime >= _SETTLED
        tag = f'"{file.st_mtime_ns:x}-{file.st_size:x}"'
        date = given.get("Last-Modified")
        return cls(
            given.get("ETag", tag if settled else f"W/{tag}"),
            int(file.st_mtime) if date is None else _seconds(date),
            settled or date is not None,
        )

    def tell(self, headers: MutableMultiMapping[str]) -> None:
        """Add them to *headers*, where the action has not set its own."""
        headers.setdefault("ETag", self.etag)
        if self.modified is not None and self.is_settled:
            headers.setdefault("Last-Modified", formatdate(self.modified, usegmt=True))

    def check(self, asked: MultiMapping[str]) -> Literal[200, 304, 412]:
        """What the preconditions of a GET or HEAD make of a 200, in the order of §13.2.2."""
        if "If-Match" in asked:
            if not is_among(self.etag, asked.getall("If-Match"), strong=True):
                return 412
        elif self._is_after(asked.get("If-Unmodified-Since")):
            return 412
        if "If-None-Match" in asked:
            return 304 if is_among(self.etag, asked.getall("If-None-Match")) else 200
        return 304 if self._is_known_since(asked.get("If-Modified-Since")) else 200

    def allow_ranges(self, asked: MultiMapping[str]) -> bool:
        """Whether ``If-Range`` (§13.1.5), if there is one, names just this state."""
        if (given := asked.get("If-Range")) is None:
            return True
        if TAG.fullmatch(given.strip()):
            return is_among(self.etag, [given], strong=True)
        return self.is_settled and self.modified is not None and self.modified == _seconds(given)

    def _is_known_since(self, date: str | None) -> bool:
        seconds = _seconds(date)
        if seconds is None or self.modified is None or not self.is_settled:
            return False
        return self.modified <= seconds

    def _is_after(self, date: str | None) -> bool:
        seconds = _seconds(date)
        return seconds is not None and self.modified is not None and self.modified > seconds


def _seconds(date: str | None) -> int | None:
    """Any of the three forms of a date (§5.6.7); None for what is none, which is ignored."""
    try:
        parsed = parsedate_to_datetime(date or "")
        return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
