"""The content of a response as bytes, in the form that the client prefers."""

from hashlib import blake2b
from typing import Any

from multidict import CIMultiDict

from rxkernel.kernel.serialization import encode_json
from rxkernel.messages.content_types import BYTES
from rxkernel.messages.entity_tag import entity_tag, of_form
from rxkernel.messages.media_type import MSGPACK_NAMES
from rxkernel.messages.response import Response
from rxkernel.messages.vary import may_be_kept, vary
from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.compression import Compression, compress
from rxkernel.servers.http.negotiation import JSON, RequestHeaders, encode_negotiated
from rxkernel.servers.http.not_modified import is_not_modified, without_body
from rxkernel.servers.http.request_head import RequestHead

_AS_IT_IS = (str, bytes, bytearray, memoryview)


async def encode(
    head: RequestHead, response: Response, compression: Compression | None = None
) -> tuple[int, CIMultiDict[str], bytes]:
    """Status, headers and body of any response but a stream or a file, as *head* asks for it.

    The headers that depend on how it is sent are not among them, such as the length.

    Raises:
        TypeError, ValueError, RecursionError: the content cannot be written.
    """
    headers: CIMultiDict[str] = CIMultiDict(response.headers)
    is_plain = not headers and response.etag_from_body is None
    given = headers.get(hdrs.CONTENT_TYPE)
    body, content_type = encode_content(response.content, given, head.headers)
    if content_type is not None:
        headers[hdrs.CONTENT_TYPE] = content_type
    if content_type in MSGPACK_NAMES and given is None:
        vary(headers, hdrs.ACCEPT)
        if hdrs.ETAG in headers:
            headers[hdrs.ETAG] = of_form(headers[hdrs.ETAG], "msgpack")
    if not is_plain:
        _complete(head, response, headers, body)
    if compression is not None:
        compressor = compression.start(head, response.status_code, headers, len(body))
    if not is_plain and is_not_modified(head, response.status_code, headers):
        return 304, without_body(headers), b""
    if compression is not None and compressor is not None:
        body = await compress(compressor, body, last=True)
    return response.status_code, headers, body


def _complete(
    head: RequestHead, response: Response, headers: CIMultiDict[str], body: bytes
) -> None:
    """Make *headers* true to *body*: its length is aiohttp's to say, but where HEAD has none."""
    if hdrs.CONTENT_LENGTH in headers and (body or head.method != "HEAD"):
        headers.popall(hdrs.CONTENT_LENGTH)
    if hdrs.TRANSFER_ENCODING in headers:
        headers.popall(hdrs.TRANSFER_ENCODING)
    if response.etag_from_body is not None:
        tag = blake2b(body, digest_size=16).hexdigest()
        headers["ETag"] = entity_tag(tag, weak=response.etag_from_body == "weak")
    is_ours = hdrs.CONTENT_TYPE not in response.headers
    if is_ours and headers.get(hdrs.CONTENT_TYPE) == JSON and may_be_kept(headers):
        vary(headers, hdrs.ACCEPT)


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
