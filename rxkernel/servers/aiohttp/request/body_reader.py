"""Reads the body of an aiohttp request in pieces, with a size limit and a timeout."""

import asyncio
import logging

from aiohttp import HttpVersion11, hdrs, web

from rxkernel.exceptions import (
    BadRequestException,
    ExpectationFailedException,
    RequestTimeoutException,
    ServiceUnavailableException,
)
from rxkernel.kernel.deadline import client_is_awaited
from rxkernel.servers.aiohttp.request.decompressed_body import received_body
from rxkernel.servers.http.body_limits import check_size
from rxkernel.servers.http.piece_reader import PieceReader
from rxkernel.settings import HttpSettings

logger = logging.getLogger(__name__)

_CHECK_INTERVAL = 1.0
"""Seconds of waiting for data after which the timeout is checked."""


class BodyReader(PieceReader):
    """The pieces of a body, decompressed.

    Only aiohttp's own buffer is filled in advance, so an action that reads slowly slows the client
    down. The client has ``http.body_timeout`` seconds, and one more for every
    ``http.min_body_rate`` bytes, like mod_reqtimeout of Apache. Only the time spent waiting for
    the client counts. *limit* is the largest size of a body in bytes, set by *setting*.
    """

    def __init__(
        self, native: web.Request, limit: int, settings: HttpSettings, setting: str
    ) -> None:
        self._native = native
        self._limit = limit
        self._limit_setting = setting
        self._settings = settings
        self._expects_continue = expects_continue(native)
        self._size = 0
        self._waited = 0.0

    async def read(self) -> bytes:
        """The next piece; empty at the end of the body.

        Raises:
            BodyTooLargeException: the body is larger than the limit (413).
            RequestTimeoutException: the client sends too slowly (408).
            BadRequestException: the transfer or content coding is malformed (400).
            ServiceUnavailableException: the server is stopping (503).
            ConnectionError: the client has disconnected.
        """
        if self._expects_continue:
            self._expects_continue = False
            await _send_continue(self._native)
        while (piece := await self._receive()) is None:
            self._check()
        self._size += len(piece)
        check_size(self._size, self._limit, self._limit_setting)
        return piece

    async def _receive(self) -> bytes | None:
        """The next piece; None if no data arrived within the interval."""
        clock, content = asyncio.get_running_loop().time, self._native.content
        started = clock()
        try:
            with client_is_awaited():
                async with asyncio.timeout(min(self._time_left(), _CHECK_INTERVAL)):
                    return await content.readany()
        except web.RequestPayloadError as exc:
            raise unreadable_body(self._native, exc) from exc
        except (Exception, asyncio.CancelledError) as exc:
            if exc is received_body(self._native).exception():
                raise _translate(exc) from exc
            if isinstance(exc, TimeoutError):
                return None
            raise
        finally:
            self._waited += clock() - started

    def _time_left(self) -> float:
        """Seconds until the timeout. Data extends it by its size before decompression."""
        extension = received_body(self._native).total_bytes / self._settings.min_body_rate
        return self._settings.body_timeout + extension - self._waited

    def _check(self) -> None:
        if self._time_left() <= 0:
            abort_body(self._native)
            raise RequestTimeoutException("the body did not arrive in time")


def disconnected_in_body(native: web.Request) -> BadRequestException:
    """Return the error for a client that has disconnected, which must not be logged as an error of
    the action."""
    logger.debug("client disconnected in mid-body: %r", native.raw_path[:200])
    return BadRequestException("the client disconnected before the end of its body")


def unreadable_body(native: web.Request, exc: Exception | None = None) -> BadRequestException:
    """Return the error for the client, and abort the body unless only its coding is malformed.

    The end of any other body is unknown, so the connection cannot be used for further requests.
    aiohttp's own text is not sent: it has several lines, and names a different status.
    """
    if exc is not None and isinstance(exc.__cause__, BadRequestException):
        return exc.__cause__
    abort_body(native)
    return BadRequestException("the body is malformed")


def _translate(exc: BaseException) -> Exception:
    """The exception for the reader of a body that aiohttp has ended with *exc*."""
    if isinstance(exc, asyncio.CancelledError):
        return ServiceUnavailableException("the server is stopping")
    if isinstance(exc, web.PayloadAccessError):
        return RuntimeError("the body cannot be read after the response was sent")
    return exc if isinstance(exc, ConnectionError) else ConnectionResetError(str(exc))


def expects_continue(native: web.Request) -> bool:
    """Whether the client waits for ``100 Continue`` before it sends the body (RFC 9110 §10.1.1).

    Raises:
        ExpectationFailedException: the request has another expectation (417).
    """
    expectation = native.headers.get(hdrs.EXPECT)
    if expectation is None or native.version < HttpVersion11:
        return False
    if expectation.lower() != "100-continue":
        raise ExpectationFailedException(f"expectation {expectation[:40]!r} is not supported")
    return True


async def _send_continue(native: web.Request) -> None:
    """Ask the client for the body, unless a part of it has arrived."""
    writer = native.writer
    if not received_body(native).total_bytes:
        await writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        writer.output_size = 0  # aiohttp would take it for the start of the response


async def defer_continue(native: web.Request) -> None:
    """The ``expect_handler`` of aiohttp's route; sends nothing, because `BodyReader` sends
    ``100 Continue`` when the body is read."""


def discard_rest(native: web.Request) -> None:
    """Discard the unread rest of a body, after the response was sent.

    aiohttp reads and drops it for ten seconds, so that the client can read the response. A body
    that the client sends only after ``100 Continue`` is aborted instead.
    """
    if hdrs.EXPECT in native.headers and not received_body(native).total_bytes:
        abort_body(native)


def abort_body(native: web.Request) -> None:
    """Stop reading the body; aiohttp closes the connection after the response."""
    body = received_body(native)
    if body.exception() is None:
        body.set_exception(web.RequestPayloadError("not read to its end"))
    body.feed_eof()
