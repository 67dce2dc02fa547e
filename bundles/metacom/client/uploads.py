"""The streams that the client sends over one connection."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from functools import partial
from typing import Any

import attrs

from bundles.metacom.client.errors import MetacomError
from bundles.metacom.client.packets import ENCODE
from bundles.metacom.dialect import Dialect
from bundles.metacom.streams.chunks import encode_chunk
from bundles.metacom.streams.packets import Status, opening_packet, status_packet

logger = logging.getLogger(__name__)

Data = bytes | bytearray | memoryview
Source = Data | AsyncIterable[Data]

_SMALLEST_CHUNK, _GREATEST_CHUNK = 65_536, 524_288

MAX_WAITING = 100
"""The maximum number of uploads of a connection that wait for a call."""

_CHUNKS = 32
"""Impress confuses the order if more than 41 chunks of a stream wait for its reader."""


@attrs.define(eq=False)
class _Upload:
    """A stream. It is sent when a call has its id; that call raises its errors."""

    id: int
    name: str
    source: Source
    size: int
    error: BaseException | None = None
    call: asyncio.Future[Any] | None = None
    task: asyncio.Task[None] | None = None

    def fail(self, error: Exception) -> None:
        """Let the call raise *error*, or log it if the call has ended."""
        self.error = error
        self.source = b""
        if self.task is not None and self.task is not asyncio.current_task():
            self.task.cancel()
        if self.call is not None and not self.call.done():
            self.call.set_exception(error)
        elif self.call is not None:
            logger.warning("the upload %.100r failed: %s", self.name, error)


class Uploads:
    """Uploads wait for their calls, so that the server knows what to do with the data.

    Args:
        send_text, send_bytes: send a message; they wait while the server does not read.
    """

    def __init__(
        self,
        send_text: Callable[[str], Awaitable[None]],
        send_bytes: Callable[[bytes], Awaitable[None]],
    ) -> None:
        self._send_text = send_text
        self._send_bytes = send_bytes
        self._uploads: dict[int, _Upload] = {}

    async def open(self, id: int, name: str, source: Source, size: int | None) -> None:
        """Announce a stream to the server. If too many wait for a call, the oldest is dropped.

        Raises:
            ConnectionError: the connection was lost.
            TypeError, ValueError: *size* is missing or wrong.
        """
        length = _checked_size(source, size)
        await self._make_room()
        self._uploads[id] = _Upload(id, name, source, length)
        try:
            await self._send_text(opening_packet(id, name, length, ENCODE).decode())
        except BaseException:
            self._uploads.pop(id, None)
            raise

    async def _make_room(self) -> None:
        waiting = [upload for upload in self._uploads.values() if upload.task is None]
        if len(waiting) >= MAX_WAITING:
            oldest = waiting[0]
            del self._uploads[oldest.id]
            if oldest.error is None:
                await self._send_status(oldest, Status.TERMINATE)

    def of(self, args: Any) -> "list[_Upload]":
        """Return the waiting uploads whose ids are in *args*.

        Raises:
            MetacomError: the server has rejected one of them.
        """
        if not self._uploads:
            return []
        found = [self._uploads[id] for id in _numbers(args) if id in self._uploads]
        for upload in found:
            if upload.error is not None:
                del self._uploads[upload.id]
                raise upload.error
        return [upload for upload in found if upload.task is None]

    def start(self, uploads: "list[_Upload]", call: asyncio.Future[Any]) -> None:
        """Send the data of *uploads*, whose ids are in the arguments of *call*."""
        for upload in uploads:
            upload.call = call
            upload.task = asyncio.create_task(self._send(upload))
            for future in (upload.task, call):
                future.add_done_callback(partial(self._forget, upload))

    def fail(self, id: int, error: MetacomError) -> bool:
        """Fail the stream *id*, which the server has rejected. Return whether it exists."""
        upload = self._uploads.get(id)
        if upload is None:
            return False
        upload.fail(error)
        return True

    def stop(self, id: int) -> bool:
        """Stop the stream *id*, which the server has terminated. Return whether it exists."""
        upload = self._uploads.pop(id, None)
        if upload is not None and upload.task is not None:
            upload.task.cancel()
        return upload is not None

    def close(self) -> None:
        """Stop sending, since the connection has ended."""
        for upload in self._uploads.values():
            if upload.task is not None:
                upload.task.cancel()
        self._uploads.clear()

    def _forget(self, upload: _Upload, _: asyncio.Future[Any]) -> None:
        """Forget *upload* when both its call and the sending have ended. Until then, the server
        may reject it."""
        if all(each is not None and each.done() for each in (upload.task, upload.call)):
            self._uploads.pop(upload.id, None)

    async def _send(self, upload: _Upload) -> None:
        status = Status.TERMINATE
        try:
            async with contextlib.aclosing(_pieces(upload)) as pieces:
                async for piece in pieces:
                    await self._send_bytes(encode_chunk(upload.id, piece, Dialect.A))
            status = Status.END
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            upload.fail(RuntimeError(f"the data of the upload {upload.name!r:.100} was cancelled"))
        except Exception as exc:  # noqa: BLE001 - the call raises it
            upload.fail(exc)
        with contextlib.suppress(ConnectionError):
            await self._send_status(upload, status)

    async def _send_status(self, upload: _Upload, status: Status) -> None:
        await self._send_text(status_packet(upload.id, status, ENCODE).decode())


def _is_cancelled() -> bool:
    """Whether the current task itself was cancelled, not another one that it awaits."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _pieces(upload: _Upload) -> AsyncGenerator[bytes, None]:
    sent, size = 0, min(max(-(-upload.size // _CHUNKS), _SMALLEST_CHUNK), _GREATEST_CHUNK)
    async with contextlib.aclosing(_parts(upload.source)) as parts:
        async for data in parts:
            rest = memoryview(data).cast("B")
            sent += len(rest)
            if sent > upload.size:
                raise ValueError(f"the data has more bytes than size={upload.size}")
            while rest:
                yield bytes(rest[:size])
                rest = rest[size:]
    if sent < upload.size:
        raise ValueError(f"the data ended after {sent} bytes, but size={upload.size}")


async def _parts(source: Source) -> AsyncGenerator[Data, None]:
    if isinstance(source, AsyncIterable):
        try:
            async for data in source:
                yield data
        finally:
            if isinstance(source, AsyncGenerator):
                await source.aclose()
    else:
        yield source


def _checked_size(source: Source, size: int | None) -> int:
    if isinstance(source, AsyncIterable):
        if size is None:
            raise TypeError("size is missing; pass the number of bytes of the iterable")
    elif not isinstance(source, bytes | bytearray | memoryview):
        raise TypeError(f"data must be bytes or an async iterable of bytes, not {source!r:.100}")
    elif size is None:
        return memoryview(source).nbytes
    elif size != memoryview(source).nbytes:
        raise ValueError(f"size is {size}, but the data has {memoryview(source).nbytes} bytes")
    if size < 0:
        raise ValueError(f"size must be 0 or more, not {size}")
    return size


def _numbers(value: Any) -> list[int]:
    if type(value) is int:
        return [value]
    if isinstance(value, dict | list):
        items = value.values() if isinstance(value, dict) else value
        return [number for item in items for number in _numbers(item)]
    return []
