"""What does not fit, said in one style: where, and what was expected; never the value."""

import re
from enum import Enum, auto
from types import NoneType, TracebackType
from typing import Any

import attrs
import msgspec

from rxkernel.exceptions import UnprocessableEntityException

MOST = 50
"""Misfits that are told of one request; a client that makes more learns nothing from them."""

SEARCHED = 10_000
"""Values of one request that are looked at for more misfits, when one is known."""

_NAME_LIMIT = 100
_CHOICES_LIMIT = 20
_PLACE = re.compile(r" - at `(?:key` in `)?\$(.*)`\Z", re.DOTALL)
_KINDS = {dict: "object", list: "array", tuple: "array", NoneType: "null"}
_OF_ATTRS = re.compile(r"(?:'[^']*' )?(?P<rule>.*?)(?:: | \().*", re.DOTALL)


class _Unfit:
    """Stands for a value that could not be made."""


UNFIT: Any = _Unfit()

Misfit = tuple[str, str]
"""One misfit: its place below the value, as ``.items[2].price``, and what is wrong there."""

DOUBT: Misfit = ("", "")
"""Stands for a value that msgspec may have made of it in another way than is wanted."""


class Mode(Enum):
    """How values are made: in C where it can, by hand, or by hand only to find misfits."""

    IN_C = auto()
    BY_HAND = auto()
    SEARCH = auto()


@attrs.define(eq=False)
class Misfits:
    """The misfits of one request, as its answer tells them; ``is_full`` after `MOST` of them.

    ``left`` is how many values a search may still look at.
    """

    found: list[dict[str, str]] = attrs.field(factory=list)
    mode: Mode = Mode.IN_C
    left: int = SEARCHED

    @property
    def is_full(self) -> bool:
        return len(self.found) >= MOST

    @property
    def is_done(self) -> bool:
        """Whether to look no further: enough is found, or enough was looked at."""
        return self.is_full or (self.mode is Mode.SEARCH and self.left <= 0)

    def add(self, path: str, message: str) -> Any:
        """Note that what is at *path* is not right; returns `UNFIT`."""
        if not self.is_full:
            self.found.append({"path": path, "message": message})
        return UNFIT

    def exception(self) -> UnprocessableEntityException:
        """What the request is refused with (422)."""
        return UnprocessableEntityException(
            "the request does not fit; see errors", errors=self.found
        )


def below(path: str, name: object) -> str:
    """The path of *name* below *path*; a name of a client is cut."""
    return f"{path}.{str(name)[:_NAME_LIMIT]}"


def kind_of(raw: object) -> str:
    """What JSON calls *raw*."""
    return _KINDS.get(type(raw), type(raw).__name__)


def said_by_msgspec(
    exc: msgspec.ValidationError, choices: tuple[Any, ...] = (), lenient: bool = False
) -> str:
    """msgspec's reason for refusing a value, where only *choices* are allowed, if any."""
    text = _PLACE.sub("", str(exc))
    if choices or text.startswith(("Invalid enum value", "Invalid value")):  # and then the value
        return _one_of(choices)
    text = text.replace("`", "")
    if lenient:  # every value of a query is a text
        text = text.removesuffix(", got str")
    return text[:1].lower() + text[1:]


def place_in(exc: msgspec.ValidationError) -> str:
    """Where msgspec found a misfit, below the value it was given: ``.items[2].price``."""
    found = _PLACE.search(str(exc))
    return found[1] if found else ""


def misfit_of(exc: msgspec.ValidationError) -> Misfit:
    """The one misfit that msgspec tells of. It is kept instead of *exc*, whose traceback holds
    the frames and with them the whole body."""
    return place_in(exc), said_by_msgspec(exc)


def _one_of(choices: tuple[Any, ...]) -> str:
    if not choices:
        return "is none of what is allowed"
    shown = ", ".join(map(repr, choices[:_CHOICES_LIMIT]))
    return f"expected one of {shown}" + (", …" if len(choices) > _CHOICES_LIMIT else "")


def said_by_class(exc: Exception) -> tuple[str | None, str]:
    """The attribute, where it is known, and the reason of a class that refused its fields.

    A validator of attrs quotes the value at the end of its text, which is cut off; what the
    application's own code says is kept.
    """
    attribute, module, tb = None, "", exc.__traceback__
    while tb is not None:
        module = tb.tb_frame.f_globals.get("__name__", "")
        attribute = attribute or _attribute_in(tb)
        tb = tb.tb_next
    text = str(exc.args[0]) if exc.args else "is not valid"
    if module.startswith("attr."):
        found = _OF_ATTRS.fullmatch(text)
        text = found["rule"] if found else "is not valid"
    return attribute, text


def _attribute_in(tb: TracebackType) -> str | None:
    """The field that a validator of attrs is asked for: one of its arguments."""
    values = tb.tb_frame.f_locals.values()
    return next((v.name for v in values if isinstance(v, attrs.Attribute)), None)
