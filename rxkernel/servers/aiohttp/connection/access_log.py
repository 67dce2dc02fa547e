"""The access log of HTTP: aiohttp calls it after each response."""

import logging
from collections.abc import Awaitable, Callable, Coroutine
from time import perf_counter
from typing import Any, cast

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from rxkernel.messages.connection import ClientAddress
from rxkernel.routing.definitions import Definition
from rxkernel.servers.access_log import GONE, level_for, logger
from rxkernel.servers.aiohttp.connection.request_handler import RequestHandler
from rxkernel.servers.aiohttp.request.request_id_header import (
    NativeRequestIdHeader,
    kernel_request,
)
from rxkernel.servers.aiohttp.request.rewritten import SENT_TARGET
from rxkernel.servers.http.access_log import log_request
from rxkernel.servers.http.forwarded import ForwardedHeaders

FAST_PATH_DURATION = web.RequestKey("rxkernel.fast_path_duration", float)
"""Seconds for which the fast path handled a request before aiohttp did."""

IS_LOGGED = web.RequestKey("rxkernel.is_logged", bool)
"""Whether the fast path has logged a request before aiohttp handled it."""


class HttpAccessLog(logging.LoggerAdapter[logging.Logger]):
    """Passes the settings of an `AccessLogger` through the one logger that aiohttp gives it."""

    def __init__(self, ids: NativeRequestIdHeader, forwarded: ForwardedHeaders) -> None:
        super().__init__(logger)
        self.ids = ids
        self.forwarded = forwarded


class AccessLogger(AbstractAccessLogger):
    """Logs one line for each request; for a WebSocket, when it has been closed."""

    @property
    def enabled(self) -> bool:
        return self.logger.isEnabledFor(logging.INFO)

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        access_log = self.logger
        assert isinstance(access_log, HttpAccessLog)
        if IS_LOGGED in request:
            return
        status = response.status if _is_complete(response) else GONE
        log_request(
            request,
            request.get(SENT_TARGET),
            _route_name(request),
            _client(request, access_log.forwarded),
            access_log.ids.id_of(request),
            status,
            time + request.get(FAST_PATH_DURATION, 0.0),
            _size(request, response),
            level_for(_definition(request), status),
        )


def line_logger(access_log: HttpAccessLog) -> AccessLogger:
    """Return an `AccessLogger` for *access_log*, as aiohttp creates it; aiohttp declares the
    parameter as a `Logger`."""
    return AccessLogger(cast(logging.Logger, access_log), "")


class TimedRequestHandler(RequestHandler):
    """A `RequestHandler` that measures durations with a precise clock.

    aiohttp uses the clock of the event loop. With uvloop it has a resolution of a millisecond and
    does not advance during an iteration of the loop.
    """

    __slots__ = ()

    def _handle_request(
        self,
        request: web.BaseRequest,
        start_time: float | None,
        request_handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
    ) -> Coroutine[Any, Any, tuple[web.StreamResponse, bool]]:
        return super()._handle_request(request, perf_counter(), request_handler)

    def log_access(
        self, request: web.BaseRequest, response: web.StreamResponse, time: float | None
    ) -> None:
        access_logger = self.access_logger
        if time is not None and access_logger is not None and access_logger.enabled:
            access_logger.log(request, response, perf_counter() - time)


def _definition(native: web.BaseRequest) -> Definition | None:
    request = kernel_request(native)
    return None if request is None else request.definition


def _route_name(native: web.BaseRequest) -> str | None:
    """The name of the kernel's route; for a native route its name or path."""
    if (request := kernel_request(native)) is not None:
        return request.route_name
    # the property `match_info` raises for a request that could not be parsed
    match_info = getattr(native, "_match_info", None)
    if match_info is None or match_info.route.resource is None:
        return None
    name: str = match_info.route.name or match_info.route.resource.canonical
    return name


def _client(native: web.BaseRequest, forwarded: ForwardedHeaders) -> ClientAddress | None:
    """The address of the client, also after the connection was closed."""
    if (request := kernel_request(native)) is not None:
        return request.client
    if isinstance(native, web.Request) and (client := forwarded.client(native)) is not None:
        return client
    return None if native.remote is None else ClientAddress(native.remote, 0)


def _is_complete(response: web.StreamResponse) -> bool:
    """Whether *response* was sent completely: aiohttp sets the byte count at the end."""
    return response.body_length > 0 or response.status == GONE or _is_websocket(response)


def _size(request: web.BaseRequest, response: web.StreamResponse) -> int | None:
    """The size of *response*. aiohttp does not count the bytes sent with sendfile, so
    ``Content-Length`` is used if it is larger."""
    if _is_websocket(response) or not _is_complete(response):
        return None
    declared = 0 if request.method == "HEAD" else response.content_length or 0
    return max(response.body_length, declared)


def _is_websocket(response: web.StreamResponse) -> bool:
    return isinstance(response, web.WebSocketResponse)
