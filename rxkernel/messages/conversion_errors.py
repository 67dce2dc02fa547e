"""Translates a ValidationError of msgspec to an entry of ``errors``.

msgspec raises only a text. A test compares each of its texts with this table; an unknown text
becomes the code ``invalid`` and is not shown, because some texts quote the value.
"""

import re
from ast import literal_eval
from collections.abc import Callable, Iterable

import msgspec

from rxkernel.messages.input_errors import (
    MISSING_INPUT,
    OUT_OF_RANGE,
    UNKNOWN_FIELD,
    ErrorEntry,
    below,
    invalid,
    not_multiple,
    out_of_bound,
    wrong_choice,
    wrong_format,
    wrong_length,
    wrong_pattern,
    wrong_timezone,
    wrong_type,
)
from rxkernel.messages.upload import UploadedFile

_PLACE = re.compile(r"(.*) - at `(?:key` in `)?\$(.*)`", re.DOTALL)
"""The text and the place. The last place counts: a text may quote a value that looks like one."""

_FORMATS = {
    "RFC3339 encoded datetime": ("datetime", "RFC 3339"),
    "RFC3339 encoded date": ("date", "RFC 3339"),
    "RFC3339 encoded time": ("time", "RFC 3339"),
    "ISO8601 duration": ("duration", "ISO 8601"),
    "UUID": ("uuid", ""),
    "UUID bytes": ("uuid", ""),
    "decimal string": ("decimal", ""),
    "base64 encoded string": ("base64", ""),
    "epoch timestamp": ("datetime", "RFC 3339"),
    "MessagePack timestamp": ("datetime", "RFC 3339"),
}


def _kind(text: str) -> str:
    """The name of a type for clients."""
    return text.replace(UploadedFile.__name__, "file")


def _number(text: str) -> float:
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _length_of_tuple(found: re.Match[str]) -> ErrorEntry | None:
    shortest = int(found["shortest"])
    longest = int(found["longest"] or shortest)
    return wrong_length("array", int(found["length"]), shortest, longest)


def _length(found: re.Match[str]) -> ErrorEntry | None:
    bound = int(found[3])
    if found[2] in (">=", "at least"):
        return wrong_length(found[1], bound - 1, bound)
    return wrong_length(found[1], bound + 1, 0, bound)


_Read = Callable[[re.Match[str]], ErrorEntry | None]

_TEXTS: tuple[tuple[re.Pattern[str], _Read], ...] = tuple(
    (re.compile(pattern, re.DOTALL), read)
    for pattern, read in (
        (
            r"Expected `([^`]*)`, got `([^`]*)`",
            lambda found: wrong_type(*map(_kind, found.groups())),
        ),
        (r"Expected `([^`]*)`", lambda found: wrong_type(_kind(found[1]))),
        (
            r"Expected `([^`]*)` (>=|>|<=|<) (\S*)",
            lambda found: out_of_bound(found[1], found[2], _number(found[3])),
        ),
        (r"Expected `([^`]*)` of length (>=|<=) (\d+)", _length),
        (r"Expected `([^`]*)` of (at least|at most) length (\d+).*", _length),
        (
            r"Expected `array` of length (?P<shortest>\d+)(?: to (?P<longest>\d+))?, "
            r"got (?P<length>\d+)",
            _length_of_tuple,
        ),
        (
            r"Expected `([^`]*)` that's a multiple of (\S*)",
            lambda found: not_multiple(found[1], _number(found[2])),
        ),
        (
            r"Expected `str` matching regex (.*)",
            lambda found: wrong_pattern(literal_eval(found[1])),
        ),
        (
            r"Expected `([^`]*)` with (a|no) timezone component",
            lambda found: wrong_timezone(found[1], needs_timezone=found[2] == "a"),
        ),
        (r"Object missing required field `(.*)`", lambda found: MISSING_INPUT.at(f".{found[1]}")),
        (
            r"Object contains unknown field `(.*)`",
            lambda found: UNKNOWN_FIELD.at(below("", found[1])),
        ),
        (r"Invalid (?:enum )?value .*", lambda _: wrong_choice()),
        (
            rf"Invalid ({'|'.join(map(re.escape, _FORMATS))})",
            lambda found: wrong_format(*_FORMATS[found[1]]),
        ),
        (r".* out of range\s*", lambda _: OUT_OF_RANGE),
    )
)


def entry_of(
    exc: msgspec.ValidationError, choices: Iterable[object] = (), lenient: bool = False
) -> ErrorEntry:
    """The error that *exc* reports, with its place below the value that was converted.

    If only *choices* are allowed, every error lists them. With *lenient* the value is from a query
    or a form, where all values are text, so ``got`` is omitted.
    """
    text, place = str(exc), ""
    if located := _PLACE.fullmatch(text):
        text, place = located[1], located[2]
    entry = wrong_choice(choices) if choices else _read(text)
    if lenient and entry.params.get("got") == "str":
        entry = wrong_type(entry.params["expected"])
    return entry.at(place)


def place_of(exc: msgspec.ValidationError) -> str:
    """The place of the error below the value that was converted, such as ``.items[2].price``."""
    located = _PLACE.fullmatch(str(exc))
    return located[2] if located else ""


def _read(text: str) -> ErrorEntry:
    for pattern, read in _TEXTS:
        if (found := pattern.fullmatch(text)) is not None and (entry := read(found)) is not None:
            return entry
    return invalid()
