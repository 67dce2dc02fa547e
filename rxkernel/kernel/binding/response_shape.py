"""Converts the return value of an action to its annotation: only declared fields are sent."""

from collections.abc import Callable, Sequence
from typing import Any, Union, is_typeddict

import msgspec

from rxkernel.exceptions import ConfigurationError, HttpException, RxKernelError
from rxkernel.kernel.binding.completion import completion_of
from rxkernel.kernel.binding.containers import ArraySchema
from rxkernel.kernel.binding.model import ModelSchema
from rxkernel.kernel.binding.output import convert_output
from rxkernel.kernel.binding.return_types import ReturnedTypes, check_shaped
from rxkernel.kernel.binding.schema import ARRAYS, Schema
from rxkernel.kernel.binding.schema_reader import read_schema
from rxkernel.kernel.plain_types import with_plain_types
from rxkernel.messages.response import (
    Acknowledgement,
    EventStreamResponse,
    FileResponse,
    Response,
    StreamResponse,
    UpgradeResponse,
)
from rxkernel.routing.scalars import NO_SCALARS, Scalars
from rxkernel.routing.type_info import json_info
from rxkernel.routing.type_support import is_custom, unsendable

Shape = Callable[[Any], Any]
"""Converts a returned value, or the content of a plain response, to the declared type."""

_UNCHANGED = (
    StreamResponse,
    EventStreamResponse,
    UpgradeResponse,
    FileResponse,
    Acknowledgement,
)


class Shaper:
    """Converts return values to one type.

    An instance of the declared class that holds only its fields is sent unchanged. An instance of
    a subclass, a mapping, or any object with the attributes is converted, at every depth.

    Raises:
        TypeError, NameError: msgspec does not support the type.
    """

    def __init__(self, type_: Any, place: str, scalars: Scalars = NO_SCALARS) -> None:
        self._type = type_
        self._place = place
        self._schema = read_schema(type_, scalars=scalars)
        json_info(type_, scalars)
        self._passthrough = self._schema.passthrough_classes
        self._reads_attributes = _can_read_attributes(self._schema)
        self._complete_unchanged = completion_of(self._schema)
        self._complete = completion_of(self._schema, removes_extras=True)

    def shape(self, value: Any) -> Any:
        """Return *value* as the declared type.

        Raises:
            RxKernelError: *value* does not fit. The text has the route, for the log.
        """
        if type(value) in self._passthrough or self._schema.passes_through(value):
            if self._complete_unchanged is not None:
                self._complete_unchanged(value)
            return value
        return self.convert(value)

    def convert(self, value: Any) -> Any:
        """Like `shape`, for a value that may hold undeclared attributes."""
        try:
            shaped = self._by_msgspec(value)
        except msgspec.ValidationError:
            shaped = self._by_msgspec_from_plain_types(value)
        if self._complete is not None:
            self._complete(shaped)
        return shaped

    def _by_msgspec_from_plain_types(self, value: Any) -> Any:
        """Convert a value that may hold a ``datetime`` of a subclass, which msgspec rejects."""
        try:
            return self._convert(with_plain_types(self._schema.to_plain(value)))
        except msgspec.ValidationError as exc:
            raise RxKernelError(
                f"{self._place} returned a {type(value).__qualname__} that does not fit its "
                f"return annotation: {exc}"
            ) from exc

    def _by_msgspec(self, value: Any) -> Any:
        if self._reads_attributes and (
            isinstance(self._schema, ModelSchema) or isinstance(value, ARRAYS)
        ):
            return msgspec.convert(value, self._type, from_attributes=True)
        return self._convert(self._schema.to_plain(value))

    def _convert(self, value: Any) -> Any:
        if self._schema.has_unknown_parts:
            return convert_output(self._schema, value)
        return msgspec.convert(value, self._type)

    def matches(self, cls: type) -> bool:
        """Whether the declared type is the class *cls*."""
        return getattr(self._schema, "cls", None) is cls


def _can_read_attributes(schema: Schema) -> bool:
    """Whether msgspec can convert any object by its attributes, without `Schema.to_plain`.

    msgspec does not change instances of the class itself, so they must hold their fields only. It
    reads attributes by the keys of the fields, so these must be equal to the names.
    """
    item = schema.item if isinstance(schema, ArraySchema) else schema
    return (
        isinstance(item, ModelSchema)
        and item.is_closed
        and not (is_typeddict(item.cls) or item.is_array or item.tag_field is not None)
        and all(field.key == field.name for field in item.outputs)
    )


def shape_of(returns: Any, place: str, scalars: Scalars = NO_SCALARS) -> Shape | None:
    """Return the function that converts return values of the action at *place*; None if its return
    annotation does not declare fields.

    The content of a plain response is converted too, unless *returns* lists the class of the
    response, the response has no content, or its status is an error. An exception that *returns*
    lists is raised when it is returned.

    Raises:
        ConfigurationError: values cannot be converted to a declared type, or cannot be sent.
    """
    what = f"{place} declares to return {getattr(returns, '__qualname__', returns)}"
    try:
        types = ReturnedTypes.of(returns)
        shape = _shape_of_values(types, place, what, scalars)
    except (TypeError, NameError, RecursionError) as exc:
        hint = "; import it outside of TYPE_CHECKING" if isinstance(exc, NameError) else ""
        raise ConfigurationError(
            f"{what}, to which values cannot be converted: {exc}{hint}; declare a list, a dict or "
            f"a class, or Any to return any value"
        ) from exc
    return _raising(types.exceptions, shape) if types.exceptions else shape


def _shape_of_values(
    types: ReturnedTypes, place: str, what: str, scalars: Scalars
) -> Shape | None:
    """Like `shape_of`, without the exceptions; *what* names the action in errors."""
    wanted = types.values
    if not wanted or types.holds_anything:
        return None
    check_shaped(wanted, scalars)
    if problem := next(filter(None, (unsendable(t, scalars) for t in wanted)), None):
        raise ConfigurationError(f"{what}, which cannot be sent: {problem}")
    if any(is_custom(type_, scalars) for type_ in wanted):
        return None
    return _with_responses(_of_members(types.members, place, scalars), types.responses)


def _with_responses(shape: Shape, declared: tuple[type, ...]) -> Shape:
    def shape_all(value: Any) -> Any:
        if not isinstance(value, Response):
            return shape(value)
        if has_shaped_content(value, declared):
            value.content = shape(value.content)
        return value

    return shape_all


def has_shaped_content(response: Response, declared: tuple[type, ...]) -> bool:
    """Whether the content of *response* is converted; *declared* are the classes of responses of
    the return annotation."""
    has_content = response.content is not None and response.status_code < 400
    return has_content and not isinstance(response, (*declared, *_UNCHANGED))


def _raising(errors: tuple[type[HttpException], ...], shape: Shape | None) -> Shape:
    """Raise a copy of a returned exception. An application may return the same instance again, and
    each `raise` would add to its traceback."""

    def shape_or_raise(value: Any) -> Any:
        if isinstance(value, errors):
            raise value.as_returned()
        return value if shape is None else shape(value)

    return shape_or_raise


def _of_members(members: Sequence[Any], place: str, scalars: Scalars) -> Shape:
    try:
        return Shaper(Union[tuple(members)], place, scalars).shape  # noqa: UP007 - made of a tuple
    except TypeError:
        if len(members) < 2:
            raise
    return _first_of([Shaper(member, place, scalars) for member in members])


def _first_of(shapers: list[Shaper]) -> Shape:
    """For a union that msgspec rejects: convert by the class of the value, else to the first type
    that fits."""

    def shape(value: Any) -> Any:
        for cls in type(value).__mro__:
            for shaper in shapers:
                if shaper.matches(cls):
                    return shaper.shape(value)
        for shaper in shapers[:-1]:
            try:
                return shaper.shape(value)
            except RxKernelError:
                continue
        return shapers[-1].shape(value)

    return shape
