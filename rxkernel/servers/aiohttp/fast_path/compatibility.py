"""Checks at start the undocumented behaviour of aiohttp that the fast path depends on.

A release outside the tested range may behave differently. Then the server logs one warning, and
aiohttp handles all requests.
"""

import logging
from collections.abc import Callable
from typing import Any

import aiohttp
import multidict
import yarl
from aiohttp import EMPTY_PAYLOAD, HttpVersion11, web
from multidict import CIMultiDictProxy

from rxkernel.messages.disconnect_callbacks import Callback
from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry, HeadLimits
from rxkernel.servers.aiohttp.fast_path.fast_path import FastPath
from rxkernel.servers.aiohttp.fast_path.framing import (
    CHUNKED,
    MALFORMED,
    UPGRADE,
    Message,
    MessageFramer,
    Unframed,
)

logger = logging.getLogger(__name__)

_WITHOUT_BODY = b"GET /a%20b?c=1 HTTP/1.1\r\nHost: h\r\n\r\n"
_WITH_BODY = b"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab"
_CODED = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab"
_CHUNKED_HEAD = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
_WITH_CHUNKS = _CHUNKED_HEAD + b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n"
_UNFRAMED = {
    CHUNKED: _CHUNKED_HEAD,
    UPGRADE: b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    MALFORMED: b"GET / HTTP/1.1\r\nHost h\r\n\r\n",
}


class _Connection:
    """A `ConnectionHandle` without a client."""

    transport = None

    def __init__(
        self, fast_path: FastPath, handler: web.RequestHandler, limits: HeadLimits
    ) -> None:
        self._fast_path = fast_path
        self._handler = handler
        self._limits = limits

    def native(self, message: Message) -> web.Request:
        return self._fast_path.native(self._handler, message)

    def when_disconnected(self, callback: Callback) -> Callback:
        return callback

    def read(self, data: bytes) -> Any:
        """Return the result of a new framer for *data*."""
        return MessageFramer(self, self._fast_path.loop, self._limits).feed(data)


def is_aiohttp_supported(fast_path: FastPath, connections: ConnectionRegistry) -> bool:
    """Whether the installed aiohttp works with *fast_path*. If not, log one warning.

    Call it in a task, because requests are handled in tasks.
    """
    handler = connections.new_handler(web.Server(_unreachable))
    connection = _Connection(fast_path, handler, connections.head_limits)
    for subject, check in _CHECKS.items():
        try:
            check(connection, fast_path)
        except Exception as exc:
            logger.warning(
                "the fast path is off, aiohttp handles all requests: the check of %s failed (%s: "
                "%s) with aiohttp %s, multidict %s and yarl %s; install the releases that "
                "rxkernel requires ('pip check' lists the wrong ones)",
                subject,
                type(exc).__name__,
                exc,
                aiohttp.__version__,
                multidict.__version__,
                yarl.__version__,
                exc_info=exc,
            )
            return False
    return True


class _DifferenceError(Exception):
    """aiohttp works, but not as the fast path expects."""


def _require(name: str, found: object, expected: object) -> None:
    if found != expected:
        raise _DifferenceError(f"{name} is {found!r}, not {expected!r}")


def _check_without_body(connection: _Connection, _: FastPath) -> None:
    message = connection.read(_WITHOUT_BODY)
    _require("the frame", type(message).__name__, Message.__name__)
    _require("method", message.method, "GET")
    _require("path", message.raw_path, "/a%20b?c=1")
    _require("url", message.rel_url.path_qs, "/a b?c=1")
    _require("version", message.version, HttpVersion11)
    _require("the type of the headers", type(message.headers), CIMultiDictProxy)
    _require("the header Host", message.headers.get("HOST"), "h")
    _require("the payload", message.payload, EMPTY_PAYLOAD)
    _require("should_close", bool(message.parsed.should_close), False)


def _check_with_coding(connection: _Connection, _: FastPath) -> None:
    message = connection.read(_CODED)
    _require("body", message.body, b"ab")
    _require("the payload", message.payload.read_nowait(), b"ab")


def _check_with_chunks(connection: _Connection, _: FastPath) -> None:
    message = connection.read(_WITH_CHUNKS)
    _require("the frame", type(message).__name__, Message.__name__)
    _require("body", message.body, b"ab")
    _require("the end of the payload", message.payload.is_eof(), True)


def _check_with_body(connection: _Connection, _: FastPath) -> None:
    message = connection.read(_WITH_BODY)
    _require("the frame", type(message).__name__, Message.__name__)
    _require("body", message.body, b"ab")
    _require("the payload", message.payload.read_nowait(), b"ab")
    _require("the end of the payload", message.payload.is_eof(), True)
    _require("should_close", bool(message.parsed.should_close), True)


def _check_unframed(connection: _Connection, _: FastPath) -> None:
    for reason, data in _UNFRAMED.items():
        (frame, *_) = connection.read(data)
        found = frame.reason if isinstance(frame, Unframed) else type(frame).__name__
        _require("the counter", found, reason)


def _check_native(connection: _Connection, fast_path: FastPath) -> None:
    native = connection.read(_WITH_BODY).native()
    _require("method", native.method, "POST")
    _require("match_info", dict(native.match_info), {"path": ""})
    _require("match_info.route", native.match_info.route, fast_path.route)
    _require("app", native.app, fast_path.engine)
    _require("the app of a clone", native.clone(method="GET").app, fast_path.engine)
    _require("the end of the content", native.content.is_eof(), True)
    _require("writer.output_size", native.writer.output_size, 0)


_CHECKS: dict[str, Callable[[_Connection, FastPath], None]] = {
    "a request without a body": _check_without_body,
    "a request with a body": _check_with_body,
    "a request with a chunked body": _check_with_chunks,
    "a request with a compressed body": _check_with_coding,
    "requests that the fast path leaves to aiohttp": _check_unframed,
    "aiohttp's request object": _check_native,
}


async def _unreachable(native: web.BaseRequest) -> web.StreamResponse:
    raise AssertionError("no request is handled by the check")
