"""``sendfile`` to the client of a transport, the same under asyncio and uvloop.

uvloop has no ``loop.sendfile``, and asyncio's would not notice that its transport was
aborted. A loop lets nobody watch the socket of its own transport, so a duplicate is watched;
it stays valid, and ours to close, whatever happens to the transport meanwhile.
"""

import asyncio
import errno
import fcntl
import os
import struct
import termios
from contextlib import suppress
from io import FileIO

from rxkernel.servers.files.answer import FileCutShortError

_STEP = 262_144
"""Bytes in one go: a file that is not in memory holds the loop up while they are read."""

_WATCH = 0.25
"""Seconds between two looks at a client that takes nothing just now."""

_UNABLE = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}
_LOST = {errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN}


async def sendfile(
    transport: asyncio.WriteTransport, file: FileIO, part: range, patience: float
) -> range:
    """Send *part* of *file*, past *transport*, which has nothing more to write itself.

    Returns what is left: nothing, or all where the system cannot copy such a file.

    Raises:
        ConnectionError: the client left, or took nothing for *patience* seconds.
        FileCutShortError: the file ends before *part* does.
    """
    _raise_if_closed(transport)
    out = os.dup(transport.get_extra_info("socket").fileno())
    try:
        while part:
            try:
                sent = os.sendfile(out, file.fileno(), part.start, min(len(part), _STEP))
            except BlockingIOError:
                await _writable(transport, out, patience)
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


async def _writable(transport: asyncio.WriteTransport, out: int, patience: float) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(out, ready.set)
    waiting, end = _waiting(out), loop.time() + patience
    try:
        while not ready.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(ready.wait(), min(_WATCH, patience))
            _raise_if_closed(transport)
            if (now := _waiting(out)) < waiting:
                waiting, end = now, loop.time() + patience
            elif loop.time() >= end and not ready.is_set():
                transport.abort()
                raise ConnectionAbortedError(f"the client took nothing for {patience:g} s")
    finally:
        loop.remove_writer(out)


def _waiting(out: int) -> int:
    """Bytes that the system holds because the client has not taken them (tcp(7), SIOCOUTQ).

    The socket is not writable again before a third of them is gone; that may take a slow
    client longer than it is given to take anything.
    """
    waiting: int = struct.unpack("i", fcntl.ioctl(out, termios.TIOCOUTQ, bytes(4)))[0]
    return waiting
