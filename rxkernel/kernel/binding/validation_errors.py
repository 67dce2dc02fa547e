"""The errors that are collected while one request is read."""

from enum import Enum, auto
from typing import Any

import attrs
import msgspec

from rxkernel.exceptions import UnprocessableEntityException
from rxkernel.messages.input_errors import ErrorEntry, rejection

MAX_ENTRIES = 50
"""Errors reported of one request; more would not help a client."""

SEARCH_BUDGET = 10_000
"""Values of one request that are examined for further errors, once one is known."""


class _Invalid:
    """The type of `INVALID`."""


INVALID: Any = _Invalid()
"""Returned in place of a value that could not be converted; its errors have been added."""


@attrs.frozen
class _Uncertain(ErrorEntry):
    def at(self, place: str) -> ErrorEntry:
        return self


UNCERTAIN: ErrorEntry = _Uncertain("invalid", "")
"""msgspec may have converted or rejected the value wrongly; the conversion in Python decides."""


class Mode(Enum):
    """How values are converted."""

    MSGSPEC = auto()  # by msgspec where it can
    PYTHON = auto()
    SEARCH = auto()  # in Python, within a budget, only to find more errors


class ValidationErrors(msgspec.Struct, eq=False):
    """The errors of one request, as its response lists them; at most `MAX_ENTRIES`.

    One is made for each request with typed arguments, so it is a Struct, which is the cheapest to
    make. msgspec gives every instance an empty list of its own.
    """

    entries: list[dict[str, Any]] = []
    mode: Mode = Mode.MSGSPEC
    budget: int = SEARCH_BUDGET

    @property
    def is_full(self) -> bool:
        return len(self.entries) >= MAX_ENTRIES

    @property
    def is_done(self) -> bool:
        """Whether to stop: enough errors were found, or enough values examined."""
        return self.is_full or (self.mode is Mode.SEARCH and self.budget <= 0)

    def add(self, path: str, entry: ErrorEntry) -> Any:
        """Add *entry* for the value that was read from *path*; returns `INVALID`."""
        if not self.is_full:
            self.entries.append(entry.to_dict(path))
        return INVALID

    def exception(self) -> UnprocessableEntityException:
        """The 422 that rejects the request."""
        return rejection(self.entries)
