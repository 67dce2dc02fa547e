"""What an action returns, made into what it declares: only declared fields leave."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import NoneType
from typing import Any, Never, NoReturn, Union, is_typeddict

import msgspec

from rxkernel.exceptions import ConfigurationError, RxKernelError
from rxkernel.kernel.binding.class_nodes import Object, parts_of
from rxkernel.kernel.binding.defaults import fill_of
from rxkernel.kernel.binding.node_reader import read_node
from rxkernel.kernel.binding.nodes import ARRAYS, Items, Node
from rxkernel.kernel.binding.passing import passing
from rxkernel.kernel.binding.returns import check_shaped, returned_types
from rxkernel.messages.response import (
    Acknowledgement,
    EventStreamResponse,
    FileResponse,
    Response,
    StreamResponse,
)
from rxkernel.routing.annotations import is_custom, unsendable

Shape = Callable[[Any], Any]
"""Makes a value, or the content of a plain response, what is declared."""

_NOTHING = (NoneType, NoReturn, Never)
_AS_THEY_ARE = (StreamResponse, EventStreamResponse, FileResponse, Acknowledgement)


class Shaper:
    """Makes what an action returns a value of one type.

    An instance of the declared class that holds nothing else passes as it is. One of a subclass,
    a mapping, or any object with the attributes is made anew, at every depth.

    Raises:
        TypeError, NameError: msgspec does not know the type.
    """

    def __init__(self, type_: Any, place: str) -> None:
        self._type = type_
        self._place = place
        self._node = read_node(type_)
        msgspec.json.Decoder(type_)
        self._passes = passing(self._node)
        self._in_c = _is_read_in_c(self._node)
        objects = {o.cls: o for o in _objects_in(self._node, set())}
        self._objects = objects if any(o.strays.come_anew for o in objects.values()) else {}
        self._fill = fill_of(self._node)

    def shape(self, value: Any) -> Any:
        """*value* as the declared type.

        Raises:
            RxKernelError: it does not fit; the text says where, for the log.
        """
        if self._passes(value):
            if self._fill is not None:
                self._fill(value)
            return value
        try:
            shaped = self._convert(value)
        except msgspec.ValidationError as exc:
            raise RxKernelError(
                f"{self._place} returned a {type(value).__qualname__} that does not fit its "
                f"return annotation: {exc}"
            ) from exc
        if self._fill is not None:
            self._fill(shaped)
        if self._objects:
            _remove_strays(shaped, self._objects)
        return shaped

    def _convert(self, value: Any) -> Any:
        if self._in_c and (isinstance(self._node, Object) or isinstance(value, ARRAYS)):
            return msgspec.convert(value, self._type, from_attributes=True)
        return msgspec.convert(self._node.opened(value), self._type)

    def takes(self, cls: type) -> bool:
        """Whether this is the alternative for an instance of *cls*."""
        return getattr(self._node, "cls", None) is cls


def _objects_in(node: Node, seen: set[int]) -> Iterator[Object]:
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, Object):
        yield node
    for part in parts_of(node):
        yield from _objects_in(part, seen)


def _remove_strays(value: Any, objects: Mapping[type, Object]) -> None:
    """From what msgspec has made: a class may set anything after its fields are set."""
    if (node := objects.get(type(value))) is not None:
        if node.strays.come_anew:
            node.strays.remove_from(value)
        for field in node.outputs:
            if not field.node.is_flat:
                _remove_strays(getattr(value, field.name, None), objects)
    elif isinstance(value, (*ARRAYS, Mapping)):
        for part in value.values() if isinstance(value, Mapping) else value:
            _remove_strays(part, objects)


def _is_read_in_c(node: Node) -> bool:
    """Whether msgspec shapes it alone: it reads the attributes of anything but an instance of
    the class itself, which here can hold nothing else, and knows no other names for them."""
    item = node.item if isinstance(node, Items) else node
    return (
        isinstance(item, Object)
        and item.is_closed
        and not (is_typeddict(item.cls) or item.is_array or item.tag_field is not None)
        and all(field.key == field.name for field in item.outputs)
    )


def shape_of(returns: Any, place: str) -> Shape | None:
    """How to shape what the action at *place* returns; None when nothing is declared of it.

    The content of a plain response is shaped too, unless *returns* names the response among
    its alternatives, it has none, or it tells of an error.

    Raises:
        ConfigurationError: it declares what cannot be shaped, or cannot be sent.
    """
    what = f"{place} declares to return {getattr(returns, '__qualname__', returns)}"
    try:
        types = returned_types(returns)
        members = [member for member in types if not _is_response(member)]
        wanted = [member for member in members if member not in _NOTHING]
        if not wanted or any(member in (Any, object) for member in wanted):
            return None
        check_shaped(wanted)
        if problem := next(filter(None, map(unsendable, wanted)), None):
            raise ConfigurationError(f"{what}, which cannot be sent: {problem}")
        if any(map(is_custom, wanted)):
            return None
        shape = _of_members(members, place)
    except (TypeError, NameError, RecursionError) as exc:
        cure = "; import it outside of TYPE_CHECKING" if isinstance(exc, NameError) else ""
        raise ConfigurationError(
            f"{what}, which cannot be shaped: {exc}{cure}; declare a list, a dict or a class, or "
            f"Any to return what you like"
        ) from exc
    return _with_responses(shape, tuple(filter(_is_response, types)))


def _with_responses(shape: Shape, declared: tuple[type, ...]) -> Shape:
    as_they_are = (*declared, *_AS_THEY_ARE)

    def shape_all(value: Any) -> Any:
        if not isinstance(value, Response):
            return shape(value)
        has_content = value.content is not None and value.status_code < 400
        if has_content and not isinstance(value, as_they_are):
            value.content = shape(value.content)
        return value

    return shape_all


def _is_response(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, Response)


def _of_members(members: Sequence[Any], place: str) -> Shape:
    try:
        return Shaper(Union[tuple(members)], place).shape  # noqa: UP007 - made of a list
    except TypeError:
        if len(members) < 2:
            raise
    return _first_of([Shaper(member, place) for member in members])


def _first_of(shapers: list[Shaper]) -> Shape:
    """For a union that msgspec cannot tell apart: an instance by its class, else what fits."""

    def shape(value: Any) -> Any:
        for cls in type(value).__mro__:
            for shaper in shapers:
                if shaper.takes(cls):
                    return shaper.shape(value)
        for shaper in shapers[:-1]:
            try:
                return shaper.shape(value)
            except RxKernelError:
                continue
        return shapers[-1].shape(value)

    return shape
