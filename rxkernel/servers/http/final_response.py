"""Encodes the last response of a connection, which may not have a request."""

from email.utils import formatdate
from http import HTTPStatus

from multidict import CIMultiDict

from rxkernel.kernel.serialization import SERIALIZER, Serializer
from rxkernel.messages.content_types import BYTES
from rxkernel.messages.response import Response
from rxkernel.servers.http.content_encoding import encode_content


def encode_final_response(response: Response, serializer: Serializer = SERIALIZER) -> bytes:
    """Encode *response* as HTTP/1.1 with ``Connection: close``.

    Raises:
        TypeError, ValueError: the content cannot be encoded.
    """
    given = response.headers.get("Content-Type")
    body, content_type = encode_content(response.content, given, None, serializer)
    headers: CIMultiDict[str] = CIMultiDict(response.headers)
    headers["Content-Type"] = content_type or BYTES
    headers["Content-Length"] = str(len(body))
    headers["Date"] = formatdate(usegmt=True)
    headers["Connection"] = "close"
    lines = [f"HTTP/1.1 {response.status_code} {HTTPStatus(response.status_code).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
