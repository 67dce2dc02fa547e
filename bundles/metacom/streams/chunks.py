"""The binary messages of streams, in both dialects.

Dialect A, npm ``metacom`` 3: the id as 4 bytes, signed, big-endian. Dialect B, version 4: one byte
with the length of the id, and the id in UTF-8. The data follows, up to the end of the message.
"""

from struct import Struct

from bundles.metacom.dialect import Dialect
from rxkernel import BadRequestException

StreamId = int | str
"""The id of a stream: a number in dialect A, text in dialect B."""

_NUMBER = Struct(">i")
_SMALLEST, _GREATEST = -(2**31), 2**31 - 1
_LONGEST = 255


def check_id(id: object, dialect: Dialect) -> StreamId:
    """Return *id* if it is valid in chunks of *dialect*.

    Raises:
        ValueError: *id* is invalid.
    """
    if dialect is Dialect.A:
        if type(id) is not int or not _SMALLEST <= id <= _GREATEST:
            raise ValueError(
                f"the id of a stream must be a whole number of 32 bits, got {id!r:.100}"
            )
        return id
    if type(id) is not str or not 1 <= len(id.encode()) <= _LONGEST:
        raise ValueError(f"the id of a stream must be a text of 1 to 255 bytes, got {id!r:.100}")
    return id


def encode_chunk(id: StreamId, data: bytes, dialect: Dialect) -> bytes:
    """Return the message with *data* for the stream *id*.

    Raises:
        ValueError: *id* is invalid in *dialect*.
    """
    id = check_id(id, dialect)
    if isinstance(id, int):
        return b"%b%b" % (_NUMBER.pack(id), data)
    encoded = id.encode()
    return b"%c%b%b" % (len(encoded), encoded, data)


def decode_chunk(chunk: bytes, dialect: Dialect) -> tuple[StreamId, bytes]:
    """Return the id and the data of *chunk*.

    Raises:
        BadRequestException: it does not begin with a valid id.
    """
    if dialect is Dialect.A:
        if len(chunk) < _NUMBER.size:
            raise BadRequestException("a binary message must begin with a stream id of 4 bytes")
        return _NUMBER.unpack_from(chunk)[0], chunk[_NUMBER.size :]
    start = 1 + chunk[0] if chunk else 1
    if not 1 < start <= len(chunk):
        raise BadRequestException(
            "a binary message must begin with the length and the text of a stream id"
        )
    try:
        return chunk[1:start].decode(), chunk[start:]
    except UnicodeDecodeError:
        raise BadRequestException("the stream id of a binary message must be UTF-8") from None
