"""Header fields of requests to remote services."""

import re
from collections.abc import Mapping
from typing import Any

from bundles.autoload.remote.file_keys import FileKeys
from rxkernel import Allowed

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\U0010ffff]*")
_OF_THE_CONNECTION = frozenset(
    (
        *("accept-encoding", "connection", "content-encoding", "content-length", "expect", "host"),
        *("keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
    )
)
"""Headers that the HTTP client sets itself, in lower case."""

_FIELDS = Allowed(
    "a mapping of header names to texts",
    (Mapping,),
    lambda fields: all(isinstance(part, str) for field in fields.items() for part in field),
)


def read_headers(keys: FileKeys) -> dict[str, str]:
    """Return the ``headers`` of *keys*."""
    fields: Mapping[str, Any] = keys.take("headers", _FIELDS, {})
    for name, value in fields.items():
        if name.lower() in _OF_THE_CONNECTION:
            keys.reject(f"headers.{name}", "is set by the HTTP client; remove it")
        elif not is_header_name(name):
            keys.reject(f"headers.{name!r}", "must be a header name, as in RFC 9110")
        elif not is_header_value(value):
            text = "must be a text without line breaks, other control characters and outer spaces"
            keys.reject(f"headers.{name}", text)
    return dict(fields)


def is_header_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def is_header_value(value: str) -> bool:
    """Whether *value* can be sent: all characters can be encoded, and none ends the field."""
    is_encodable = not any("\ud800" <= character <= "\udfff" for character in value)
    return is_encodable and _VALUE.fullmatch(value) is not None and value == value.strip()
