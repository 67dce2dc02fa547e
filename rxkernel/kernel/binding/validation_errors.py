"""The errors that are collected while one request is read."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

import attrs
import msgspec
from multidict import MultiDict

from rxkernel.exceptions import UnprocessableEntityException
from rxkernel.messages.input_errors import ErrorEntry, rejection
from rxkernel.messages.request import Request
from rxkernel.messages.transport import Transport

MAX_ENTRIES = 50
"""Most errors that are reported for one request."""

SEARCH_BUDGET = 10_000
"""Most values of one request that are examined for further errors after the first one."""


_JSON_AS_FORM = (
    "the body looks like JSON, but is sent as a form; send Content-Type: application/json"
)

_SENT_IN_BODY = "is missing; it was sent in the body: send it in {place}"

_PLACES_OF_PARAMETERS = {Transport.HTTP: "the query", Transport.SOCKET: "params"}
"""Where a client sends the parameters of a message; those of other transports have other names."""


class _Invalid:
    """The type of `INVALID`."""


INVALID: Any = _Invalid()
"""Returned instead of a value that could not be converted. Its errors have been added."""


@attrs.frozen
class _Uncertain(ErrorEntry):
    def at(self, place: str) -> ErrorEntry:
        return self


UNCERTAIN: ErrorEntry = _Uncertain("invalid", "")
"""msgspec may have converted or rejected the value wrongly; the conversion in Python decides."""


class Mode(Enum):
    """How values are converted."""

    MSGSPEC = auto()  # by msgspec, as far as it supports the types
    PYTHON = auto()
    SEARCH = auto()  # in Python, within a budget, only to find more errors


class ValidationErrors(msgspec.Struct, eq=False):
    """The errors of one request, as its response lists them; at most `MAX_ENTRIES`.

    Each request with typed arguments creates one. It is a Struct, because creating a Struct is
    fastest. msgspec copies the empty list for every instance.
    """

    entries: list[dict[str, Any]] = []
    mode: Mode = Mode.MSGSPEC
    budget: int = SEARCH_BUDGET

    @property
    def is_full(self) -> bool:
        return len(self.entries) >= MAX_ENTRIES

    @property
    def is_done(self) -> bool:
        """Whether to stop: the limit of errors, or of examined values, is reached."""
        return self.is_full or (self.mode is Mode.SEARCH and self.budget <= 0)

    def add(self, path: str, entry: ErrorEntry) -> Any:
        """Add *entry* for the value at *path*; return `INVALID`."""
        if not self.is_full:
            self.entries.append(entry.to_dict(path))
        return INVALID

    def exception(self, request: Request) -> UnprocessableEntityException:
        """The 422 that rejects *request*."""
        body = request.body
        if isinstance(body, Mapping) and not isinstance(body, MultiDict):  # not a form
            place = _PLACES_OF_PARAMETERS.get(request.transport, "the parameters")
            self.entries = [_with_hint(entry, body, place) for entry in self.entries]
        return rejection(self.entries, _JSON_AS_FORM if _is_json_as_form(request) else "")


def _with_hint(entry: dict[str, Any], body: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return *entry*; with another message, which names *place*, if it reports a parameter that
    is in *body*."""
    source, _, name = entry["path"].partition(".")
    is_sent = entry["code"] == "missing" and source == "params" and name in body
    return {**entry, "message": _SENT_IN_BODY.format(place=place)} if is_sent else entry


def _is_json_as_form(request: Request) -> bool:
    """Whether the body looks like JSON, but was decoded as a form, which ``curl -d`` causes.
    Browsers encode braces and brackets in forms."""
    if not isinstance(request.body, MultiDict):
        return False
    return request.raw_body.lstrip().startswith((b"{", b"["))
