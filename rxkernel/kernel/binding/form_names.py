"""Names of form fields that are paths into a value: ``address[city]``, ``items[0].name``.

Rails, PHP and Symfony write ``a[b]`` and ``a[]``, ASP.NET and Spring ``a.b`` and ``a[0].b``.
"""

import re
from collections.abc import Iterator

from rxkernel.kernel.binding.containers import ArraySchema, MappingSchema, TupleSchema
from rxkernel.kernel.binding.model import ModelSchema
from rxkernel.kernel.binding.scalar import ScalarSchema
from rxkernel.kernel.binding.schema import Schema
from rxkernel.kernel.binding.union import UnionSchema
from rxkernel.kernel.binding.validated import ValidatedSchema
from rxkernel.messages.upload import UploadedFile

MAX_PARTS = 16
"""Most parts of a name. A form with 1000 such names is read in a tenth of a second."""

MAX_INDEX = 999
"""The highest index. Gaps between indexes use no memory."""

_NAME = re.compile(r"([^.\[\]]+)((?:\[[^\[\]]*\]|\.[^.\[\]]+)*)")
_PART = re.compile(r"\[([^\[\]]*)\]|\.([^.\[\]]+)")
_INDEX = re.compile(r"0|[1-9][0-9]{0,2}")
_STRUCTURED = (ModelSchema, MappingSchema, ArraySchema, TupleSchema)


def root_of(name: str) -> str:
    """The first part of *name*."""
    return name.partition("[")[0].partition(".")[0]


def parts_of(name: str) -> list[str]:
    """The parts of *name*; only *name* if it is not a path. The part of ``[]`` is ``""``."""
    found = _NAME.fullmatch(name)
    if found is None:
        return [name]
    return [found[1], *(bracket or dotted for bracket, dotted in _PART.findall(found[2]))]


def is_too_deep(name: str) -> bool:
    """Whether *name* may have more than `MAX_PARTS` parts; faster than `parts_of`."""
    return name.count("[") + name.count(".") >= MAX_PARTS


def is_array(schema: Schema) -> bool:
    """Whether a value of *schema* may be an array with an item for each index."""
    return any(isinstance(part, ArraySchema | TupleSchema) for part in alternatives_of(schema))


def index_of(part: str) -> int | None:
    """*part* as an index; None if it is not an index."""
    return int(part) if _INDEX.fullmatch(part) else None


def schema_at(schema: Schema, part: str) -> Schema | None:
    """The schema of the part called *part*; None if *schema* has no such part."""
    for each in alternatives_of(schema):
        if (found := _schema_at(each, part)) is not None:
            return found
    return None


def _schema_at(schema: Schema, part: str) -> Schema | None:
    if isinstance(schema, ModelSchema):
        field = None if schema.is_array else schema.inputs.get(part)
        return None if field is None else field.schema
    if isinstance(schema, MappingSchema):
        return schema.value
    index = index_of(part)
    if index is None:
        return None
    if isinstance(schema, TupleSchema):
        return schema.items[index] if index < len(schema.items) else None
    return schema.item if isinstance(schema, ArraySchema) else None


def schema_of(schema: Schema, parts: list[str]) -> Schema | None:
    """The schema of the value at *parts*; None if *schema* has no such part."""
    found: Schema | None = schema
    for part in parts:
        if part and found is not None:
            found = schema_at(found, part)
    return found


def alternatives_of(schema: Schema) -> Iterator[Schema]:
    """The members of a union, or *schema* alone; without the rules of `validated_by`."""
    if isinstance(schema, ValidatedSchema):
        return alternatives_of(schema.inner)
    return schema.parts() if isinstance(schema, UnionSchema) else iter((schema,))


def is_structured(schema: Schema) -> bool:
    """Whether values have parts with names or indexes, or are uploads."""
    if is_upload(schema):
        return True
    return any(isinstance(part, _STRUCTURED) for part in alternatives_of(schema))


def is_upload(schema: Schema) -> bool:
    """Whether a value is an upload, or an array of uploads."""
    return any(
        is_upload(part.item)
        if isinstance(part, ArraySchema)
        else isinstance(part, ScalarSchema) and part.type is UploadedFile
        for part in alternatives_of(schema)
    )
