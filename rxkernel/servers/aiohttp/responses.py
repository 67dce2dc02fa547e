"""From the kernel's response to aiohttp's, where the body is there as a whole."""

import asyncio
from hashlib import blake2b
from pathlib import Path
from typing import Any

from aiohttp import hdrs, web
from multidict import CIMultiDict

from rxkernel.exceptions import NotFoundException
from rxkernel.kernel.serialization import encode_json
from rxkernel.messages.entity_tag import entity_tag
from rxkernel.messages.response import FileResponse, Response
from rxkernel.servers.aiohttp.compression import Compression, compress
from rxkernel.servers.aiohttp.conditional import is_not_modified, without_body
from rxkernel.servers.aiohttp.negotiation import JSON, encode_negotiated
from rxkernel.servers.aiohttp.vary import may_be_kept, vary


async def native_response(
    native: web.Request, response: Response, compression: Compression | None = None
) -> web.StreamResponse:
    """What aiohttp can send to the client of *native* for any response but a stream.

    Raises:
        NotFoundException: the file of a `FileResponse` is not there.
        TypeError, ValueError, RecursionError: the content cannot be written.
    """
    headers: CIMultiDict[str] = CIMultiDict(response.headers)
    if isinstance(response, FileResponse):
        return await _file(response, headers)
    is_plain = not headers and response.etag_from_body is None
    body = encode_content(native, response.content, headers)
    if not is_plain:
        _complete(native, response, headers, body)
    if compression is not None:
        compressor = compression.start(native, response.status_code, headers, len(body))
    if not is_plain and is_not_modified(native, response.status_code, headers):
        return web.Response(status=304, headers=without_body(headers))
    if compression is not None and compressor is not None:
        body = await compress(compressor, body, last=True)
    return web.Response(body=body, status=response.status_code, headers=headers)


async def _file(response: FileResponse, headers: CIMultiDict[str]) -> web.StreamResponse:
    path: Path = response.content
    if not await asyncio.to_thread(path.is_file):
        raise NotFoundException
    return web.FileResponse(path, status=response.status_code, headers=headers)


def _complete(
    native: web.Request, response: Response, headers: CIMultiDict[str], body: bytes
) -> None:
    """Make *headers* true to *body*: its length is aiohttp's to say, but where HEAD has none."""
    if hdrs.CONTENT_LENGTH in headers and (body or native.method != "HEAD"):
        headers.popall(hdrs.CONTENT_LENGTH)
    if hdrs.TRANSFER_ENCODING in headers:
        headers.popall(hdrs.TRANSFER_ENCODING)
    if response.etag_from_body is not None:
        tag = blake2b(body, digest_size=16).hexdigest()
        headers[hdrs.ETAG] = entity_tag(tag, weak=response.etag_from_body == "weak")
    is_ours = hdrs.CONTENT_TYPE not in response.headers
    if is_ours and headers.get(hdrs.CONTENT_TYPE) == JSON and may_be_kept(headers):
        vary(headers, hdrs.ACCEPT)


def encode_content(native: web.Request, content: Any, headers: CIMultiDict[str]) -> bytes:
    """The bytes of *content*; *headers* say their type, unless they have one.

    None is no content, str is text in UTF-8, bytes are sent as they are, all else is JSON or
    MessagePack, as the client of *native* prefers.
    """
    if content is None:
        return b""
    given = headers.get(hdrs.CONTENT_TYPE)
    if isinstance(content, str):
        headers[hdrs.CONTENT_TYPE] = _text_type(given)
        return content.encode()
    if isinstance(content, bytes | bytearray | memoryview):
        if given is None:
            headers[hdrs.CONTENT_TYPE] = "application/octet-stream"
        return bytes(content)
    if given is not None:
        return encode_json(content)
    body, kind = encode_negotiated(native, content)
    headers[hdrs.CONTENT_TYPE] = kind
    if kind != JSON:
        vary(headers, hdrs.ACCEPT)
    return body


def _text_type(given: str | None) -> str:
    if given is None:
        return "text/plain; charset=utf-8"
    if given.startswith("text/") and "charset" not in given.lower():
        return f"{given}; charset=utf-8"
    return given


def is_gone(native: web.Request) -> bool:
    """Whether the client of *native* has left."""
    return native.transport is None or native.transport.is_closing()
