"""Filters of Jinja2 that return the values of the notation of Impress.

A translated template calls them for each value, so they check the usual types first.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any, NoReturn

from jinja2 import pass_context
from jinja2.runtime import Context
from jinja2.utils import missing
from markupsafe import Markup

from bundles.web.templates.reading import KEY, VALUE
from rxkernel.nearest import nearest

_CLASSES = 512
"""Most classes that are remembered."""

_SCALARS = (str, bytes, bytearray, int, float, complex, type(None))
_WITHOUT_ATTRIBUTES = (*_SCALARS, Set)
_WITHOUT_TEXT = (Mapping, list, tuple, Set, bytes, bytearray)
_NUMBERS_AND_NONE = (int, float, complex, type(None))
"""Types that can be written, although their ``__str__`` is that of object."""
_NO_TEXT: Any = object.__str__


_ELEMENT = "the current element"

_SHOWN = 5
"""Most names of a mapping that an error shows."""


class ValueTextError(Exception):
    """A value cannot be written. The message has the reason."""


def _field(element: Any, name: str) -> Any:
    """``@.name@``, where *name* is public."""
    value = _READERS[type(element)](element, name, missing)
    kind = type(value)
    if kind is str or kind is int or kind is float:
        return value
    if value is missing:
        _fail_missing(element, name, f"@.{name}@")
    return _text(value, f"@.{name}@")


def _path(element: Any, names: tuple[str, ...]) -> Any:
    """``@.a.b@``"""
    return _walk(element, names, f"@.{'.'.join(names)}@")


@pass_context
def _data(context: Context, names: tuple[str, ...], element: Any) -> Any:
    """``@a.b@``; *element* is the current element, for the error."""
    value = context.resolve_or_missing(names[0])
    if type(value) is str and len(names) == 1:
        return value
    shown = f"@{'.'.join(names)}@"
    if value is missing:
        if step(element, names[0]) is not missing:
            raise ValueTextError(
                f"{shown}: {names[0]!r} is not in the data, but the current element has it; write "
                f"@.{'.'.join(names)}@"
            )
        known = context.get_all().keys() - context.environment.globals.keys()
        hint = f"{_ABSENT}; write @{shown} for this text itself"
        raise ValueTextError(f"{shown}: {_not_in('the data', names[0], known, hint)}")
    return _walk(value, names[1:], shown)


def _value(element: Any) -> Any:
    """``@.value@``: the field of that name if it exists, else the element itself."""
    if type(element) is str:
        return element
    value = step(element, VALUE)
    return _text(element if value is missing else value, "@.value@")


def _key(element: Any, index: Any) -> Any:
    """``@.key@``: the field of that name if it exists, else the key of the element in its mapping,
    or its number in its list, from 0."""
    value = step(element, KEY)
    if value is missing:
        if index is None:
            _fail_missing(element, KEY, "@.key@")
        value = index
    return _text(value, "@.key@")


def step(element: Any, name: str, default: Any = missing) -> Any:
    """Return the item or the public attribute *name* of *element*, or *default*."""
    if type(element) is dict or isinstance(element, Mapping):
        return element.get(name, default)
    if isinstance(element, list | tuple):
        return element[int(name)] if name.isdecimal() and int(name) < len(element) else default
    if name.startswith("_") or isinstance(element, _WITHOUT_ATTRIBUTES):
        return default
    return getattr(element, name, default)


_Reader = Callable[[Any, str, Any], Any]


class _Readers(dict[type[Any], _Reader]):
    """The functions that read a public name from values of a class. They are cached, since
    checking a class takes longer than reading."""

    def __missing__(self, cls: type[Any]) -> _Reader:
        is_object = not issubclass(cls, (*_WITHOUT_ATTRIBUTES, Mapping, list, tuple))
        reader: _Reader = getattr if is_object else step
        if len(self) < _CLASSES:
            self[cls] = reader
        return reader


_READERS = _Readers({dict: dict.get})


def has_text(value: Any) -> bool:
    """Return whether *value* can be written. Mappings, lists, sets, bytes, and objects without
    ``__str__`` cannot, unless they have ``__html__``."""
    if hasattr(value, "__html__") or isinstance(value, _NUMBERS_AND_NONE):
        return True
    return type(value).__str__ is not _NO_TEXT and not isinstance(value, _WITHOUT_TEXT)


def _walk(value: Any, names: tuple[str, ...], shown: str) -> Any:
    for position, name in enumerate(names):
        found = step(value, name)
        if found is missing:
            known = ".".join(shown[1:-1].split(".")[: position + 1])
            _fail_missing(value, name, shown, f"@{known}@" if known else _ELEMENT)
        value = found
    return _text(value, shown)


def _text(value: Any, shown: str) -> Any:
    """Return *value* if it can be written, as it is: Jinja2 escapes it."""
    kind = type(value)
    if kind is str or kind is int or kind is Markup or kind is float:
        return value
    if value is None:
        return ""
    if kind is bool:
        return "true" if value else "false"
    if has_text(value):
        return value
    raise ValueTextError(f"{shown} is {_no_text(value, shown)}")


def _no_text(value: Any, shown: str) -> str:
    """Return the kind of *value*, and what to write instead, for the error."""
    if isinstance(value, bytes | bytearray):
        return "bytes; decode it to a text in the handler"
    if isinstance(value, list | tuple | Set):
        name = shown.strip("@.")
        return f"a list; write @[{name}]@ … @[/{name}]@ for its elements"
    kind = (
        "a mapping" if isinstance(value, Mapping) else f"an object of {type(value).__qualname__}"
    )
    return f"{kind}, which has no text; write one of its values, as {shown[:-1]}.name@"


def _fail_missing(element: Any, name: str, shown: str, called: str = _ELEMENT) -> NoReturn:
    """Raise the error for the missing *name*; it shows *element* as *called*."""
    if element is None:
        raise ValueTextError(f"{shown}: {name!r} does not exist in None; put it into a block")
    if isinstance(element, Mapping):
        known = [key for key in element if isinstance(key, str)]
        where = called if nearest(name, known) else f"{called}, a mapping with {_listed(known)}"
    elif isinstance(element, _SCALARS):
        value = "@.value@" if called is _ELEMENT else called
        raise ValueTextError(
            f"{shown}: {called} is a value of type {type(element).__name__}, not a mapping; write "
            f"{value} for it"
        )
    elif isinstance(element, list | tuple):
        where, known = f"a list of {len(element)}", []
    else:
        where = f"an object of {type(element).__qualname__}"
        known = [key for key in dir(element) if not key.startswith("_")]
    raise ValueTextError(f"{shown}: {_not_in(where, name, known)}")


def _listed(names: list[str]) -> str:
    shown = [repr(name) for name in names[:_SHOWN]]
    return ", ".join((*shown, "…") if len(names) > _SHOWN else shown) or "no values"


_ABSENT = "a value may be None, but must be there"


def _not_in(where: str, name: str, known: Iterable[str], hint: str = _ABSENT) -> str:
    near = nearest(name, [key for key in known if not key.startswith("_")])
    if near is not None:
        hint = f"did you mean {near!r}?"
    return f"{name!r} is not in {where}; {hint}"


VALUE_FILTERS: dict[str, Callable[..., Any]] = {
    "_data": _data,
    "_field": _field,
    "_key": _key,
    "_path": _path,
    "_value": _value,
}
"""The filters by the names that `translate` writes."""
