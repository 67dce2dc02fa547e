"""From a raw value to one of a declared type, or to everything that does not fit."""

from types import NoneType
from typing import Any, get_args, get_origin

from msgspec import ValidationError, convert

from rxkernel.kernel.binding.defaults import fill_of
from rxkernel.kernel.binding.misfits import UNFIT, Misfits, misfit_of
from rxkernel.kernel.binding.node_reader import read_node
from rxkernel.kernel.binding.nodes import Node, build_after
from rxkernel.kernel.binding.words import with_words
from rxkernel.messages.input_errors import NOT_UTF8, TOO_DEEP, ErrorEntry
from rxkernel.routing.annotations import UNIONS


class Validator:
    """Makes values of one type: in C where all is well, by hand where it is to be told why not.

    Raises:
        TypeError, NameError: msgspec does not know the type.
    """

    def __init__(self, type_: Any, *, allow_unknown: bool = False) -> None:
        self._type, self._is_optional = _required(type_)
        self.node = read_node(self._type, allow_unknown=allow_unknown)
        self._in_c = not self.node.by_hand
        self._looks = (self.node.looks, self.node.looks_leniently)
        self._fill = fill_of(self.node)

    def read(self, raw: Any, path: str, misfits: Misfits, lenient: bool = False) -> Any:
        """The value of *raw*, or `UNFIT`; *lenient* takes the text ``"7"`` for the number."""
        if raw is None and self._is_optional:
            return None
        failure: ErrorEntry | None = None
        if self._in_c:
            try:
                if lenient:
                    value = convert(raw, self._type, strict=False)
                else:  # without the keyword, which costs a tenth of all that it does
                    value = convert(raw, self._type)
            except ValidationError as exc:
                failure = misfit_of(exc)
            except RecursionError:
                return misfits.add(path, TOO_DEEP)
            except UnicodeEncodeError:
                return misfits.add(path, NOT_UTF8)
            except TypeError:  # a set of what has no hash
                pass
            else:
                failure = self.node.unclean(raw, lenient) if self._looks[lenient] else None
                if failure is None:
                    return self._filled(value)
        if lenient and (spoken := with_words(self.node, raw)) is not raw:
            return self.read(spoken, path, misfits, lenient)
        return self._build(raw, path, misfits, lenient, failure)

    @property
    def takes_empty(self) -> bool:
        """Whether an empty text is a value; for a number or a date it is none."""
        return takes_empty(self.node)

    def _build(
        self,
        raw: Any,
        path: str,
        misfits: Misfits,
        lenient: bool,
        failure: ErrorEntry | None,
    ) -> Any:
        try:
            if self._in_c:
                value = build_after(failure, self.node, raw, path, misfits, lenient)
            else:
                value = self.node.build(raw, path, misfits, lenient)
        except RecursionError:
            return misfits.add(path, TOO_DEEP)
        except UnicodeEncodeError:
            return misfits.add(path, NOT_UTF8)
        return value if value is UNFIT else self._filled(value)

    def _filled(self, value: Any) -> Any:
        if self._fill is not None and value is not None:
            self._fill(value)
        return value


def takes_empty(node: Node) -> bool:
    """As `Validator.takes_empty`, of a part of a type."""
    return node.build("", "", Misfits(), True) is not UNFIT


def _required(type_: Any) -> tuple[Any, bool]:
    """``(T, True)`` of ``T | None``: msgspec is slower with a union, and takes a text "null"
    for None."""
    members = get_args(type_) if get_origin(type_) in UNIONS else ()
    rest = [member for member in members if member is not NoneType]
    return (rest[0], True) if len(members) == 2 and len(rest) == 1 else (type_, False)
