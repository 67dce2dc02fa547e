"""What does not fit, said in one style: where, and what was expected; never the value."""

import linecache
import re
import sys
from collections.abc import Iterator
from dis import opmap
from enum import Enum, auto
from types import TracebackType
from typing import Any

import attrs
import msgspec

from rxkernel.exceptions import UnprocessableEntityException, ValidationError
from rxkernel.messages.conversion_errors import entry_of, place_of
from rxkernel.messages.input_errors import ErrorEntry, invalid, rejection

MOST = 50
"""Misfits that are told of one request; a client that makes more learns nothing from them."""

SEARCHED = 10_000
"""Values of one request that are looked at for more misfits, when one is known."""

_CONVERTER = re.compile(r"__attr_converter_(\w+)\(")
_RAISE = opmap["RAISE_VARARGS"]
_OF_ATTRS = re.compile(r"(?:'[^']*' )?(?P<rule>.*?)(?:: | \().*", re.DOTALL)


class _Unfit:
    """Stands for a value that could not be made."""


UNFIT: Any = _Unfit()

DOUBT = ErrorEntry("invalid", "")
"""Stands for a value that msgspec may have made of it in another way than is wanted."""


class Mode(Enum):
    """How values are made: in C where it can, by hand, or by hand only to find misfits."""

    IN_C = auto()
    BY_HAND = auto()
    SEARCH = auto()


class Misfits(msgspec.Struct, eq=False):  # one for each request: C makes it
    """The misfits of one request, as its answer tells them; ``is_full`` after `MOST` of them.

    ``left`` is how many values a search may still look at.
    """

    found: list[dict[str, Any]] = []
    mode: Mode = Mode.IN_C
    left: int = SEARCHED

    @property
    def is_full(self) -> bool:
        return len(self.found) >= MOST

    @property
    def is_done(self) -> bool:
        """Whether to look no further: enough is found, or enough was looked at."""
        return self.is_full or (self.mode is Mode.SEARCH and self.left <= 0)

    def add(self, path: str, entry: ErrorEntry) -> Any:
        """Note *entry* for what was read from *path*; returns `UNFIT`."""
        if not self.is_full:
            self.found.append(entry.to_dict(path))
        return UNFIT

    def exception(self) -> UnprocessableEntityException:
        """What the request is refused with (422)."""
        return rejection(self.found)


def is_unicode(text: str) -> bool:
    """False for a text with bytes in it that were no UTF-8, as a header may have (PEP 383)."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def at(place: str, found: ErrorEntry) -> ErrorEntry:
    """*found* in a part, as the whole tells it, where the part is at *place*."""
    return found if found is DOUBT else found.at(place)


def misfit_of(exc: msgspec.ValidationError) -> ErrorEntry:
    """The one misfit that msgspec tells of. It is kept instead of *exc*, whose traceback holds
    the frames and with them the whole body.

    Raises:
        Exception: the bug of a class, which msgspec takes for a misfit.
    """
    if isinstance(exc.__cause__, Exception):  # raised by a class
        return said_by_class(exc.__cause__)[1].at(place_of(exc))
    return entry_of(exc)


def said_by_class(exc: Exception, cls: type | None = None) -> tuple[str | None, ErrorEntry]:
    """The attribute, where it is known, and the reason of *cls* that refused its fields.

    A `ValidationError` is kept as it is. What the application itself says with
    ``raise ValueError(…)`` is kept, and the rule of a validator of attrs, whose text quotes the
    value at its end. Of another `ValueError`, as that of ``int(text)`` or of an enum, nothing is
    told: it would quote the value.

    Raises:
        Exception: *exc* itself, when it is a bug of the class and no misfit.
    """
    frames = list(_frames(exc.__traceback__))
    attribute = next(filter(None, map(_attribute_in, frames)), None)
    if isinstance(exc, ValidationError):
        return attribute, ErrorEntry(exc.code, exc.message, exc.params)
    text = str(exc.args[0]) if exc.args else ""
    last = frames[-1] if frames else None
    if last is not None and _module_of(last).startswith("attr."):
        found = _OF_ATTRS.fullmatch(text)
        return attribute, invalid(found["rule"]) if found else invalid()
    is_generated = last is not None and _is_of_attrs(last)  # it called a converter that is in C
    if not isinstance(exc, ValueError) and not (is_generated and isinstance(exc, TypeError)):
        raise exc
    is_said = last is not None and _raises(last) and _is_of_application(last, cls)
    return attribute, invalid(text) if is_said and text else invalid()


def _frames(tb: TracebackType | None) -> Iterator[TracebackType]:
    while tb is not None:
        yield tb
        tb = tb.tb_next


def _module_of(tb: TracebackType) -> str:
    return str(tb.tb_frame.f_globals.get("__name__", ""))


def _is_of_attrs(tb: TracebackType) -> bool:
    return tb.tb_frame.f_code.co_filename.startswith("<attrs generated")


def _raises(tb: TracebackType) -> bool:
    """Whether it broke at a ``raise``, and not in something written in C that was called."""
    return tb.tb_frame.f_code.co_code[tb.tb_lasti] == _RAISE


def _is_of_application(tb: TracebackType, cls: type | None) -> bool:
    package = _module_of(tb).partition(".")[0]
    if cls is not None and package == cls.__module__.partition(".")[0]:
        return True
    is_installed = "site-packages" in tb.tb_frame.f_code.co_filename
    return not is_installed and package not in sys.stdlib_module_names


def _attribute_in(tb: TracebackType) -> str | None:
    """The field that a validator of attrs is asked for, one of its arguments; or the one whose
    converter is called."""
    if _is_of_attrs(tb):
        line = linecache.getline(tb.tb_frame.f_code.co_filename, tb.tb_lineno)
        found = _CONVERTER.search(line)
        return found[1] if found else None
    values = tb.tb_frame.f_locals.values()
    return next((v.name for v in values if isinstance(v, attrs.Attribute)), None)
