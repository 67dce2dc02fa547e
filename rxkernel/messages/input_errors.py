"""Errors of input: a closed list of codes, and one function for each kind of error.

Every entry in ``errors`` of a 422 is created here, so programs can rely on ``code`` and
``params``. An entry does not repeat values that the client sent. Its path may have names that the
client sent, shortened.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType, NoneType
from typing import Any, Literal

import attrs

from rxkernel.exceptions import UnprocessableEntityException
from rxkernel.messages.upload import UploadedFile

InputErrorCode = Literal[
    "missing",
    "unknown_field",
    "type",
    "format",
    "choice",
    "pattern",
    "too_short",
    "too_long",
    "too_small",
    "too_large",
    "multiple_of",
    "out_of_range",
    "timezone",
    "encoding",
    "too_deep",
    "too_many_collisions",
    "invalid",
]
"""The codes of rxkernel. Rules of an application may have others, see `ValidationError`."""

_NO_PARAMS: Mapping[str, Any] = MappingProxyType({})
_NAME_LIMIT = 50
_CHOICES_LIMIT = 20
_KINDS: Mapping[type, str] = MappingProxyType(
    {dict: "object", list: "array", tuple: "array", NoneType: "null", UploadedFile: "file"}
)
_BOUNDS: dict[str, tuple[InputErrorCode, str]] = {
    ">=": ("too_small", "ge"),
    ">": ("too_small", "gt"),
    "<=": ("too_large", "le"),
    "<": ("too_large", "lt"),
}


@attrs.frozen
class ErrorEntry:
    """One error; ``path`` is its place below the value that was read.

    The functions below create the errors of rxkernel, with the codes of `InputErrorCode`.
    """

    code: str
    message: str
    params: Mapping[str, Any] = _NO_PARAMS
    path: str = ""

    def at(self, place: str) -> "ErrorEntry":
        """The same error for an outer value, which has the value that was read at *place*."""
        return attrs.evolve(self, path=place + self.path)

    def to_dict(self, path: str) -> dict[str, Any]:
        """The entry of the response, for a value that was read from *path*."""
        entry: dict[str, Any] = {
            "path": path + self.path,
            "code": self.code,
            "message": self.message,
        }
        if self.params:
            entry["params"] = dict(self.params)
        return entry


def rejection(entries: list[dict[str, Any]], hint: str = "") -> UnprocessableEntityException:
    """The exception for invalid input (422); *hint* is added to its message."""
    message = "validation failed; see errors"
    return UnprocessableEntityException(f"{message}; {hint}" if hint else message, errors=entries)


def below(path: str, name: object) -> str:
    """The path of *name* below *path*. The name, which may be the client's, is shortened."""
    return f"{path}.{str(name)[:_NAME_LIMIT]}"


def kind_of(raw: object) -> str:
    """The JSON type of *raw*."""
    return _KINDS.get(type(raw), type(raw).__name__)


def _error(code: InputErrorCode, message: str, **params: Any) -> ErrorEntry:
    return ErrorEntry(code, message, params)


MISSING_INPUT = _error("missing", "is missing")
UNKNOWN_FIELD = _error("unknown_field", "is not a known field")
TOO_DEEP = _error("too_deep", "is nested too deeply")
NOT_UTF8 = _error("encoding", "is not valid UTF-8")
NOT_FINITE = _error("out_of_range", "expected a finite number")
OUT_OF_RANGE = _error("out_of_range", "is out of range")


def wrong_type(expected: str, got: str | None = None) -> ErrorEntry:
    """*got* is omitted for text that cannot be converted: all values of a query are text."""
    if got is None:
        return _error("type", f"expected {expected}", expected=expected)
    return _error("type", f"expected {expected}, got {got}", expected=expected, got=got)


def wrong_format(expected: str, standard: str = "") -> ErrorEntry:
    """Text that is not a valid *expected*, as defined by *standard*."""
    message = f"expected {expected} ({standard})" if standard else f"expected {expected}"
    return _error("format", message, expected=expected)


def wrong_choice(choices: Iterable[Any] = ()) -> ErrorEntry:
    """A value that is not one of *choices*, of which the first 20 are listed."""
    values = list(choices)
    if not values:
        return _error("choice", "is not an allowed value")
    shown = values[:_CHOICES_LIMIT]
    more = ", …" if len(values) > len(shown) else ""
    return _error("choice", f"expected one of {', '.join(map(repr, shown))}{more}", choices=shown)


def wrong_pattern(pattern: str) -> ErrorEntry:
    return _error("pattern", f"expected str matching {pattern!r}", pattern=pattern)


def out_of_bound(expected: str, operator: str, bound: float) -> ErrorEntry:
    """A number for which ``number <operator> bound`` does not hold."""
    code, name = _BOUNDS[operator]
    return _error(code, f"expected {expected} {operator} {bound}", **{name: bound})


def not_multiple(expected: str, factor: float) -> ErrorEntry:
    message = f"expected {expected} that is a multiple of {factor}"
    return _error("multiple_of", message, multiple_of=factor)


def wrong_length(
    expected: str, length: int, shortest: int = 0, longest: int | None = None
) -> ErrorEntry | None:
    """The error for *length*; None if it is within the bounds."""
    if length < shortest:
        rule = f"{shortest}" if shortest == longest else f">= {shortest}"
        return _error("too_short", f"expected {expected} of length {rule}", min_length=shortest)
    if longest is not None and length > longest:
        rule = f"{longest}" if shortest == longest else f"<= {longest}"
        return _error("too_long", f"expected {expected} of length {rule}", max_length=longest)
    return None


def too_many_collisions(kind: str) -> ErrorEntry:
    """Too many items or keys (*kind*) with the same hash, which would be slow to store."""
    return _error("too_many_collisions", f"has too many {kind} with the same hash")


def wrong_timezone(expected: str, *, needs_timezone: bool) -> ErrorEntry:
    message = f"expected {expected} {'with' if needs_timezone else 'without'} a timezone"
    return _error("timezone", message, tz=needs_timezone)


def invalid(message: str = "is not valid") -> ErrorEntry:
    """The error for a rule without a code of its own."""
    return _error("invalid", message)
