"""Markers of a return annotation: they change the value that an action returns.

``-> Annotated[CommentView, Envelope("comment")]``
"""

from collections.abc import Awaitable, Coroutine
from types import NoneType
from typing import Annotated, Any, TypedDict, Union, get_args, get_origin

import attrs

from rxkernel.exceptions import ConfigurationError, HttpException
from rxkernel.messages.response import Response
from rxkernel.routing.annotations import UNIONS, split_all
from rxkernel.routing.marker_reader import is_marker, is_marker_class
from rxkernel.routing.markers import Marker

_INLINE = "_is_described_inline"
_AWAITABLES = (Awaitable, Coroutine)


class ReturnMarker(Marker):
    """Changes the value that an action returns, and its type, on every transport.

    A bundle defines subclasses for return annotations ``Annotated[T, SomeMarker()]``. A class
    whose values are always changed has a marker as its attribute ``return_marker``.
    """

    __slots__ = ()

    def sent_type(self, declared: Any) -> Any:
        """Return the type that is sent for *declared*; documents describe it. Called at boot.

        Raises:
            ConfigurationError: *declared* is not supported.
        """
        return declared

    def sent_value(self, value: Any) -> Any:
        """Return the value to send for *value*, before it is converted to `sent_type`.

        The result may be a `Response` with that content. It is also called for the content of a
        returned `Response`; but not for None outside of ``Annotated``, an exception, a stream or a
        file.
        """
        return value


def object_type(name: str, type_: Any) -> Any:
    """Return the type of objects with the single field *name*, of *type_*."""
    found = TypedDict("Object", {name: type_})  # type: ignore[misc] # a name of the user
    setattr(found, _INLINE, True)
    return found


def is_inline(cls: Any) -> bool:
    """Whether `object_type` created *cls*, which has no name in documents."""
    return hasattr(cls, _INLINE)


@attrs.frozen
class MarkedReturn:
    """A return annotation: the type that is sent, and the markers in the order of their calls."""

    type: Any
    markers: tuple[ReturnMarker, ...] = ()


def read_return(annotation: Any) -> MarkedReturn:
    """Read the markers of *annotation*.

    Raises:
        ConfigurationError: a marker is inside of another type, or does not support its type.
    """
    if get_origin(annotation) in _AWAITABLES:
        found = read_return(get_args(annotation)[-1])
        return found if found.markers else MarkedReturn(annotation)
    type_, extras = split_all(annotation)
    markers = [_instance(extra) for extra in extras if _is_return_marker(extra)]
    if get_origin(type_) in UNIONS and not markers:
        return _read_union(annotation, get_args(type_))
    own = getattr(get_origin(type_) or type_, "return_marker", None)
    if isinstance(own, ReturnMarker):
        markers.insert(0, own)
    if any(map(_holds_marker, get_args(type_))):
        raise ConfigurationError(
            f"its marker is inside of {type_}; write Annotated[{type_}, …] with the marker "
            f"instead of …"
        )
    if not markers:
        return MarkedReturn(annotation)
    for extra in extras:
        if not is_marker(extra):
            type_ = Annotated[type_, extra]
    for marker in markers:
        type_ = marker.sent_type(type_)
    return MarkedReturn(type_, tuple(markers))


def _read_union(annotation: Any, members: tuple[Any, ...]) -> MarkedReturn:
    found = [read_return(member) for member in members]
    marked = [each for each in found if each.markers]
    if not marked:
        return MarkedReturn(annotation)
    if len(marked) > 1 or not all(each.markers or _is_aside(each.type) for each in found):
        raise ConfigurationError(
            "its marker is inside of a union; write Annotated[… | …, marker], or one marked type "
            "with None, responses and exceptions"
        )
    types = tuple(each.type for each in found)
    return MarkedReturn(Union[types], marked[0].markers)  # noqa: UP007 - of a variable


def _is_aside(type_: Any) -> bool:
    """Whether markers never change the values of *type_*."""
    return type_ is NoneType or (
        isinstance(type_, type) and issubclass(type_, Response | HttpException)
    )


def _holds_marker(type_: Any) -> bool:
    inner, extras = split_all(type_)
    own = getattr(get_origin(inner) or inner, "return_marker", None)
    return (
        isinstance(own, ReturnMarker)
        or any(map(_is_return_marker, extras))
        or any(map(_holds_marker, get_args(inner)))
    )


def _is_return_marker(extra: Any) -> bool:
    return isinstance(extra, ReturnMarker) or (
        is_marker_class(extra) and issubclass(extra, ReturnMarker)
    )


def _instance(marker: Any) -> ReturnMarker:
    if isinstance(marker, ReturnMarker):
        return marker
    name = marker.__name__
    raise ConfigurationError(f"its marker {name} is a class; write Annotated[…, {name}(…)]")
