"""Splits an annotation into a type and a marker."""

from types import NoneType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from rxkernel.exceptions import ConfigurationError
from rxkernel.routing.annotations import UNIONS, split, split_all, unaliased, with_constraints
from rxkernel.routing.markers import BuiltInMarker, Inject, Marker, hint_for_name


def read_marker(annotation: Any) -> tuple[Any, Marker | None]:
    """Return the type without its marker, and the marker.

    Other extras such as `msgspec.Meta` are kept. The marker may be inside a ``NewType`` or an
    alias (``type X = …``), and ``Annotated[T, m] | None`` is read as ``Annotated[T | None, m]``.
    The type of a service or of a bundle's marker is returned as declared, since a ``NewType`` or
    ``Annotated`` may be the key of a binding.

    Raises:
        ConfigurationError: *annotation* has several markers, or one inside another type.
    """
    annotation = _optional_outside(annotation)
    type_, extras = split_all(annotation)
    markers = [_instance(extra) for extra in extras if is_marker(extra)]
    if len(markers) > 1:
        raise ConfigurationError(f"it has {len(markers)} markers; keep one of them")
    if _has_marker_inside(type_):
        where = "a union" if get_origin(type_) in UNIONS else f"{_name_of(type_)}[…]"
        whole = "… | None" if get_origin(type_) in UNIONS else f"{_name_of(type_)}[…]"
        raise ConfigurationError(f"its marker is inside {where}; write Annotated[{whole}, …]")
    if not markers:
        if NoneType not in get_args(type_):
            return annotation, None  # an alias is kept
        return with_constraints(type_, extras), None
    (marker,) = markers
    if (problem := hint_for_name(marker)) is not None:
        raise ConfigurationError(problem)
    if isinstance(marker, BuiltInMarker) and not isinstance(marker, Inject):
        return with_constraints(type_, [e for e in extras if not is_marker(e)]), marker
    return _below_marker(annotation), marker


def is_marker(thing: Any) -> bool:
    """Whether *thing* is a marker, or the class of one."""
    return isinstance(thing, Marker) or is_marker_class(thing)


def is_marker_class(thing: Any) -> bool:
    return isinstance(thing, type) and issubclass(thing, Marker)


def _instance(marker: Any) -> Marker:
    if isinstance(marker, Marker):
        return marker
    try:
        made: Marker = marker()
    except ConfigurationError:
        raise
    except Exception as exc:
        name = marker.__name__
        raise ConfigurationError(
            f"its marker {name} cannot be created without arguments ({exc}); write "
            f"Annotated[…, {name}(…)]"
        ) from exc
    return made


def _optional_outside(annotation: Any) -> Any:
    """Return ``Annotated[T | None, marker]`` for ``Annotated[T, marker] | None``."""
    members = get_args(annotation) if get_origin(annotation) in UNIONS else ()
    rest = [member for member in members if member is not NoneType]
    if len(rest) != 1 or len(members) != 2:
        return annotation
    _, extras = split_all(rest[0])
    markers = [extra for extra in extras if is_marker(extra)]
    if len(markers) != 1:
        return annotation
    inner = _below_marker(rest[0])
    return Annotated[Union[inner, None], markers[0]]  # noqa: UP007 - of a variable


def _below_marker(annotation: Any) -> Any:
    """Return *annotation* without its marker and without aliases outside of it."""
    outer: tuple[Any, ...] = ()
    while True:
        inner, extras = split(annotation)
        kept = (*(extra for extra in extras if not is_marker(extra)), *outer)
        if len(kept) < len(extras) + len(outer):
            for extra in kept:
                inner = Annotated[inner, extra]
            return inner
        outer = kept
        annotation = unaliased(inner)


def _has_marker_inside(type_: Any) -> bool:
    return get_origin(type_) is not Literal and any(
        any(map(is_marker, extras)) or _has_marker_inside(part)
        for part, extras in map(split_all, get_args(type_))
    )


def _name_of(type_: Any) -> str:
    return str(getattr(get_origin(type_), "__name__", type_))
