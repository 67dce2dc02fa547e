"""A whole body, decoded as its content type says."""

from rxkernel.exceptions import UnsupportedMediaTypeException
from rxkernel.kernel.messagepack import decode_msgpack
from rxkernel.kernel.serialization import decode_json
from rxkernel.messages.media_type import URLENCODED, ContentType
from rxkernel.messages.request import Request
from rxkernel.servers.http.body_limits import BodyLimits
from rxkernel.servers.http.forms import read_urlencoded


def decode_body(content_type: ContentType, request: Request, limits: BodyLimits) -> None:
    raw = request.raw_body
    if limits.is_raw:
        request.body = raw or None
        return
    if content_type.is_only_json and raw:
        request.body = decode_json(raw, exact=limits.is_exact)
        return
    if content_type.kind == URLENCODED:
        read_urlencoded(content_type.text(raw), request, limits)
        return
    if not raw:
        return
    if content_type.is_json:
        if content_type.charset() not in ("utf-8", "ascii"):
            raise UnsupportedMediaTypeException("JSON is read as UTF-8 only")
        request.body = decode_json(raw, exact=limits.is_exact)
    elif content_type.is_msgpack:
        request.body = decode_msgpack(raw)
    elif content_type.kind.startswith("text/"):
        request.body = content_type.text(raw)
    else:
        request.body = raw
