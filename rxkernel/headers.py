"""Header fields that are checked when they are set, so that none can break an answer later."""

import re
from collections.abc import Mapping
from typing import Any

from multidict import CIMultiDict, CIMultiDictProxy

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
"""What a name is made of (RFC 9110 §5.6.2), as a regular expression."""

_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_SHOWN = 80


class Headers(CIMultiDict[str]):
    """A case-insensitive multi-dict that holds nothing but what a header may be.

    A name is a token (RFC 9110 §5.6.2). A value is a text without control characters but the
    tab (§5.5): a line break would begin another header. What is not ASCII is sent as UTF-8.

    Raises, wherever something is set:
        ValueError: the name or the value cannot be sent; the message names the header.
        TypeError: the name or the value is no text.
    """

    __slots__ = ()

    def __init__(self, *given: Any, **named: str) -> None:
        if given or named:
            super().__init__(_checked(given, named))
        else:
            super().__init__()

    def __setitem__(self, name: str, value: str) -> None:
        # `check_header` written out: listeners set headers on every response
        if not (type(value) is str and value.isprintable() and name in _names):
            check_header(name, value)
        _set(self, name, value)

    def add(self, name: str, value: str) -> None:
        if not (type(value) is str and value.isprintable() and name in _names):
            check_header(name, value)
        _add(self, name, value)

    def setdefault(self, name: str, default: Any = None) -> Any:
        if name not in self:
            check_header(name, default)
        return super().setdefault(name, default)

    def extend(self, *given: Any, **named: str) -> None:
        super().extend(_checked(given, named))

    def update(self, *given: Any, **named: str) -> None:
        super().update(_checked(given, named))

    def merge(self, *given: Any, **named: str) -> None:
        super().merge(_checked(given, named))


_EMPTY = Headers()
_set = CIMultiDict.__setitem__
_add = CIMultiDict.add
_set_all = CIMultiDict.extend
_KNOWN = (dict, CIMultiDict, CIMultiDictProxy)


def headers_of(given: Mapping[str, str] | None) -> Headers:
    """A copy of *given*, in half the time of the constructor."""
    headers = _EMPTY.copy()
    if given:
        _set_all(headers, _checked((given,), {}))
    return headers


def _checked(given: tuple[Any, ...], named: dict[str, str]) -> Mapping[str, str]:
    """What is to be set, all of it checked before any of it is set."""
    if len(given) == 1 and not named and isinstance(given[0], _KNOWN):
        pairs: Mapping[str, str] = given[0]
    else:
        pairs = CIMultiDict(*given, **named)
    if type(pairs) is not Headers:
        for name, value in pairs.items():
            check_header(name, value)
    return pairs


def check_header(name: str, value: str) -> None:
    """Refuse what is no header, see `Headers`."""
    if not (isinstance(value, str) and value.isprintable() and _is_token(name)):
        _refuse(name, value)  # a value with a tab or a no-break space passes there


_names: set[str] = set()
"""Names that have been checked, as they were spelled."""

_MOST_NAMES = 512


def _is_token(name: str) -> bool:
    if name in _names:
        return True
    if not isinstance(name, str) or re.fullmatch(TOKEN, name) is None:
        return False
    if len(_names) >= _MOST_NAMES:
        _names.clear()  # an application may invent names without end
    _names.add(str(name))
    return True


def _refuse(name: str, value: str) -> None:
    if not isinstance(name, str):
        raise TypeError(f"the name of a header is {_cut(name)}; it must be a str")
    if not _is_token(name):
        raise ValueError(
            f"{_cut(name)} is no name of a header: letters, digits and !#$%&'*+-.^_`|~ make one"
        )
    if not isinstance(value, str):
        raise TypeError(f"header {_cut(name)} is {_cut(value)}; its value must be a str")
    if _FORBIDDEN.search(value):
        raise ValueError(
            f"header {_cut(name)} is {_cut(value)}; a value has no line break, no other control "
            "character and no lone surrogate"
        )


def _cut(value: object) -> str:
    """*value* escaped, and no longer than a line."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
