"""Converts return annotations to types that msgspec supports, and rejects the others."""

from collections import ChainMap, Counter, OrderedDict, defaultdict, deque
from collections.abc import (
    Awaitable,
    Coroutine,
    Generator,
    Iterable,
    Iterator,
    KeysView,
    Reversible,
    ValuesView,
)
from types import GenericAlias, MappingProxyType, NoneType
from typing import (
    Annotated,
    Any,
    Never,
    NoReturn,
    Self,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import attrs
from msgspec import inspect as msgspec_inspect

from rxkernel.exceptions import HttpException
from rxkernel.kernel.binding.constructors import described
from rxkernel.messages.response import Response
from rxkernel.messages.type_infos import infos_in
from rxkernel.routing.annotations import UNIONS, alternatives, bare, is_model
from rxkernel.routing.scalars import Scalars
from rxkernel.routing.type_support import is_custom

_LISTS = (Iterable, Iterator, Generator, Reversible, KeysView, ValuesView, deque)
_CLASSES = (
    msgspec_inspect.StructType,
    msgspec_inspect.DataclassType,
    msgspec_inspect.TypedDictType,
    msgspec_inspect.NamedTupleType,
)
_MAPPINGS = (OrderedDict, defaultdict, ChainMap, MappingProxyType)
_NOTHING = (NoneType, NoReturn, Never)


@attrs.frozen
class ReturnedTypes:
    """The alternatives of a return annotation, as types that msgspec supports.

    Attributes:
        members: those that are neither responses nor exceptions, in their order.
        responses: the classes of responses.
        exceptions: the classes of exceptions.
    """

    members: tuple[Any, ...]
    responses: tuple[type[Response], ...]
    exceptions: tuple[type[HttpException], ...]

    @classmethod
    def of(cls, returns: Any) -> Self:
        """Read *returns*; for an awaitable, which a plain ``def`` may return, its result type."""
        if get_origin(returns) in (Awaitable, Coroutine):
            returns = get_args(returns)[-1]
        types = tuple(map(_shapeable, alternatives(returns)))
        classes = [type_ for type_ in types if isinstance(type_, type)]
        responses = tuple(each for each in classes if issubclass(each, Response))
        exceptions = tuple(each for each in classes if issubclass(each, HttpException))
        members = tuple(type_ for type_ in types if type_ not in (*responses, *exceptions))
        return cls(members, responses, exceptions)

    @property
    def values(self) -> list[Any]:
        """The members that are types of values, not None."""
        return [member for member in self.members if member not in _NOTHING]

    @property
    def holds_anything(self) -> bool:
        """Whether any value may be returned."""
        return any(member in (Any, object) for member in self.members)

    @property
    def is_optional(self) -> bool:
        """Whether None may be returned."""
        return NoneType in self.members


def _shapeable(type_: Any) -> Any:
    """*type_* with every iterable replaced by a list and every mapping by a dict, at any depth."""
    origin, args = get_origin(type_), get_args(type_)
    if origin is Annotated:
        return Annotated[tuple((_shapeable(args[0]), *args[1:]))]  # noqa: C409 - a subscript
    if (plain := bare(type_)) is not type_:
        found = _shapeable(plain)
        return type_ if found == plain else found
    if not args or not (origin in UNIONS or isinstance(origin, type)):
        return type_
    parts = tuple(map(_shapeable, args))
    if origin in UNIONS:
        return Union[parts]  # noqa: UP007 - made of a tuple
    if origin in _LISTS:
        return GenericAlias(list, parts[:1])
    if origin in _MAPPINGS:
        return GenericAlias(dict, parts)
    if origin is Counter:
        return GenericAlias(dict, (*parts, int))
    return type_ if parts == args or is_model(origin) else GenericAlias(origin, parts)


def check_shaped(types: list[Any], scalars: Scalars) -> None:
    """Reject types with a class that msgspec does not analyze: all its attributes would be sent.

    Raises:
        TypeError: with the unsupported part. NameError: an annotation refers to an unknown name.
    """
    unknown = [type_ for type_ in types if is_custom(type_, scalars)]
    if unknown and any(map(_has_model, types)):
        raise TypeError(f"the contents of {_name(unknown[0])} are not known")
    for type_ in (*types, *_of_fields(types, scalars)):
        _check_parts(type_, scalars)


def _check_parts(type_: Any, scalars: Scalars) -> None:
    args = get_args(bare(type_))
    if args and is_custom(type_, scalars) and any(map(_has_model, args)):
        raise TypeError(f"the contents of {_name(type_)} are not known")
    for arg in args:
        _check_parts(arg, scalars)


def _of_fields(types: list[Any], scalars: Scalars) -> Iterator[Any]:
    """Yield the types of all fields of the classes in *types*."""
    for info in infos_in(tuple(described(type_, scalars) for type_ in types), set()):
        if isinstance(info, _CLASSES):
            hints = get_type_hints(get_origin(info.cls) or info.cls, include_extras=True)
            yield from (hints[field.name] for field in info.fields if field.name in hints)


def _has_model(type_: Any) -> bool:
    return is_model(type_) or any(map(_has_model, get_args(bare(type_))))


def _name(type_: Any) -> str:
    return str(type_) if get_args(type_) else getattr(type_, "__qualname__", str(type_))
