"""Websocket frames by hand (RFC 6455, RFC 7692), for a client that needs little processor time."""

import zlib
from functools import cache

MASK = b"\x5a\xa5\x3c\xc3"
DEFLATED = 0x40
CLOSE = 8

_WINDOW_BITS = -15


@cache
def encode(text: str, *, deflated: bool = False) -> bytes:
    """A masked text frame, created once for each text.

    *deflated*: compressed as a browser does it with permessage-deflate. No frame refers to
    another one, which the extension allows, so a frame can be sent again.
    """
    payload, first = text.encode(), 0x81
    if deflated:
        compressor = zlib.compressobj(wbits=_WINDOW_BITS)
        payload = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
        payload, first = payload[:-4], first | DEFLATED
    if len(payload) < 126:
        head = bytes((first, 0x80 | len(payload)))
    else:
        head = bytes((first, 0x80 | 126)) + len(payload).to_bytes(2, "big")
    masked = bytes(byte ^ MASK[place & 3] for place, byte in enumerate(payload))
    return head + MASK + masked


def close() -> bytes:
    """A masked close frame without a reason."""
    return bytes((0x80 | CLOSE, 0x80)) + MASK


def split(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The complete frames of a server in *data*, as ``(first byte, payload)``, and the rest."""
    frames, position, end = [], 0, len(data)
    while end - position >= 2:
        length, start = data[position + 1], position + 2
        if length >= 126:
            start += 2 if length == 126 else 8
            if start > end:
                break
            length = int.from_bytes(data[position + 2 : start], "big")
        stop = start + length
        if stop > end:
            break
        frames.append((data[position], data[start:stop]))
        position = stop
    return frames, data[position:]


class Inflater:
    """Reads the compressed frames of one server."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(_WINDOW_BITS).decompress

    def __call__(self, payload: bytes) -> bytes:
        return self._inflate(payload + b"\x00\x00\xff\xff")
