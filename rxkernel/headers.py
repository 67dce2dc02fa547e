"""Header fields that are checked when they are set, so that a response can always be sent."""

import re
from collections.abc import Mapping
from typing import Any

from multidict import CIMultiDict, CIMultiDictProxy, istr

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
        try:
            key = _names[name]
            if type(value) is not str or not value.isprintable():
                check_header(name, value)
        except KeyError:
            key = check_header(name, value)
        if key in self:
            _set(self, key, value)
        else:
            _add(self, key, value)  # half the time of _set

    def add(self, name: str, value: str) -> None:
        key = _names.get(name)
        if key is None or type(value) is not str or not value.isprintable():
            key = check_header(name, value)
        _add(self, key, value)

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


new_headers = Headers().copy
"""An empty `Headers`, in half the time of the constructor."""

_set = CIMultiDict.__setitem__
_add = CIMultiDict.add
_set_all = CIMultiDict.extend
_KNOWN = (dict, CIMultiDict, CIMultiDictProxy)


def headers_of(given: Mapping[str, str] | None) -> Headers:
    """A copy of *given*."""
    headers = new_headers()
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


def check_header(name: str, value: str) -> istr:
    """Raise for an invalid name or value, see `Headers`; return *name*."""
    key = _names.get(name) if isinstance(name, str) else None
    if key is None:
        key = _new_name(name)
    if not (isinstance(value, str) and value.isprintable()):
        _check_value(name, value)  # accepts a tab and a no-break space
    return key


_names: dict[str, istr] = {}
"""Names that have been checked, as they were spelled; a multi-dict need not fold the case of an
`istr` again."""

_MOST_NAMES = 512


def _new_name(name: str) -> istr:
    if not isinstance(name, str):
        raise TypeError(f"header name {_cut(name)} must be a str")
    if re.fullmatch(TOKEN, name) is None:
        raise ValueError(
            f"invalid header name {_cut(name)}: use letters, digits and !#$%&'*+-.^_`|~"
        )
    if len(_names) >= _MOST_NAMES:
        _names.clear()  # an application may invent names without end
    key = _names[str(name)] = istr(name)
    return key


def _check_value(name: str, value: str) -> None:
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
