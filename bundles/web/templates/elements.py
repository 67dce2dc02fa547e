"""Filters of Jinja2 that return the elements for blocks and parts of the notation of Impress."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, cast

from jinja2 import pass_context
from jinja2.runtime import Context
from jinja2.utils import missing

from bundles.web.templates.reading import Reading
from bundles.web.templates.values import has_text, step

Pairs = Iterable[tuple[Any, Any]]


class Readings(Protocol):
    """The interface of the loader of the environment."""

    def reading(self, name: str) -> Reading:
        """Return how the template *name* reads a mapping."""


def _each(element: Any, names: tuple[str, ...], reading: Reading) -> Iterable[Any]:
    """``@[name]@ … @[/name]@``"""
    value = _found(element, names)
    if type(value) is list:
        return value
    if isinstance(value, Mapping):
        return value.values() if _is_collection(value, reading) else _once(value)
    return _elements(value)


def _pairs(element: Any, names: tuple[str, ...], reading: Reading) -> Pairs:
    """As `_each`, if the body writes ``@.key@``: the elements with their keys or numbers."""
    return _pairs_of(_found(element, names), reading)


@pass_context
def _parts(
    context: Context, element: Any, names: tuple[str, ...], index: Any, is_own: bool
) -> Pairs:
    """``@[name]@``: once with the same element if the data does not have the name. A template that
    includes itself (*is_own*) is then not included again."""
    value = _found(element, names)
    if value is missing:
        return () if is_own else ((index, element),)
    if isinstance(value, Mapping):
        loader = cast("Readings", context.environment.loader)
        return _pairs_of(value, loader.reading(".".join(names)))
    return _pairs_of(value, "once")


def _found(element: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        element = step(element, name)
        if element is missing:
            break
    return element


def _pairs_of(value: Any, reading: Reading) -> Pairs:
    if isinstance(value, Mapping):
        if _is_collection(value, reading):
            return value.items()
        return [(None, element) for element in _once(value)]
    if _is_list(value):
        return enumerate(value)
    return [(None, element) for element in _elements(value)]


def _is_collection(value: Mapping[Any, Any], reading: Reading) -> bool:
    """Return whether the values of a mapping are the elements, and not the mapping itself.

    This depends on the types of the values and on the body, but not on the keys, which clients may
    choose.
    """
    if reading == "records":
        return not any(map(has_text, value.values()))
    return reading == "entries"


def _once(value: Mapping[Any, Any]) -> Iterable[Any]:
    """Return the mapping as the only element; no element if it is empty."""
    return (value,) if value else ()


def _elements(value: Any) -> Iterable[Any]:
    if value is missing or value is None or value is False:
        return ()
    return cast("Iterable[Any]", value) if _is_list(value) else (value,)


def _is_list(value: Any) -> bool:
    """Whether *value* is a list, tuple, set, generator or similar; a text is one element."""
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | bytearray | Mapping)


ELEMENT_FILTERS: dict[str, Callable[..., Any]] = {
    "_each": _each,
    "_pairs": _pairs,
    "_parts": _parts,
}
"""The filters by the names that `translate` writes."""
