"""The ``Content-Type`` of a body or of one part of a form (RFC 9110 §8.3)."""

import codecs
import re
from collections.abc import Mapping
from functools import lru_cache

import attrs

from rxkernel.exceptions import BadRequestException, UnsupportedMediaTypeException
from rxkernel.headers import TOKEN

_KIND = re.compile(rf"[ \t]*({TOKEN}/{TOKEN})")
_PARAMETER = re.compile(
    rf'[ \t]*;[ \t]*(?:({TOKEN})=(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]+)))?', re.ASCII
)
URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
MSGPACK_NAMES = frozenset(
    ("application/msgpack", "application/vnd.msgpack", "application/x-msgpack")
)
"""The first is registered; the others are older."""

_JSON_NAMES = ("application/json", "text/json")
"""The first is registered; the other is older."""

_CHARSETS = {"utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252", "utf-16"}


@attrs.frozen
class ContentType:
    """``kind`` is the media type in lower case, as ``text/plain``; ``is_only_json`` is
    True for JSON without parameters, which most clients send."""

    kind: str
    parameters: Mapping[str, str]
    is_only_json: bool = attrs.field(init=False, repr=False, eq=False)

    @is_only_json.default
    def _is_only_json(self) -> bool:
        return self.kind == "application/json" and not self.parameters

    @property
    def is_json(self) -> bool:
        return self.kind in _JSON_NAMES or self.kind.endswith("+json")

    @property
    def is_msgpack(self) -> bool:
        return self.kind in MSGPACK_NAMES

    def charset(self) -> str:
        """The canonical name of the charset; UTF-8 if it is not given.

        Raises:
            UnsupportedMediaTypeException: it is not supported (415).
        """
        given = self.parameters.get("charset")
        if given is None:
            return "utf-8"
        try:
            name = codecs.lookup(given).name
        except (LookupError, ValueError):
            name = ""
        if name not in _CHARSETS:
            raise UnsupportedMediaTypeException(
                f"charset {given[:40]!r} is not supported; send UTF-8"
            )
        return name

    def text(self, raw: bytes) -> str:
        """Decode *raw* with the charset.

        Raises:
            BadRequestException: *raw* is not valid in the charset (400).
            UnsupportedMediaTypeException: see `charset`.
        """
        charset = self.charset()
        try:
            return raw.decode(charset)
        except UnicodeDecodeError as exc:
            raise BadRequestException(f"the body is not valid {charset}: {exc.reason}") from exc


@lru_cache(256)
def content_type_of(header: str) -> ContentType:
    """Read the value of a ``Content-Type`` header.

    Raises:
        UnsupportedMediaTypeException: it is invalid, or has several media types (415).
    """
    found = _KIND.match(header)
    at = found.end() if found else 0
    parameters: dict[str, str] = {}
    while found and (parameter := _PARAMETER.match(header, at)):
        at = parameter.end()
        name, quoted, plain = parameter.groups()
        if name is not None:
            value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            parameters.setdefault(name.lower(), value)
    if found is None or header[at:].strip(" \t"):
        raise UnsupportedMediaTypeException(f"invalid media type {header[:80]!r}")
    return ContentType(found[1].lower(), parameters)
