"""JSON Schemas (2020-12) of types, read from the same descriptions as the schemas of binding."""

from collections.abc import Callable, Mapping, Sequence
from inspect import cleandoc
from types import MappingProxyType
from typing import Any, get_origin

import attrs
import msgspec
from msgspec import inspect as msgspec_inspect

from rxkernel.kernel.binding.constructors import (
    arguments_of,
    converter_inputs,
    described,
    is_required,
)
from rxkernel.kernel.binding.return_types import ReturnedTypes
from rxkernel.kernel.json_schemas.attrs_rules import rules_schema
from rxkernel.kernel.json_schemas.components import Components, Named, Variant
from rxkernel.kernel.json_schemas.mapping_keys import key_schema
from rxkernel.kernel.json_schemas.returned import JSON, Returned, media_types
from rxkernel.kernel.json_schemas.scalar_schemas import (
    JsonSchema,
    literal_schema,
    scalar_schema,
)
from rxkernel.routing.return_markers import is_inline
from rxkernel.routing.scalars import NO_SCALARS, Scalars
from rxkernel.routing.signature import Signature
from rxkernel.routing.type_info import tag_of

_ARRAYS = (
    msgspec_inspect.ListType,
    msgspec_inspect.SetType,
    msgspec_inspect.FrozenSetType,
    msgspec_inspect.VarTupleType,
    msgspec_inspect.CollectionType,
)
_SETS = (msgspec_inspect.SetType, msgspec_inspect.FrozenSetType)
_MODELS = (
    msgspec_inspect.StructType,
    msgspec_inspect.DataclassType,
    msgspec_inspect.TypedDictType,
)
_NO_NAMES: Mapping[Any, str] = MappingProxyType({})
_NODEFAULT = msgspec.NODEFAULT


class JsonSchemas:
    """Describes types for documentation: each value that fits a schema of `input` can be bound,
    and each value that is sent fits the schema of `output`.

    Classes with fields and enums become components, to which the other schemas refer. `resolve`
    replaces these references by names at the end. A class whose input differs from its output
    becomes two components: ``Task`` and ``TaskInput``.

    Rules that JSON Schema cannot express are not described: functions of `validated_by`, validator
    functions and converters. Describe them with ``Meta(extra_json_schema={…})`` of msgspec.

    Args:
        scalars: the custom scalars of the application.
        names: other names for classes, needed if two classes have the same name.
    """

    def __init__(
        self, scalars: Scalars = NO_SCALARS, names: Mapping[Any, str] = _NO_NAMES
    ) -> None:
        self._scalars = scalars
        self._components = Components(names)
        self._known: dict[tuple[str, Any], JsonSchema] = {}

    def input(self, type_: Any, *, allow_unknown: bool = False) -> JsonSchema:
        """Return the schema of the values that a client may send for *type_*.

        Raises:
            TypeError: msgspec does not support the type. NameError: it refers to an unknown name.
        """
        return self._read("open" if allow_unknown else "input", type_)

    def output(self, type_: Any) -> JsonSchema:
        """Return the schema of the values of *type_* that are sent. Raises: as `input`."""
        return self._read("output", type_)

    def returned(self, signature: Signature) -> Returned:
        """Describe what an action returns. Raises: as `input`."""
        types = ReturnedTypes.of(signature.returns)
        responses, exceptions = types.responses, types.exceptions
        if types.holds_anything:
            return Returned({}, responses, exceptions)
        if not types.values:
            return Returned(None, responses, exceptions)
        values = [self._read("output", each) for each in types.values]
        schema = union_of(values, is_optional=types.is_optional)
        contents = self._contents(types.values, types.is_optional)
        return Returned(schema, responses, exceptions, contents)

    def _contents(self, types: list[Any], is_optional: bool) -> dict[str, JsonSchema]:
        """The schemas of *types* by media type; None is JSON."""
        found: dict[str, list[JsonSchema]] = {}
        for each in types:
            info = described(each, self._scalars)
            for media_type, schema in media_types(info, self._read("output", each)):
                found.setdefault(media_type, []).append(schema)
        json = found.pop(JSON, [])
        contents = {kind: union_of(members, is_optional=False) for kind, members in found.items()}
        if json:
            contents[JSON] = union_of(json, is_optional=is_optional)
        elif is_optional:
            contents[JSON] = {"type": "null"}
        return contents

    def add(self, name: str, build: Callable[[], JsonSchema], owner: str) -> JsonSchema:
        """Return a reference to the component *name*, which is not a class; *build* describes it.

        *owner* is for the error if a class has the same name.
        """
        return self._components.refer(Variant(Named(name, owner), "output"), build)

    @staticmethod
    def with_keywords(schema: JsonSchema, **keywords: Any) -> JsonSchema:
        """Return *schema* with *keywords*, which AsyncAPI does not allow next to a reference."""
        return _with_keywords(schema, keywords)

    @staticmethod
    def with_default(schema: JsonSchema, default: Any) -> JsonSchema:
        """Return *schema* with *default*, unless JSON cannot represent it."""
        return _with_keywords(schema, _default_keyword(default))

    def schema_of(self, schema: JsonSchema) -> JsonSchema:
        """Return *schema*, or the component that it refers to."""
        found = self._components.schema_of(schema)
        return schema if found is None else found

    def resolve(self, document: Any) -> Any:
        """Return a copy of *document*, plain values with schemas of this object, in which all
        references have the names of their components.

        Raises:
            ConfigurationError: several classes have the same name; with one problem per name.
        """
        return self._components.resolve(document)

    @property
    def components(self) -> dict[str, JsonSchema]:
        """The schemas of classes by name, sorted. Raises: as `resolve`."""
        return self._components.by_name()

    def _read(self, kind: str, type_: Any) -> JsonSchema:
        """Return the schema of *type_*; cached, since many definitions have the same types."""
        try:
            known = self._known.get((kind, type_))
        except TypeError:  # no hash, as of Annotated[int, {}]
            return self._reader(kind).type_(type_)
        if known is None:
            known = self._known[kind, type_] = self._reader(kind).type_(type_)
        return known

    def _reader(self, kind: str) -> "_Reader":
        return _Reader(kind, self._scalars, self._components)


class _Reader:
    """Reads descriptions of types, for values of one *kind*, see `Variant`."""

    def __init__(self, kind: str, scalars: Scalars, components: Components) -> None:
        self._kind = kind
        self._is_input = kind != "output"
        self._scalars = scalars
        self._components = components

    def type_(self, type_: Any) -> JsonSchema:
        return self._read(described(type_, self._scalars))

    def _read(self, info: Any) -> JsonSchema:
        if isinstance(info, msgspec_inspect.Metadata):
            return _with_keywords(self._read(info.type), dict(info.extra_json_schema or {}))
        if isinstance(info, msgspec_inspect.UnionType):
            return self._union(info)
        if isinstance(info, msgspec_inspect.EnumType):
            return self._enum(info)
        if isinstance(info, _ARRAYS):
            return self._array(info)
        if isinstance(info, msgspec_inspect.TupleType):
            return _tuple([self._read(item) for item in info.item_types], len(info.item_types))
        if isinstance(info, msgspec_inspect.NamedTupleType):
            return self._named_tuple(info)
        if isinstance(info, msgspec_inspect.DictType):
            return self._mapping(info)
        if isinstance(info, _MODELS):
            if is_inline(info.cls):
                return self._model(info)
            return self._reference(info.cls, lambda: self._model(info))
        if isinstance(info, msgspec_inspect.CustomType):
            scalar = self._scalars.get(info.cls)
            if scalar is not None:
                return self._read(described(scalar.wire))
        return scalar_schema(info, is_input=self._is_input)

    def _reference(self, cls: Any, build: Any) -> JsonSchema:
        return self._components.refer(Variant(cls, self._kind), build)

    def _enum(self, info: msgspec_inspect.EnumType) -> JsonSchema:
        def build() -> JsonSchema:
            values = literal_schema(tuple(member.value for member in info.cls))
            return {**_description(info.cls), **values}

        return self._components.refer(Variant(info.cls, "output"), build)

    def _array(self, info: Any) -> JsonSchema:
        found: JsonSchema = {"type": "array", "items": self._read(info.item_type)}
        if info.min_length:
            found["minItems"] = info.min_length
        if info.max_length is not None:
            found["maxItems"] = info.max_length
        if isinstance(info, _SETS) and (info.min_length or not self._is_input):
            found["uniqueItems"] = True
        return found

    def _named_tuple(self, info: msgspec_inspect.NamedTupleType) -> JsonSchema:
        items = [{"title": f.name, **self._read(f.type)} for f in info.fields]
        count = sum(field.required for field in info.fields) if self._is_input else len(items)
        return _tuple(items, count)

    def _mapping(self, info: msgspec_inspect.DictType) -> JsonSchema:
        value = self._read(info.value_type)
        found: JsonSchema = {"type": "object", "additionalProperties": value or True}
        names = key_schema(self._components, self._read(info.key_type))
        if names:
            found["propertyNames"] = names
        if info.min_length:
            found["minProperties"] = info.min_length
        if info.max_length is not None:
            found["maxProperties"] = info.max_length
        return found

    def _union(self, info: msgspec_inspect.UnionType) -> JsonSchema:
        types = [each for each in info.types if not isinstance(each, msgspec_inspect.NoneType)]
        found = [self._read(each) for each in types]
        schema = union_of(found, is_optional=len(types) < len(info.types))
        tag = tag_of(info)
        if tag is None or not self._is_input or "anyOf" not in schema:
            return schema
        # the classes of a union need their tag, also if it has a default
        classes, required = {cls for _, cls in tag.classes}, {"required": [tag.field]}
        if len(classes) == len(found) == len(schema["anyOf"]):
            return {**schema, **required}
        class_of = self._components.class_of
        members = [
            _with_keywords(each, required) if class_of(each) in classes else each
            for each in schema["anyOf"]
        ]
        return {**schema, "anyOf": members}

    # --- classes

    def _model(self, info: Any) -> JsonSchema:
        cls = get_origin(info.cls) or info.cls
        arguments = arguments_of(cls, [field.name for field in info.fields])
        sent = self._converter_inputs(cls) if self._is_input else {}
        fields = [f for f in info.fields if not self._is_input or f.name in arguments]
        schemas = {f.encode_name: self._field(cls, f, sent.get(f.name)) for f in fields}
        required = [
            f.encode_name
            for f in fields
            if (
                is_required(cls, arguments[f.name], otherwise=f.required)
                if self._is_input
                else _is_always_sent(info, f)
            )
        ]
        tag_field = getattr(info, "tag_field", None)
        if tag_field is not None:
            schemas = {tag_field: {"const": info.tag}, **schemas}
            required.insert(0, tag_field)
        if getattr(info, "array_like", False):
            return {**_description(cls), **_tuple(list(schemas.values()), len(required))}
        is_open = self._kind == "open" and not getattr(info, "forbid_unknown_fields", False)
        return {
            **_description(cls),
            "type": "object",
            "properties": schemas,
            **({"required": required} if required else {}),
            **({} if is_open else {"additionalProperties": False}),
        }

    def _converter_inputs(self, cls: Any) -> dict[str, Any]:
        """The annotated types of converters. A converter without an annotation is left out: it
        accepts at least the type of its field."""
        found = converter_inputs(cls, self._scalars)
        return {n: i for n, i in found.items() if not isinstance(i, msgspec_inspect.AnyType)}

    def _field(self, cls: Any, info: msgspec_inspect.Field, sent: Any) -> JsonSchema:
        found = self._read(info.type if sent is None else sent)
        keywords: JsonSchema = {}
        if attrs.has(cls) and sent is None:
            rule = attrs.fields_dict(cls)[info.name].validator
            keywords = rules_schema(rule, self._components.schema_of(found) or found)
        if self._is_input:
            keywords |= _default(info)
        return _with_keywords(found, keywords)


def union_of(members: Sequence[JsonSchema], *, is_optional: bool) -> JsonSchema:
    """Return the schema of one of *members*, or of null."""
    if any(not member for member in members):
        return {}
    if len(members) == 1 and is_optional:
        return _nullable(members[0])
    if len(members) == 1:
        return members[0]
    null = [{"type": "null"}] if is_optional else []
    return {"anyOf": [*members, *null]}


def _with_keywords(schema: JsonSchema, keywords: JsonSchema) -> JsonSchema:
    """Return *schema* with *keywords*, which AsyncAPI does not allow next to a reference."""
    if not keywords:
        return schema
    if "$ref" in schema:
        return {"allOf": [schema], **keywords}
    return {**schema, **keywords}


def _nullable(schema: JsonSchema) -> JsonSchema:
    if isinstance(schema.get("type"), str) and not {"enum", "const"} & schema.keys():
        return {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema and "type" not in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    if "anyOf" in schema and len(schema) == 1:
        return {"anyOf": [*schema["anyOf"], {"type": "null"}]}
    return {"anyOf": [schema, {"type": "null"}]}


def _tuple(items: list[JsonSchema], shortest: int) -> JsonSchema:
    if not items:
        return {"type": "array", "maxItems": 0}
    return {"type": "array", "prefixItems": items, "items": False, "minItems": shortest}


def _is_always_sent(info: Any, field: msgspec_inspect.Field) -> bool:
    if field.required:
        return True
    if isinstance(info, msgspec_inspect.TypedDictType):
        return False
    if field.default is _NODEFAULT and field.default_factory is _NODEFAULT:
        return False  # UNSET is not sent
    config = getattr(info.cls, "__struct_config__", None)
    return not (config is not None and config.omit_defaults)


def _default(info: msgspec_inspect.Field) -> JsonSchema:
    if info.default_factory in (list, dict, set, tuple, frozenset):
        return {"default": {} if info.default_factory is dict else []}
    if info.default is _NODEFAULT:
        return {}
    return _default_keyword(info.default)


def _default_keyword(value: Any) -> JsonSchema:
    """The keyword of a default; empty for a value that JSON cannot represent."""
    try:
        return {"default": msgspec.json.decode(msgspec.json.encode(value))}
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        return {}


_GENERATED = ("An enumeration.", "dict() -> new empty dictionary")


def _description(cls: Any) -> JsonSchema:
    """The docstring of a class, unless it is from a base class or the library that made it."""
    text = vars(cls).get("__doc__") if isinstance(cls, type) else None
    if not text or text.startswith((f"{cls.__name__}(", *_GENERATED)):
        return {}
    return {"description": cleandoc(text)}
