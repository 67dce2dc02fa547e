"""Custom scalars of an application: ``Application(scalars=[Scalar(Money, …)])``."""

import inspect
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any
from uuid import UUID

import attrs
import msgspec
from msgspec import inspect as msgspec_inspect

from rxkernel.exceptions import ConfigurationError
from rxkernel.routing.annotations import SCALARS, bare

_ENCODED_BY_MSGSPEC = (list, tuple, dict, set, frozenset, UUID, Enum)
"""msgspec encodes subclasses of these itself, without ``encode``."""

_WIRE_NAMES = "str, int, float, bool, Decimal, datetime, date, time, timedelta or UUID"


@attrs.frozen
class Scalar:
    """A class whose instances are one plain value on the wire.

    ``Scalar(Money, decode=Money.parse, encode=str)``

    *wire* is the type of this value: str by default, int, float, bool, Decimal, datetime, date,
    time, timedelta or UUID, also with constraints: ``Annotated[str, Meta(pattern=…)]``. *decode*
    gets a valid value of *wire* and returns an instance of *type*; a ValueError or a TypeError
    rejects the value. *encode* returns the value of an instance, also for instances of subclasses
    without their own scalar.

    Boot reports the problems of a scalar.
    """

    type: type[Any]
    decode: Callable[[Any], Any] = attrs.field(kw_only=True)
    encode: Callable[[Any], Any] = attrs.field(kw_only=True)
    wire: Any = attrs.field(default=str, kw_only=True)


class Scalars:
    """The scalars of one application, by type."""

    def __init__(self) -> None:
        self._found: dict[Any, tuple[Scalar, str]] = {}

    def add(self, scalar: object, owner: str) -> None:
        """Add *scalar* of *owner*, the application or a bundle.

        Raises:
            ConfigurationError: *scalar* is invalid; with every problem.
        """
        if problems := list(_problems(scalar)):
            raise ConfigurationError(*(f"{owner}: {problem}" for problem in problems))
        assert isinstance(scalar, Scalar)
        if scalar.type in self._found:
            other = self._found[scalar.type][1]
            owners = owner if other == owner else f"{other} and {owner}"
            name = scalar.type.__qualname__
            raise ConfigurationError(
                f"{owners}: two scalars have the type {name}; remove one, or derive another class "
                f"from {name}"
            )
        self._found[scalar.type] = (scalar, owner)

    def __bool__(self) -> bool:
        return bool(self._found)

    def __iter__(self) -> Iterator[Scalar]:
        return (scalar for scalar, _ in self._found.values())

    def __contains__(self, type_: object) -> bool:
        return isinstance(type_, type) and type_ in self._found

    def get(self, type_: object) -> Scalar | None:
        """Return the scalar of exactly the class *type_*."""
        return self._found[type_][0] if type_ in self else None

    def nearest(self, cls: type[Any]) -> Scalar | None:
        """Return the scalar of *cls*, or of the nearest class that it derives from."""
        found = self._found
        return next((found[base][0] for base in cls.__mro__ if base in found), None)


NO_SCALARS = Scalars()
"""An empty collection; it must not be changed."""


def wire_class(scalar: Scalar) -> Any:
    """Return the type of *scalar* on the wire without constraints."""
    return bare(scalar.wire)


def _problems(scalar: object) -> Iterator[str]:
    if not isinstance(scalar, Scalar):
        yield f"{scalar!r} is not a Scalar; write Scalar(Money, decode=Money.parse, encode=str)"
        return
    cls: Any = scalar.type
    name = getattr(cls, "__qualname__", str(cls))
    what = f"the scalar of {name}"
    if (problem := _type_problem(cls)) is not None:
        yield f"{what} {problem}"
    for role, function in (("decode", scalar.decode), ("encode", scalar.encode)):
        if not callable(function):
            yield f"{what} has the {role} {function!r}; pass a function"
        elif inspect.iscoroutinefunction(function):
            yield f"{what} has a {role} that is an async def; use a plain def"
    if bare(scalar.wire) not in SCALARS:
        yield f"{what} has the wire type {scalar.wire!r}; use {_WIRE_NAMES}"
    else:
        try:
            msgspec.json.Decoder(scalar.wire)
        except TypeError as exc:
            yield f"{what} has an invalid wire type: {exc}"


def _type_problem(cls: Any) -> str | None:
    if not isinstance(cls, type) or cls is object:
        return "must be for a class of your own, such as Money"
    if issubclass(cls, _ENCODED_BY_MSGSPEC):
        return "derives from list, tuple, dict, set, UUID or Enum, which msgspec encodes itself"
    try:
        info = msgspec_inspect.type_info(cls)
    except (TypeError, ValueError, AttributeError, NotImplementedError, NameError):
        return None if not attrs.has(cls) else _NOT_NEEDED
    return None if isinstance(info, msgspec_inspect.CustomType) else _NOT_NEEDED


_NOT_NEEDED = (
    "is not possible: plain types, attrs classes, dataclasses, Structs and TypedDicts are encoded "
    "as JSON without one; use another class of your own, or remove the scalar"
)
