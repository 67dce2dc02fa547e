"""A body as it comes from the wire: within its limit, its deadline, and the client's patience."""

import asyncio
import logging
from typing import Self

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.http_exceptions import ContentEncodingError

from rxkernel.exceptions import (
    BadRequestException,
    ExpectationFailedException,
    RequestTimeoutException,
    ServiceUnavailableException,
)
from rxkernel.kernel.deadline import client_is_awaited
from rxkernel.servers.http.body_limits import check_size
from rxkernel.settings import HttpSettings

logger = logging.getLogger(__name__)

_LOOK = 1.0
"""Seconds between two looks at whether aiohttp has given up on a body that is waited for."""


class BodyReader:
    """The pieces of a body, decompressed; as an iterator it is what an action gets.

    Nothing is read ahead but aiohttp's own buffer, so a slow reader slows the client down. The
    client has ``body_timeout`` seconds and one more for every ``min_body_rate`` bytes, as with
    Apache's mod_reqtimeout; only the time in which it is waited for counts.
    """

    def __init__(self, native: web.Request, limit: int, settings: HttpSettings) -> None:
        self._native = native
        self._limit = limit
        self._settings = settings
        self._expects = expects_continue(native)
        self._size = 0
        self._waited = 0.0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """As `read`, but a client that left is its bad request: the action is not to blame."""
        try:
            piece = await self.read()
        except ConnectionError as exc:
            logger.debug("client left in mid-body: %r", self._native.raw_path[:200])
            raise BadRequestException("the client left before the end of its body") from exc
        if not piece:
            raise StopAsyncIteration
        return piece

    async def read_all(self) -> bytes:
        """All pieces; raises as `read` does."""
        body = bytearray()  # a list of tiny pieces would take far more than they hold
        while piece := await self.read():
            body += piece
        return bytes(body)

    async def read(self) -> bytes:
        """The next piece, empty at the end.

        Raises:
            PayloadTooLargeException: it is one too many (413).
            RequestTimeoutException: it did not come in time (408).
            BadRequestException: its transfer or content coding is broken (400).
            ServiceUnavailableException: the server stops (503).
            ConnectionError: the client has left.
        """
        if self._expects:
            self._expects = False
            await _continue(self._native)
        while (piece := await self._receive()) is None:
            self._check()
        self._size += len(piece)
        check_size(self._size, self._limit)
        return piece

    async def _receive(self) -> bytes | None:
        """What comes next, None when nothing came for a while."""
        clock, content = asyncio.get_running_loop().time, self._native.content
        started = clock()
        try:
            with client_is_awaited():
                async with asyncio.timeout(min(self._time_left(), _LOOK)):
                    return await content.readany()
        except web.RequestPayloadError as exc:
            raise broken_off(self._native, exc) from exc
        except (Exception, asyncio.CancelledError) as exc:
            if exc is content.exception():
                raise _why_ended(exc) from exc
            if isinstance(exc, TimeoutError):
                return None
            raise
        finally:
            self._waited += clock() - started

    def _time_left(self) -> float:
        """Seconds; what came earns more of them before it is decompressed."""
        earned = self._native.content.total_raw_bytes / self._settings.min_body_rate
        return self._settings.body_timeout + earned - self._waited

    def _check(self) -> None:
        if self._native.protocol._messages:
            # the parser has failed, and aiohttp tells that to the next request instead of this
            raise broken_off(self._native)
        if self._time_left() <= 0:
            give_up(self._native)
            raise RequestTimeoutException("the body did not come in time")


def broken_off(native: web.Request, exc: Exception | None = None) -> BadRequestException:
    """The answer to a body that nobody could read; nothing behind it can be read either."""
    give_up(native)
    return BadRequestException(f"the body cannot be read: {_reason(exc)}")


def _reason(exc: Exception | None) -> str:
    """In a line; aiohttp's own text has several, and a status that is not this one."""
    is_content = isinstance(exc and exc.__cause__, ContentEncodingError)
    return "its content coding is broken" if is_content else "its coding is broken"


def _why_ended(exc: BaseException) -> Exception:
    """What aiohttp ends a body with: the client left, the server stops, or it is all over."""
    if isinstance(exc, asyncio.CancelledError):
        return ServiceUnavailableException("the server stops")
    if isinstance(exc, web.PayloadAccessError):
        return RuntimeError("the request has been answered; its body can be read no more")
    return exc if isinstance(exc, ConnectionError) else ConnectionResetError(str(exc))


def expects_continue(native: web.Request) -> bool:
    """Whether the client waits for ``100 Continue`` before it sends (RFC 9110 §10.1.1).

    Raises:
        ExpectationFailedException: it expects something else (417).
    """
    expected = native.headers.get(hdrs.EXPECT)
    if expected is None or native.version < HttpVersion11:
        return False
    if expected.lower() != "100-continue":
        raise ExpectationFailedException(f"{expected[:40]!r} is not known here")
    return True


async def _continue(native: web.Request) -> None:
    """Ask for the body, unless it is on its way already."""
    writer = native.writer
    if not native.content.total_bytes:
        await writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        writer.output_size = 0  # the answer has not begun, in aiohttp's eyes either


async def leave_to_body(native: web.Request) -> None:
    """For aiohttp, as the ``expect_handler`` of a route: `BodyReader` asks when it reads."""


def leave(native: web.Request) -> None:
    """Say what becomes of the rest of a body, not yet here, now that it has been answered.

    aiohttp reads it for ten seconds, so that the client comes to read the answer. That is
    nothing for one that the client holds back, and dear for one that is compressed: every byte
    of it would be undone.
    """
    is_held_back = hdrs.EXPECT in native.headers and not native.content.total_bytes
    if is_held_back or hdrs.CONTENT_ENCODING in native.headers:
        give_up(native)


def give_up(native: web.Request) -> None:
    """Read no more of the body, and have the connection closed behind the answer."""
    if native.content.exception() is None:
        native.content.set_exception(web.RequestPayloadError("not read to its end"))
    native.content.feed_eof()
