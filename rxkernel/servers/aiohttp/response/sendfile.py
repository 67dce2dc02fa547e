"""``sendfile`` to the client of a transport, the same under asyncio and uvloop.

uvloop has no ``loop.sendfile``, and asyncio's would not notice that its transport was
aborted. A loop lets nobody watch the socket of its own transport, so a duplicate is watched;
it stays valid, and ours to close, whatever happens to the transport meanwhile.
"""

import asyncio
import errno
import os
from contextlib import suppress
from io import FileIO

from rxkernel.servers.http.files.file_response import FileCutShortError

_STEP = 262_144
"""Bytes in one go: a file that is not in memory holds the loop up while they are read."""

_WATCH = 0.25
"""Seconds between two looks at whether our side has closed the connection."""

_UNABLE = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}
_LOST = {errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN}


async def sendfile(transport: asyncio.WriteTransport, file: FileIO, part: range) -> range:
    """Send *part* of *file*, past *transport*, which has nothing more to write itself.

    Returns what is left: nothing, or all where the system cannot copy such a file.

    Raises:
        ConnectionError: the client left, or was cut off.
        FileCutShortError: the file ends before *part* does.
    """
    _raise_if_closed(transport)
    out = os.dup(transport.get_extra_info("socket").fileno())
    try:
        while part:
            try:
                sent = os.sendfile(out, file.fileno(), part.start, min(len(part), _STEP))
            except BlockingIOError:
                await _writable(transport, out)
                continue
            if not sent:
                raise FileCutShortError("the file became shorter while it was sent")
            part = part[sent:]
            await asyncio.sleep(0)  # the others' turn
            _raise_if_closed(transport)
    except OSError as exc:
        if exc.errno in _UNABLE:
            return part
        if exc.errno in _LOST:
            raise ConnectionResetError(exc.strerror) from exc
        raise
    finally:
        os.close(out)
    return part


def _raise_if_closed(transport: asyncio.WriteTransport) -> None:
    if transport.is_closing():
        raise ConnectionResetError("the connection was closed")


async def _writable(transport: asyncio.WriteTransport, out: int) -> None:
    """Wait until the client has taken some, or is gone; the system ends it if it takes none."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_writer(out, ready.set)
    try:
        while not ready.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(ready.wait(), _WATCH)
            _raise_if_closed(transport)
    finally:
        loop.remove_writer(out)
