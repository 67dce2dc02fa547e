"""Encodes the content of a response as bytes, in the format that the client prefers."""

import codecs
from functools import lru_cache
from typing import Any

from rxkernel.exceptions import UnsupportedMediaTypeException
from rxkernel.kernel.serialization import SERIALIZER, Serializer
from rxkernel.messages.content_types import BYTES
from rxkernel.messages.media_type import content_type_of
from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.negotiation import JSON, RequestHeaders, encode_negotiated

_UNENCODED = (str, bytes, bytearray, memoryview)
_PLAIN = frozenset(_UNENCODED)


def encode_content(
    content: Any,
    content_type: str | None,
    headers: RequestHeaders | None = None,
    serializer: Serializer = SERIALIZER,
) -> tuple[bytes, str | None]:
    """Encode *content*; return the body and its type, by default *content_type*.

    None becomes an empty body, or ``null`` if *content_type* is JSON. A str is encoded in the
    charset of *content_type*, by default UTF-8. Bytes are not changed. Other values become JSON;
    without a *content_type* they become MessagePack if the client that sent *headers* prefers it.

    Raises:
        ValueError: the charset of *content_type* is unknown; *content* is a text that cannot be
            encoded in it; or *content* becomes JSON and the charset is not UTF-8.
        TypeError, RecursionError: JSON cannot represent *content*.
    """
    if content is None:
        return b"null" if content_type == JSON else b"", content_type
    if isinstance(content, _UNENCODED) and (
        type(content) in _PLAIN or serializer.encode_scalar(content) is content
    ):
        if isinstance(content, str):
            if content_type is None:
                return content.encode(), "text/plain; charset=utf-8"
            charset, kind = text_type(content_type)
            if charset == "utf-8":
                return content.encode(), kind
            try:
                return content.encode(charset), kind
            except UnicodeEncodeError as exc:
                raise unencodable(exc) from exc
        return bytes(content), content_type or BYTES
    if content_type is not None:
        check_json_type(content_type)
    if headers is None or content_type is not None or hdrs.ACCEPT not in headers:
        return serializer.encode_json(content), content_type or JSON
    return encode_negotiated(headers, content, serializer)


@lru_cache(256)
def text_type(content_type: str) -> tuple[str, str]:
    """Return the charset in which to encode a text with *content_type*, and the type to send.

    Raises:
        ValueError: the charset is unknown.
    """
    if "charset" not in content_type.lower():
        is_text = content_type.lower().startswith("text/")
        return "utf-8", f"{content_type}; charset=utf-8" if is_text else content_type
    try:
        charset = content_type_of(content_type).parameters.get("charset", "utf-8")
        "".encode(charset)
        return codecs.lookup(charset).name, content_type
    except (UnsupportedMediaTypeException, LookupError, ValueError) as exc:
        raise ValueError(
            f"Content-Type is {content_type[:80]!r}, whose charset is unknown; use charset=utf-8"
        ) from exc


@lru_cache(256)
def check_json_type(content_type: str) -> None:
    """Check that *content_type*, if it is JSON, has the charset UTF-8 or none (RFC 8259 §8.1).

    Raises:
        ValueError: it is JSON with another charset.
    """
    charset, _ = text_type(content_type)
    if charset != "utf-8":
        raise ValueError(
            f"Content-Type is {content_type[:80]!r}, but JSON is sent in UTF-8 (RFC 8259); remove "
            f"the charset, or return a str or bytes"
        )


def unencodable(exc: UnicodeEncodeError) -> ValueError:
    """Return the error for a text that the charset of its Content-Type cannot represent."""
    return ValueError(
        f"the text has {exc.object[exc.start]!r} at position {exc.start}, which its charset "
        f"{exc.encoding} cannot represent; use charset=utf-8 in Content-Type"
    )
