"""The declared return value of an action, and its media types over HTTP."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import attrs
from msgspec import inspect as msgspec_inspect

from rxkernel.exceptions import HttpException
from rxkernel.kernel.json_schemas.scalar_schemas import JsonSchema, literal_schema
from rxkernel.messages.content_types import BYTES
from rxkernel.messages.response import Response

JSON, TEXT = "application/json", "text/plain"

_BYTES = (
    msgspec_inspect.BytesType,
    msgspec_inspect.ByteArrayType,
    msgspec_inspect.MemoryViewType,
)
_NO_CONTENTS: Mapping[str, JsonSchema] = MappingProxyType({})


@attrs.frozen
class Returned:
    """The declared return value of an action.

    Attributes:
        schema: the JSON Schema of its value; None if it returns no value, ``{}`` for any value.
        responses: the classes of responses, such as `FileResponse`.
        exceptions: the classes of exceptions that it may return.
        contents: the schemas of the values, by their media type over HTTP: texts and bytes are not
            sent as JSON. Empty without a value, and for any value.
    """

    schema: JsonSchema | None
    responses: tuple[type[Response], ...] = ()
    exceptions: tuple[type[HttpException], ...] = ()
    contents: Mapping[str, JsonSchema] = _NO_CONTENTS


def media_types(info: Any, schema: JsonSchema) -> Iterator[tuple[str, JsonSchema]]:
    """Yield the media type that HTTP sends values of the type *info* with, and their schema.

    A `Literal` of texts and other values has two.
    """
    while isinstance(info, msgspec_inspect.Metadata):
        info = info.type
    if isinstance(info, _BYTES):
        yield BYTES, {"type": "string", "format": "binary"}
    elif isinstance(info, msgspec_inspect.StrType) or _is_enum_of_texts(info):
        yield TEXT, schema
    elif isinstance(info, msgspec_inspect.LiteralType):
        yield from _of_literal(info.values)
    else:
        yield JSON, schema


def _is_enum_of_texts(info: Any) -> bool:
    """Whether it is an enum such as `enum.StrEnum`: its members are texts themselves."""
    return isinstance(info, msgspec_inspect.EnumType) and issubclass(info.cls, str)


def _of_literal(values: Iterable[Any]) -> Iterator[tuple[str, JsonSchema]]:
    texts = tuple(value for value in values if isinstance(value, str))
    others = tuple(value for value in values if not isinstance(value, str))
    if texts:
        yield TEXT, literal_schema(texts)
    if others:
        yield JSON, literal_schema(others)
