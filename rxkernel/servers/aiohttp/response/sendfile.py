"""``sendfile`` to the client of a transport, for asyncio and uvloop alike.

uvloop has no ``loop.sendfile``, and asyncio's does not notice that its transport was aborted. An
event loop does not allow a second watcher on the socket of a transport, so a duplicate of the
socket is watched. It stays valid if the transport is closed meanwhile.
"""

import asyncio
import errno
import os
from contextlib import suppress
from io import FileIO

from rxkernel.servers.http.files.file_response import FileCutShortError

_CHUNK_SIZE = 262_144
"""Bytes per call. The call blocks the event loop while the system reads them from the disk."""

_CLOSE_CHECK_INTERVAL = 0.25
"""Seconds between two checks for a connection that the server has closed."""

_UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}
_DISCONNECTED = {
    errno.ETIMEDOUT,
    errno.ENOTCONN,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.ENETDOWN,
}


async def sendfile(transport: asyncio.WriteTransport, file: FileIO, part: range) -> range:
    """Send *part* of *file* on the socket of *transport*, whose write buffer must be empty.

    Returns:
        The unsent rest: empty, or all of *part* if the system does not support ``sendfile`` for
        this file.

    Raises:
        ConnectionError: the connection was closed, by either side.
        FileCutShortError: the file ends before *part* does.
    """
    _raise_if_closed(transport)
    out = os.dup(transport.get_extra_info("socket").fileno())
    try:
        while part:
            try:
                sent = os.sendfile(out, file.fileno(), part.start, min(len(part), _CHUNK_SIZE))
            except BlockingIOError:
                await _wait_until_writable(transport, out)
                continue
            if not sent:
                raise FileCutShortError("the file became shorter while it was sent")
            part = part[sent:]
            await asyncio.sleep(0)  # let other tasks run
            _raise_if_closed(transport)
    except OSError as exc:
        if exc.errno in _UNSUPPORTED:
            return part
        if exc.errno in _DISCONNECTED:
            raise ConnectionResetError(exc.strerror) from exc
        raise
    finally:
        os.close(out)
    return part


def _raise_if_closed(transport: asyncio.WriteTransport) -> None:
    if transport.is_closing():
        raise ConnectionResetError("the connection is closed")


async def _wait_until_writable(transport: asyncio.WriteTransport, out: int) -> None:
    """Wait until the socket accepts more data, or is closed; the send timeout closes it."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_writer(out, ready.set)
    try:
        while not ready.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(ready.wait(), _CLOSE_CHECK_INTERVAL)
            _raise_if_closed(transport)
    finally:
        loop.remove_writer(out)
