"""The conditions of requests, compared with the validators of a response (RFC 9110 §13)."""

import os
import time
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime
from typing import Literal

import attrs
from multidict import MultiMapping, MutableMultiMapping

from rxkernel.messages.entity_tag import TAG, is_among, of_form
from rxkernel.servers.http import header_names as hdrs

_TIME_RESOLUTION = 2.0
"""Seconds within which two changes of a file may get the same modification time, as on FAT."""


@attrs.frozen
class Validators:
    """The entity tag and modification date of a file or another response.

    Just after a change of a file, another change could get the same modification time. Until then
    the tag is weak and the date is not sent, so that a client never joins parts of two versions
    (§8.8.1, §8.8.2.2).
    """

    etag: str
    """Empty if it is missing."""

    modified: int | None
    """In whole seconds since 1970."""

    is_settled: bool = True
    """Whether each later change will get another modification time, or the action set the date."""

    @classmethod
    def of(cls, file: os.stat_result, headers: MultiMapping[str]) -> "Validators":
        """Return the validators that the action has set in *headers*; missing ones from *file*.

        The tag of a file that is sent with ``Content-Encoding`` ends with the coding.
        """
        settled = is_settled(file)
        tag = f'"{file.st_mtime_ns:x}-{file.st_size:x}"'
        if (coding := headers.get(hdrs.CONTENT_ENCODING, "")).isalnum():
            tag = of_form(tag, coding)
        date = headers.get(hdrs.LAST_MODIFIED)
        return cls(
            headers.get(hdrs.ETAG, tag if settled else f"W/{tag}"),
            int(file.st_mtime) if date is None else _seconds(date),
            settled or date is not None,
        )

    @classmethod
    def in_headers(cls, headers: MultiMapping[str]) -> "Validators | None":
        """Return the validators that the action has set in *headers*, or None."""
        etag, date = headers.get(hdrs.ETAG), headers.get(hdrs.LAST_MODIFIED)
        if etag is None and date is None:
            return None
        return cls(etag or "", _seconds(date))

    def add_to(self, headers: MutableMultiMapping[str]) -> None:
        """Add them to *headers*, unless the action has set its own."""
        headers.setdefault(hdrs.ETAG, self.etag)
        if self.modified is not None and self.is_settled:
            headers.setdefault(hdrs.LAST_MODIFIED, formatdate(self.modified, usegmt=True))

    def check(self, request_headers: MultiMapping[str]) -> Literal[200, 304, 412]:
        """Return the status of a GET or HEAD with these preconditions, in the order of §13.2.2."""
        if hdrs.IF_MATCH in request_headers:
            if not is_among(self.etag, request_headers.getall(hdrs.IF_MATCH), strong=True):
                return 412
        elif self._is_modified_since(request_headers.get(hdrs.IF_UNMODIFIED_SINCE)):
            return 412
        if hdrs.IF_NONE_MATCH in request_headers:
            return 304 if is_among(self.etag, request_headers.getall(hdrs.IF_NONE_MATCH)) else 200
        date = request_headers.get(hdrs.IF_MODIFIED_SINCE)
        return 304 if self._is_unmodified_since(date) else 200

    def matches_if_range(self, request_headers: MultiMapping[str]) -> bool:
        """Whether ranges may be sent: ``If-Range`` (§13.1.5) is missing or matches exactly."""
        if (text := request_headers.get(hdrs.IF_RANGE)) is None:
            return True
        if TAG.fullmatch(text.strip()):
            return is_among(self.etag, [text], strong=True)
        return self.is_settled and self.modified is not None and self.modified == _seconds(text)

    def _is_unmodified_since(self, date: str | None) -> bool:
        seconds = _seconds(date)
        if seconds is None or self.modified is None or not self.is_settled:
            return False
        return self.modified <= seconds

    def _is_modified_since(self, date: str | None) -> bool:
        seconds = _seconds(date)
        return seconds is not None and self.modified is not None and self.modified > seconds


def is_settled(file: os.stat_result) -> bool:
    """Whether each later change of *file* will get another modification time."""
    return time.time() - file.st_mtime >= _TIME_RESOLUTION


def _seconds(date: str | None) -> int | None:
    """Parse a date in one of the three formats (§5.6.7); None for an invalid date."""
    try:
        parsed = parsedate_to_datetime(date or "")
        return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
