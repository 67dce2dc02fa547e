"""The content of a response as bytes, in the form that the client prefers."""

from typing import Any

from rxkernel.kernel.serialization import encode_json
from rxkernel.messages.content_types import BYTES
from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.negotiation import JSON, RequestHeaders, encode_negotiated

_AS_IT_IS = (str, bytes, bytearray, memoryview)


def encode_content(
    content: Any, content_type: str | None, headers: RequestHeaders | None = None
) -> tuple[bytes, str | None]:
    """The bytes of *content*, and their type where none was given.

    None is no content, str is text in UTF-8, bytes are sent as they are. All else is JSON, or
    MessagePack where no type was given and the client that sent *headers* prefers it.
    """
    if content is None:
        return b"", content_type
    if isinstance(content, _AS_IT_IS):
        if isinstance(content, str):
            return content.encode(), _text_type(content_type)
        return bytes(content), content_type or BYTES
    if headers is None or content_type is not None or hdrs.ACCEPT not in headers:
        return encode_json(content), content_type or JSON
    return encode_negotiated(headers, content)


def _text_type(given: str | None) -> str:
    if given is None:
        return "text/plain; charset=utf-8"
    if given.startswith("text/") and "charset" not in given.lower():
        return f"{given}; charset=utf-8"
    return given
