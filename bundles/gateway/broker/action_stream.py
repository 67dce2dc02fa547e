"""`ActionStream`: the stream that an action of this node returns."""

from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Any

from bundles.gateway.broker.result_stream import ResultStream

End = Callable[[BaseException | None], Awaitable[None]]


class ActionStream(ResultStream):
    """The pieces of a result; text is encoded as UTF-8. The message of the action, and its
    services, end with the stream.

    Args:
        source: the pieces; it is closed at the end if it has ``aclose``.
        end: awaited once, with the exception that ended the stream, or None.
    """

    def __init__(self, source: AsyncIterable[Any], end: End) -> None:
        self._source = source
        self._pieces = aiter(source)
        self._end: End | None = end

    async def __anext__(self) -> bytes:
        if self._end is None:
            raise StopAsyncIteration
        try:
            piece = await anext(self._pieces)
        except StopAsyncIteration:
            await self._close(None)
            raise
        except BaseException as exc:
            await self._close(exc)
            raise
        return piece.encode() if isinstance(piece, str) else bytes(piece)

    async def aclose(self) -> None:
        await self._close(None)

    async def _close(self, failure: BaseException | None) -> None:
        end, self._end = self._end, None
        if end is None:
            return
        try:
            for one in dict.fromkeys((self._pieces, self._source)):
                close = getattr(one, "aclose", None)
                if close is not None:
                    await close()
        finally:
            await end(failure)
