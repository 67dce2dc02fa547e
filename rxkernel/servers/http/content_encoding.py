"""Encodes the content of a response as bytes, in the format that the client prefers."""

from typing import Any

from rxkernel.kernel.serialization import encode_json
from rxkernel.messages.content_types import BYTES
from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.negotiation import JSON, RequestHeaders, encode_negotiated

_UNENCODED = (str, bytes, bytearray, memoryview)


def encode_content(
    content: Any, content_type: str | None, headers: RequestHeaders | None = None
) -> tuple[bytes, str | None]:
    """Encode *content*; return the body and its type, which is *content_type* unless that is None.

    None becomes an empty body and str becomes UTF-8. Bytes are not changed. Other values become
    JSON; without a *content_type* they become MessagePack if the client that sent *headers*
    prefers it.
    """
    if content is None:
        return b"", content_type
    if isinstance(content, _UNENCODED):
        if isinstance(content, str):
            return content.encode(), _text_type(content_type)
        return bytes(content), content_type or BYTES
    if headers is None or content_type is not None or hdrs.ACCEPT not in headers:
        return encode_json(content), content_type or JSON
    return encode_negotiated(headers, content)


def _text_type(content_type: str | None) -> str:
    if content_type is None:
        return "text/plain; charset=utf-8"
    if content_type.startswith("text/") and "charset" not in content_type.lower():
        return f"{content_type}; charset=utf-8"
    return content_type
