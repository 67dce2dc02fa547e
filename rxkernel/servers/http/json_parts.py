"""The parts of a multipart form that are JSON: values in a form, beside its files."""

from typing import Any

from rxkernel.exceptions import BadRequestException, UnsupportedMediaTypeException
from rxkernel.kernel.binding.schema_reader import read_schema
from rxkernel.kernel.serialization import read_json
from rxkernel.messages.media_type import ContentType
from rxkernel.routing.annotations import field_keys, is_model
from rxkernel.routing.signature import Parameter, Signature, Source

_NO_FILE_NAMES = (None, "", "blob")
"""The file names of a part that is not a file. A browser sends ``blob`` for a Blob of FormData
(XMLHttpRequest Standard, "create an entry"), and a Blob is the only way to a part with a type."""

_SHOWN = 50


class JsonParts:
    """Selects the parts that are read as JSON on one route, and reads them."""

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self._is_exact = signature.is_exact
        self._files: frozenset[str] | None = None
        self._values: frozenset[str] = frozenset()

    def is_value(self, name: str, filename: str | None, content_type: ContentType | None) -> bool:
        """Whether a part is a value as JSON. An upload of the action is a file, whatever its type;
        without a parameter or a field of its name, the file name decides."""
        if content_type is None or not content_type.is_json:
            return False
        if filename is None:
            return True
        if self._files is None:
            self._read_names()
        if name in (self._files or ()):
            return False
        return name in self._values or filename in _NO_FILE_NAMES

    def _read_names(self) -> None:
        parameters = self._signature.parameters
        self._files = frozenset(p.key for p in parameters if p.source is Source.FILE)
        self._values = frozenset(name for p in parameters for name in _names_of(p))

    def read(self, name: str, raw: bytes, content_type: ContentType) -> Any:
        """Return the value of a part.

        Raises:
            BadRequestException: it is not valid JSON, or nested too deeply (400).
            UnsupportedMediaTypeException: it is not encoded in UTF-8 (415).
        """
        if content_type.charset() not in ("utf-8", "ascii"):
            raise UnsupportedMediaTypeException("JSON must be encoded in UTF-8")
        try:
            return read_json(raw, exact=self._is_exact)
        except ValueError as exc:
            raise BadRequestException(
                f"the part {name[:_SHOWN]!r} is not valid JSON: {exc}"
            ) from exc


def _names_of(parameter: Parameter) -> tuple[str, ...]:
    """The names of the parts that can fill *parameter*."""
    if parameter.source is Source.PARAMS:
        is_class = is_model(parameter.type) and not parameter.is_converted
        return field_keys(parameter.type) if is_class else (parameter.key,)
    if parameter.source is not Source.BODY:
        return ()
    if parameter.key:
        return (parameter.key,)
    return (parameter.name, *read_schema(parameter.type).inputs)
