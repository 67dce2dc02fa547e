"""Creates the schema of a type at boot, from its description by `msgspec.inspect`."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from types import MappingProxyType, NoneType
from typing import Annotated, Any, Literal, get_origin
from uuid import UUID

import attrs
import msgspec
from msgspec import inspect as msgspec_inspect

from rxkernel.kernel.binding.constructors import (
    arguments_of,
    converter_inputs,
    described,
    is_required,
    needs_constructor,
)
from rxkernel.kernel.binding.containers import ArraySchema, MappingSchema, TupleSchema
from rxkernel.kernel.binding.custom_scalar import CustomScalarSchema
from rxkernel.kernel.binding.model import ModelSchema
from rxkernel.kernel.binding.scalar import ScalarSchema
from rxkernel.kernel.binding.schema import Field, Schema
from rxkernel.kernel.binding.union import UnionSchema
from rxkernel.kernel.binding.validated import ValidatedSchema
from rxkernel.messages.number_checks import lenient_check_of, strict_check_of
from rxkernel.messages.upload import UploadedFile
from rxkernel.routing.scalars import NO_SCALARS, Scalars
from rxkernel.routing.type_info import tag_of
from rxkernel.routing.type_support import classes_in
from rxkernel.routing.validated_by import rules_of

_MAKERS: MappingProxyType[type, Callable[[list[Any]], Any]] = MappingProxyType(
    {
        msgspec_inspect.ListType: list,
        msgspec_inspect.SetType: set,
        msgspec_inspect.FrozenSetType: frozenset,
        msgspec_inspect.VarTupleType: tuple,
    }
)
_SCALARS: MappingProxyType[type, tuple[Any, str]] = MappingProxyType(
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
_FILE = (UploadedFile, "file")
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


def read_schema(
    type_: Any, *, allow_unknown: bool = False, scalars: Scalars = NO_SCALARS
) -> Schema:
    """Return the schema of *type_*; with *allow_unknown*, its classes ignore unknown fields.

    Raises:
        TypeError: msgspec does not support the type. NameError: it refers to an unknown name.
    """
    info = described(type_, scalars)
    needs_python = any(needs_constructor(cls) for cls in classes_in(info, set()))
    return _Reader(allow_unknown, needs_python, scalars).read_all(info)


class _Reader:
    """Creates schemas. It stores the schemas of classes, because a class may refer to itself."""

    def __init__(self, allow_unknown: bool, needs_python: bool, scalars: Scalars) -> None:
        self._allow_unknown = allow_unknown
        self._needs_python = needs_python
        self._scalars = scalars
        self._models: dict[Any, ModelSchema] = {}
        self._later: list[Callable[[], None]] = []
        self._readers: dict[type, Callable[[Any], Schema]] = {
            msgspec_inspect.Metadata: self._annotated,
            msgspec_inspect.UnionType: self._union,
            msgspec_inspect.LiteralType: self._literal,
            msgspec_inspect.CustomType: self._custom,
            msgspec_inspect.TupleType: self._tuple,
            msgspec_inspect.NamedTupleType: self._named_tuple,
            msgspec_inspect.DictType: self._mapping,
            **dict.fromkeys(_MAKERS, self._array),
            **dict.fromkeys(_CLASSES, self._model),
        }

    def read_all(self, info: Any) -> Schema:
        schema = self.read(info)
        while self._later:  # classes may refer to each other in long chains
            self._later.pop()()
        models = list(self._models.values())
        while found := [
            model for model in models if not model.needs_python and _has_python(model)
        ]:
            for model in found:  # a class may be a part of others, and of itself
                model.needs_python = True
        return schema

    def read(self, info: Any) -> Schema:
        return self._readers.get(type(info), _scalar)(info)

    def _annotated(self, info: msgspec_inspect.Metadata) -> Schema:
        """Read a type with rules, or with a description for documentation."""
        schema, rules = self.read(info.type), rules_of(info.extra)
        return ValidatedSchema(schema, rules) if rules else schema

    def _array(self, info: Any) -> Schema:
        if isinstance(info, _SETS):
            _check_hash(info.item_type, "an item of a set")
        item = self.read(info.item_type)
        return ArraySchema(item, _MAKERS[type(info)], info.min_length or 0, info.max_length)

    def _mapping(self, info: msgspec_inspect.DictType) -> Schema:
        _check_hash(info.key_type, "a key")
        key, value = self.read(info.key_type), self.read(info.value_type)
        return MappingSchema(key, value, info.min_length or 0, info.max_length)

    def _tuple(self, info: msgspec_inspect.TupleType) -> Schema:
        items = tuple(map(self.read, info.item_types))
        return TupleSchema(items, tuple, tuple, shortest=len(items))

    def _named_tuple(self, info: msgspec_inspect.NamedTupleType) -> Schema:
        items = tuple(self.read(field.type) for field in info.fields)
        return TupleSchema(
            items,
            lambda parts: info.cls(*parts),
            info.cls,
            names=tuple(field.name for field in info.fields),
            shortest=sum(field.required for field in info.fields),
        )

    def _model(self, info: Any) -> Schema:
        if (known := self._models.get(info.cls)) is not None:
            return known
        cls = get_origin(info.cls) or info.cls
        arguments = arguments_of(cls, [field.name for field in info.fields])
        forbids_unknown = getattr(info, "forbid_unknown_fields", False)
        model = self._models[info.cls] = ModelSchema(
            cls=cls,
            make=info.cls,
            tag_field=getattr(info, "tag_field", None),
            tag=getattr(info, "tag", None),
            allow_unknown=self._allow_unknown and not forbids_unknown,
            needs_python=self._needs_python,
            is_array=getattr(info, "array_like", False),
            is_attrs=attrs.has(cls) and cls.__new__ is object.__new__,
        )
        self._later.append(partial(self._add_fields, model, info, arguments))
        return model

    def _add_fields(self, model: ModelSchema, info: Any, arguments: dict[str, str]) -> None:
        cls = model.cls
        model.outputs = tuple(self._field(field, arguments) for field in _declared(cls, info))
        sent = {
            name: self.read(found) for name, found in converter_inputs(cls, self._scalars).items()
        }
        model.inputs = {
            field.key: attrs.evolve(
                field,
                schema=sent.get(field.name, field.schema),
                is_required=is_required(cls, field.argument, otherwise=field.is_required),
            )
            for field in model.outputs
            if field.name in arguments
        }

    def _field(self, info: msgspec_inspect.Field, arguments: dict[str, str]) -> Field:
        return Field(
            info.name,
            info.encode_name,
            arguments.get(info.name, info.name),
            self.read(info.type),
            info.required,
            _default_of(info),
        )

    def _custom(self, info: msgspec_inspect.CustomType) -> Schema:
        """Read a class that msgspec does not know; without a scalar, any value is valid."""
        scalar = self._scalars.get(info.cls)
        if scalar is None:
            return _scalar(info)
        wire = _scalar(described(scalar.wire))
        return CustomScalarSchema(scalar, wire)

    def _union(self, info: msgspec_inspect.UnionType) -> Schema:
        found = [part for each in info.types for part in _without_null(each)]
        types = [t for t in found if not isinstance(t, msgspec_inspect.NoneType)]
        is_optional = len(types) < len(found)
        ruled = [t for t in types if isinstance(t, msgspec_inspect.Metadata) and rules_of(t.extra)]
        if len(types) == 1 and ruled:
            union = UnionSchema.of([self.read(ruled[0].type)], is_optional=is_optional)
            return ValidatedSchema(union, rules_of(ruled[0].extra))
        if ruled:
            raise TypeError(
                "validated_by() is on one alternative of a union; put it on the whole union: "
                "Annotated[A | B, validated_by(f)]"
            )
        return UnionSchema.of(map(self.read, types), is_optional=is_optional, tag=tag_of(info))

    def _literal(self, info: msgspec_inspect.LiteralType) -> Schema:
        parts = _without_null(info)
        if len(parts) > 1:
            return self._union(msgspec_inspect.UnionType(parts))
        return _scalar(*parts)


def _declared(cls: Any, info: Any) -> list[msgspec_inspect.Field]:
    """The fields of *cls* in declared order; msgspec sorts the fields of a TypedDict by name."""
    fields = list(info.fields)
    if isinstance(info, msgspec_inspect.TypedDictType):
        places = {name: place for place, name in enumerate(cls.__annotations__)}
        fields.sort(key=lambda field: places[field.name])
    return fields


def _default_of(info: msgspec_inspect.Field) -> Callable[[], Any] | None:
    make: Any = info.default_factory
    if make is not msgspec.NODEFAULT:
        return lambda: make()
    return None if info.default is msgspec.NODEFAULT else lambda: info.default


def _has_python(model: ModelSchema) -> bool:
    return any(field.schema.needs_python for field in model.inputs.values())


def _without_null(info: msgspec_inspect.Type) -> tuple[msgspec_inspect.Type, ...]:
    """Return *info*. A literal with None is split, because msgspec reads "null" as its None."""
    if not (isinstance(info, msgspec_inspect.LiteralType) and None in info.values):
        return (info,)
    rest = tuple(value for value in info.values if value is not None)
    null = msgspec_inspect.NoneType()
    return (msgspec_inspect.LiteralType(rest), null) if rest else (null,)


def _scalar(info: Any) -> ScalarSchema:
    if isinstance(info, msgspec_inspect.LiteralType):
        return ScalarSchema(Literal[info.values], "literal", info.values)
    if isinstance(info, msgspec_inspect.EnumType):
        return ScalarSchema(info.cls, "enum", tuple(member.value for member in info.cls))
    is_file = isinstance(info, msgspec_inspect.CustomType) and info.cls is UploadedFile
    type_, title = _FILE if is_file else _SCALARS.get(type(info), (Any, "anything"))
    meta = {n: v for n in _META if (v := getattr(info, n, None)) is not None}
    return ScalarSchema(
        Annotated[type_, msgspec.Meta(**meta)] if meta else type_,
        title,
        strict_check=strict_check_of((type_,)),
        lenient_check=lenient_check_of((type_,)),
    )


def _check_hash(info: Any, role: str) -> None:
    """Reject types that never have a hash; an item of ``set[Any]`` may have one.

    Raises:
        TypeError: with the type.
    """
    for part in _hashed_parts(info):
        _check_hash(part, role)
    if isinstance(info, _UNHASHABLE):
        raise TypeError(f"a list, set or object has no hash and cannot be {role}; use a tuple")
    cls = getattr(info, "cls", None)
    if cls is not None and (get_origin(cls) or cls).__hash__ is None:
        raise TypeError(
            f"{cls.__qualname__} has no hash and cannot be {role}; make the class frozen, or use "
            f"a list"
        )


def _hashed_parts(info: Any) -> tuple[Any, ...]:
    """The types of the parts that the hash of a value depends on."""
    if isinstance(info, msgspec_inspect.Metadata):
        return (info.type,)
    if isinstance(info, msgspec_inspect.VarTupleType | msgspec_inspect.FrozenSetType):
        return (info.item_type,)
    if isinstance(info, msgspec_inspect.NamedTupleType):
        return tuple(field.type for field in info.fields)
    parts: tuple[Any, ...] = getattr(info, "types", getattr(info, "item_types", ()))
    return parts
