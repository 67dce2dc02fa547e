"""Sends the pieces of a stream as packets. Bytes are lists of numbers there, as in Moleculer."""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterator
from typing import Any

MOST_BYTES = 64 * 1024
"""The maximum number of bytes of a stream in one packet."""

SendPiece = Callable[[int, Any], Awaitable[None]]


async def send_pieces(stream: AsyncIterable[Any], send: SendPiece) -> int:
    """Call ``send(seq, piece)`` for each piece of *stream*, with ``seq`` from 1 on. Return the
    ``seq`` for the last packet of the stream, which the caller sends.

    Raises:
        Exception: the stream has failed, or a piece cannot be sent.
    """
    seq = 0
    async for whole in stream:
        for piece in _parts(whole):
            seq += 1
            await send(seq, piece)
    return seq + 1


def _parts(whole: Any) -> Iterator[Any]:
    if isinstance(whole, str):
        whole = whole.encode()
    if not isinstance(whole, bytes | bytearray | memoryview):
        raise TypeError(
            f"a piece of a stream is a {type(whole).__qualname__}; it must be bytes or text"
        )
    for begin in range(0, len(whole), MOST_BYTES):
        yield {"type": "Buffer", "data": list(whole[begin : begin + MOST_BYTES])}
