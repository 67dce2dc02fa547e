"""Header fields that are checked when they are set, so that a response can always be sent."""

import re
from collections.abc import Mapping
from typing import Any

from multidict import CIMultiDict, CIMultiDictProxy

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
"""Regular expression for a header name (RFC 9110 §5.6.2)."""

_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_SHOWN = 80


class Headers(CIMultiDict[str]):
    """A case-insensitive multi-dict that holds valid header fields only.

    A name is a token (RFC 9110 §5.6.2). A value is a str; of the control characters it may hold
    the tab only (§5.5), since a line break would start another header. Characters outside ASCII
    are sent as UTF-8.

    Every method that sets a field raises:
        ValueError: the name or the value is invalid; the message names the header.
        TypeError: the name or the value is not a str.
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
    """A copy of *given*; takes half the time of the constructor."""
    headers = _EMPTY.copy()
    if given:
        _set_all(headers, _checked((given,), {}))
    return headers


def _checked(given: tuple[Any, ...], named: dict[str, str]) -> Mapping[str, str]:
    """The fields to set. All are checked before the first is set."""
    if len(given) == 1 and not named and isinstance(given[0], _KNOWN):
        pairs: Mapping[str, str] = given[0]
    else:
        pairs = CIMultiDict(*given, **named)
    if type(pairs) is not Headers:
        for name, value in pairs.items():
            check_header(name, value)
    return pairs


def check_header(name: str, value: str) -> None:
    """Raise for an invalid name or value, see `Headers`."""
    if not (isinstance(value, str) and value.isprintable() and _is_token(name)):
        _refuse(name, value)  # accepts a value with a tab or a no-break space


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
        raise TypeError(f"header name {_cut(name)} must be a str")
    if not _is_token(name):
        raise ValueError(
            f"invalid header name {_cut(name)}: use letters, digits and !#$%&'*+-.^_`|~"
        )
    if not isinstance(value, str):
        raise TypeError(f"header {_cut(name)} is {_cut(value)}; its value must be a str")
    if _FORBIDDEN.search(value):
        raise ValueError(
            f"header {_cut(name)} is {_cut(value)}; line breaks, other control characters and "
            "lone surrogates are not allowed"
        )


def _cut(value: object) -> str:
    """*value*, escaped and cut."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
