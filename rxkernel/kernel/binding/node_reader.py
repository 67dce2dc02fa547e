"""From a type to its nodes, once, at boot; `msgspec.inspect` knows what msgspec makes of it."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import MappingProxyType, NoneType
from typing import Annotated, Any, Literal, Union, get_origin
from uuid import UUID

import attrs
import msgspec
from msgspec import inspect as msgspec_inspect

from rxkernel.kernel.binding.class_nodes import Choice, Field, Object
from rxkernel.kernel.binding.constructors import (
    arguments_of,
    converter_inputs,
    has_own_ways,
    is_required,
    type_info,
)
from rxkernel.kernel.binding.nodes import Items, Leaf, Node, Row, Table
from rxkernel.routing.annotations import classes_in

_MAKERS: MappingProxyType[type, Callable[[list[Any]], Any]] = MappingProxyType(
    {
        msgspec_inspect.ListType: list,
        msgspec_inspect.SetType: set,
        msgspec_inspect.FrozenSetType: frozenset,
        msgspec_inspect.VarTupleType: tuple,
    }
)
_LEAVES: MappingProxyType[type, tuple[Any, str]] = MappingProxyType(
    {
        msgspec_inspect.NoneType: (NoneType, "null"),
        msgspec_inspect.BoolType: (bool, "bool"),
        msgspec_inspect.IntType: (int, "int"),
        msgspec_inspect.FloatType: (float, "float"),
        msgspec_inspect.StrType: (str, "str"),
        msgspec_inspect.BytesType: (bytes, "bytes"),
        msgspec_inspect.ByteArrayType: (bytearray, "bytes"),
        msgspec_inspect.MemoryViewType: (memoryview, "bytes"),
        msgspec_inspect.DateTimeType: (datetime, "datetime"),
        msgspec_inspect.DateType: (date, "date"),
        msgspec_inspect.TimeType: (time, "time"),
        msgspec_inspect.TimeDeltaType: (timedelta, "duration"),
        msgspec_inspect.UUIDType: (UUID, "uuid"),
        msgspec_inspect.DecimalType: (Decimal, "decimal"),
    }
)
_META = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern", "tz")
_SETS = (msgspec_inspect.SetType, msgspec_inspect.FrozenSetType)
_UNHASHABLE = (
    msgspec_inspect.ListType,
    msgspec_inspect.SetType,
    msgspec_inspect.DictType,
    msgspec_inspect.TypedDictType,
    msgspec_inspect.ByteArrayType,
)
_CLASSES = (
    msgspec_inspect.StructType,
    msgspec_inspect.DataclassType,
    msgspec_inspect.TypedDictType,
)


def read_node(type_: Any, *, allow_unknown: bool = False) -> Node:
    """The nodes of *type_*; with *allow_unknown*, fields that its classes do not have are let in.

    Raises:
        TypeError: msgspec does not know the type. NameError: it names what is not there.
    """
    info = type_info(type_)
    by_hand = any(has_own_ways(cls) for cls in classes_in(info, set()))
    reader = _Reader(allow_unknown, by_hand)
    node = reader.read(info)
    if reader.is_partly_by_hand:  # a class may have been asked before all of its fields were read
        return _Reader(allow_unknown, True).read(info)
    return node


class _Reader:
    """Keeps the classes it has met: one may have itself among its fields."""

    def __init__(self, allow_unknown: bool, by_hand: bool) -> None:
        self._allow_unknown = allow_unknown
        self._by_hand = by_hand
        self._objects: dict[Any, Object] = {}

    @property
    def is_partly_by_hand(self) -> bool:
        return not self._by_hand and any(o.by_hand for o in self._objects.values())

    def read(self, info: Any) -> Node:
        if isinstance(info, msgspec_inspect.Metadata):  # a description, examples
            return self.read(info.type)
        if isinstance(info, _CLASSES):
            return self._objects.get(info.cls) or self._object(info)
        if isinstance(info, msgspec_inspect.UnionType):
            return self._choice(info)
        if isinstance(info, msgspec_inspect.CollectionType):
            if isinstance(info, _SETS):
                _check_hash(info.item_type, "an item of a set")
            return Items(
                self.read(info.item_type),
                _MAKERS[type(info)],
                info.min_length or 0,
                info.max_length,
            )
        if isinstance(info, msgspec_inspect.TupleType):
            items = tuple(map(self.read, info.item_types))
            return Row(
                items, tuple, tuple, shortest=len(items), by_hand=any(i.by_hand for i in items)
            )
        if isinstance(info, msgspec_inspect.NamedTupleType):
            return self._named_tuple(info)
        if isinstance(info, msgspec_inspect.DictType):
            _check_hash(info.key_type, "a key")
            return Table(
                self.read(info.key_type),
                self.read(info.value_type),
                info.min_length or 0,
                info.max_length,
            )
        return _leaf(info)

    def _named_tuple(self, info: msgspec_inspect.NamedTupleType) -> Row:
        items = tuple(self.read(field.type) for field in info.fields)
        return Row(
            items,
            lambda parts: info.cls(*parts),
            cls=info.cls,
            names=tuple(field.name for field in info.fields),
            shortest=sum(field.required for field in info.fields),
            by_hand=any(item.by_hand for item in items),
        )

    def _object(self, info: Any) -> Object:
        cls = get_origin(info.cls) or info.cls
        arguments = arguments_of(cls, [field.name for field in info.fields])
        node = self._objects[info.cls] = Object(
            cls=cls,
            make=info.cls,
            tag_field=getattr(info, "tag_field", None),
            tag=getattr(info, "tag", None),
            allow_unknown=self._allow_unknown
            and not getattr(info, "forbid_unknown_fields", False),
            by_hand=self._by_hand,
            is_array=getattr(info, "array_like", False),
        )
        node.outputs = tuple(
            Field(
                field.name,
                field.encode_name,
                arguments.get(field.name, field.name),
                self.read(field.type),
                field.required,
            )
            for field in info.fields
        )
        taken = {name: self.read(found) for name, found in converter_inputs(cls).items()}
        node.inputs = {
            field.key: attrs.evolve(
                field,
                node=taken.get(field.name, field.node),
                is_required=is_required(cls, field.argument, otherwise=field.is_required),
            )
            for field in node.outputs
            if field.name in arguments
        }
        tag = () if node.tag_field is None else (node.tag_field,)
        node.known = frozenset((*node.inputs, *tag))
        node.needed = sum(field.is_required for field in node.inputs.values())
        node.by_hand = node.by_hand or any(f.node.by_hand for f in node.inputs.values())
        return node

    def _choice(self, info: msgspec_inspect.UnionType) -> Choice:
        rest = [t for t in info.types if not isinstance(t, msgspec_inspect.NoneType)]
        nodes = [self.read(t) for t in rest]
        objects = tuple(n for n in nodes if isinstance(n, Object) and not n.is_array)
        leaves = [n for n in nodes if isinstance(n, Leaf)]
        is_optional = len(rest) < len(info.types)
        in_c = [n.in_c for n in nodes] + [NoneType] * is_optional
        return Choice(
            leaf=_together(leaves),
            arrays=tuple(n for n in nodes if _is_array(n)),
            table=next((n for n in nodes if isinstance(n, Table)), None),
            objects=objects,
            is_optional=is_optional,
            looks=any(n.looks for n in nodes),
            looks_leniently=is_optional or any(n.looks_leniently for n in nodes),
            is_flat=all(n.is_flat for n in nodes),
            by_hand=any(n.by_hand for n in nodes),
            in_c=None if None in in_c else Union[tuple(in_c)],  # noqa: UP007 - made of a list
        )


def _check_hash(info: Any, role: str) -> None:
    """Refuse what never has a hash; an item of ``set[Any]`` may have one.

    Raises:
        TypeError: with the class, or the kind.
    """
    for part in _hashed_parts(info):
        _check_hash(part, role)
    if isinstance(info, _UNHASHABLE):
        raise TypeError(f"a list, set or object has no hash and cannot be {role}; take a tuple")
    cls = getattr(info, "cls", None)
    if cls is not None and (get_origin(cls) or cls).__hash__ is None:
        raise TypeError(
            f"{cls.__qualname__} has no hash and cannot be {role}; make the class frozen, or take "
            f"a list"
        )


def _hashed_parts(info: Any) -> tuple[Any, ...]:
    """What goes into the hash of a value."""
    if isinstance(info, msgspec_inspect.Metadata):
        return (info.type,)
    if isinstance(info, msgspec_inspect.VarTupleType | msgspec_inspect.FrozenSetType):
        return (info.item_type,)
    if isinstance(info, msgspec_inspect.NamedTupleType):
        return tuple(field.type for field in info.fields)
    parts: tuple[Any, ...] = getattr(info, "types", getattr(info, "item_types", ()))
    return parts


def _is_array(node: Node) -> bool:
    return isinstance(node, Items | Row) or (isinstance(node, Object) and node.is_array)


def _leaf(info: Any) -> Leaf:
    if isinstance(info, msgspec_inspect.LiteralType):
        return Leaf(Literal[info.values], "literal", info.values)
    if isinstance(info, msgspec_inspect.EnumType):
        return Leaf(info.cls, "enum", tuple(member.value for member in info.cls))
    type_, title = _LEAVES.get(type(info), (Any, "anything"))
    meta = {n: v for n in _META if (v := getattr(info, n, None)) is not None}
    return Leaf(
        Annotated[type_, msgspec.Meta(**meta)] if meta else type_,
        title,
        looks=type_ is Decimal,
        looks_leniently=type_ in (Decimal, float, datetime),
        is_moment=type_ is datetime,
    )


def _together(leaves: list[Leaf]) -> Leaf | None:
    """The alternatives without parts as one, for msgspec to choose from."""
    if len(leaves) < 2:
        return leaves[0] if leaves else None
    return Leaf(
        Union[tuple(leaf.type for leaf in leaves)],  # noqa: UP007 - made of a list
        " | ".join(leaf.title for leaf in leaves),
        tuple(c for leaf in leaves for c in leaf.choices)
        if all(x.choices for x in leaves)
        else (),
        looks=any(leaf.looks for leaf in leaves),
        looks_leniently=any(leaf.looks_leniently and not leaf.is_moment for leaf in leaves),
    )
