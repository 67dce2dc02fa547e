"""Rejects markers outside of the ``Annotated`` of a parameter: as a type, or in a field.

Otherwise such a value would be read from the client instead of from a resolver.
"""

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints

from msgspec import inspect as msgspec_inspect

from rxkernel.exceptions import ConfigurationError
from rxkernel.messages.type_infos import infos_in
from rxkernel.routing.annotations import split_all
from rxkernel.routing.marker_reader import is_marker
from rxkernel.routing.scalars import NO_SCALARS, Scalars
from rxkernel.routing.type_info import type_info
from rxkernel.routing.type_support import UNREADABLE

_WITH_FIELDS = (
    msgspec_inspect.DataclassType,
    msgspec_inspect.StructType,
    msgspec_inspect.TypedDictType,
    msgspec_inspect.NamedTupleType,
)


def refuse_misplaced(annotation: Any, scalars: Scalars = NO_SCALARS) -> None:
    """Reject a marker in *annotation*, the type of a parameter without its own marker.

    Raises:
        ConfigurationError: with the class of the marker and what to write.
    """
    for marker in _markers_in(annotation):
        name = _name(marker)
        raise ConfigurationError(
            f"{name} is a marker, not a type; write Annotated[…, {name}()] with the type "
            f"instead of …"
        )
    for cls in _classes_in(annotation, scalars):
        for field, hint in _hints_of(cls).items():
            for marker in _markers_in(hint):
                name = _name(marker)
                raise ConfigurationError(
                    f"the field {field} of {cls.__qualname__} has the marker {name}, but a "
                    f"client sends all fields; make it a parameter: Annotated[…, {name}()]"
                )


def _markers_in(annotation: Any) -> Iterator[Any]:
    """Yield the markers in *annotation* and in its extras, at any depth."""
    type_, extras = split_all(annotation)
    yield from (thing for thing in (type_, *extras) if is_marker(thing))
    if get_origin(type_) is not Literal:
        for argument in get_args(type_):
            yield from _markers_in(argument)


def _classes_in(annotation: Any, scalars: Scalars) -> Iterator[Any]:
    """Yield the classes with fields in *annotation*, at any depth."""
    try:
        infos = list(infos_in(type_info(annotation, scalars), set()))
    except (*UNREADABLE, NameError):  # `unreadable` reports it
        return
    for info in infos:
        if isinstance(info, _WITH_FIELDS):
            yield get_origin(info.cls) or info.cls


def _hints_of(cls: Any) -> dict[str, Any]:
    try:
        return get_type_hints(cls, include_extras=True)
    except NameError:  # the variable of a generic class, which msgspec supports
        return {}


def _name(marker: Any) -> str:
    return (marker if isinstance(marker, type) else type(marker)).__name__
