"""Reads the parts of a multipart form that are JSON."""

from collections.abc import Callable
from typing import Any

from rxkernel.exceptions import BadRequestException, UnsupportedMediaTypeException
from rxkernel.kernel.binding.form_names import (
    alternatives_of,
    is_too_deep,
    is_upload,
    parts_of,
    schema_of,
)
from rxkernel.kernel.binding.schema import Schema
from rxkernel.kernel.binding.schema_reader import read_schema
from rxkernel.kernel.serialization import read_json
from rxkernel.messages.media_type import ContentType
from rxkernel.routing.annotations import is_model, without_none
from rxkernel.routing.signature import Parameter, Signature, Source
from rxkernel.routing.type_support import field_keys

_NO_FILE_NAMES = (None, "", "blob")
"""The file names of a part that is not a file. A browser sends ``blob`` for a Blob of FormData
(XMLHttpRequest Standard, "create an entry")."""

_SHOWN = 50

_Target = Callable[[str], bool | None]
"""Returns True if a part of this name is an upload, False if it is a value, else None."""


class JsonParts:
    """Selects the parts that are read as JSON on one route, and reads them."""

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self._is_exact = signature.is_exact
        self._targets: list[_Target] | None = None

    def is_value(self, name: str, filename: str | None, content_type: ContentType | None) -> bool:
        """Whether a part is a JSON value. An upload of the action is always a file; without a
        parameter or field of its name, the file name decides."""
        if content_type is None or not content_type.is_json:
            return False
        if filename is None:
            return True
        if self._targets is None:
            self._targets = list(map(_target_of, self._signature.parameters))
        found = [takes for target in self._targets if (takes := target(name)) is not None]
        return not any(found) if found else filename in _NO_FILE_NAMES

    def read(self, name: str, raw: bytes, content_type: ContentType) -> Any:
        """Return the value of a part.

        Raises:
            BadRequestException: the part is not valid JSON, or is nested too deeply (400).
            UnsupportedMediaTypeException: the part is not encoded in UTF-8 (415).
        """
        if content_type.charset() not in ("utf-8", "ascii"):
            raise UnsupportedMediaTypeException("JSON must be encoded in UTF-8")
        try:
            return read_json(raw, exact=self._is_exact)
        except ValueError as exc:
            raise BadRequestException(
                f"the part {name[:_SHOWN]!r} is not valid JSON: {exc}"
            ) from exc


def _target_of(parameter: Parameter) -> _Target:
    """Return the function that decides whether *parameter* takes a part as a file or a value."""
    if parameter.source is Source.FILE:
        return {parameter.key: True}.get
    if parameter.source is Source.PARAMS:
        is_class = is_model(parameter.type) and not parameter.is_converted
        names = field_keys(parameter.type, parameter.scalars) if is_class else (parameter.key,)
        return dict.fromkeys(names, False).get
    if parameter.source is Source.BODY:
        schema = read_schema(without_none(parameter.type), scalars=parameter.scalars)
        return _body_target(parameter, schema)
    return lambda _: None


def _body_target(parameter: Parameter, schema: Schema) -> _Target:
    has_fields = any(each.inputs for each in alternatives_of(schema))

    def takes_file(name: str) -> bool | None:
        if is_too_deep(name):
            return None
        parts = parts_of(name)
        if parameter.key:
            found = schema_of(schema, parts[1:]) if parts[0] == parameter.key else None
        else:
            found = schema_of(schema, parts) if has_fields else None
            if found is None and name == parameter.name:
                return False
        return None if found is None else is_upload(found)

    return takes_file
