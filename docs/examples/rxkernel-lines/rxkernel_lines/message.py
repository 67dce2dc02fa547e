"""What goes over the wire: one JSON object on a line, in both directions.

{"id": 1, "call": "stock.price", "params": {"name": "tea"}, "headers": {"From": "ada"}}
{"id": 1, "status": 200, "content": 3}
"""

from typing import Any

import attrs
import msgspec
from rxkernel import (
    BadRequestException,
    ClientAddress,
    Request,
    Response,
    StreamNotSupportedException,
    Transport,
    decode_json,
    encode_json,
)

LINES = Transport("LINES")


@attrs.frozen(kw_only=True)
class Call:
    """One line of a client. The response has the same *id*, which may be left out."""

    id: str | int | None = None
    call: str
    params: dict[str, Any] = attrs.field(factory=dict)
    body: Any = None
    headers: dict[str, str] = attrs.field(factory=dict)

    def request(self, client: ClientAddress) -> Request:
        """The call as the kernel sees every message."""
        return Request(LINES, self.headers, self.params, self.body, url=self.call, client=client)


def read_call(line: bytes) -> Call:
    """Read what a client sent.

    Raises:
        BadRequestException: it is not JSON, or not a call (400).
    """
    try:
        return msgspec.convert(decode_json(line), Call)
    except msgspec.ValidationError as exc:
        raise BadRequestException(f"the line is not a call: {exc}") from exc


def write_response(id: str | int | None, response: Response) -> bytes:
    """Write *response* as a line.

    Raises:
        StreamNotSupportedException: it is a stream or a file, which one line cannot hold.
        TypeError, ValueError, RecursionError: its content has no JSON.
    """
    if response.is_streamed:
        raise StreamNotSupportedException("a stream or a file cannot be sent as one line")
    answer = {"id": id, "status": response.status_code, "content": response.content}
    return encode_json(answer) + b"\n"
