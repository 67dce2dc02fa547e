"""Sends a stream as packets: Moleculer writes bytes as lists of numbers."""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterator
from typing import Any

MOST_BYTES = 64 * 1024
"""The most bytes in one packet."""

SendPiece = Callable[[int, Any], Awaitable[None]]


async def send_pieces(stream: AsyncIterable[Any], send: SendPiece) -> int:
    """Call ``send(seq, piece)`` for each piece of *stream*, whose ``seq`` begins with 1; return
    that of the last packet, which the caller sends.

    Raises:
        Exception: the stream has failed, or a piece was not sent.
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
        raise TypeError(f"a piece of a stream is a {type(whole).__qualname__}; it must be bytes")
    for begin in range(0, len(whole), MOST_BYTES):
        yield {"type": "Buffer", "data": list(whole[begin : begin + MOST_BYTES])}
