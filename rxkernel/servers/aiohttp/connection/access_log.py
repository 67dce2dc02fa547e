"""What the access log tells of HTTP; aiohttp calls it behind each answer, whoever gave it."""

import logging
from collections.abc import Awaitable, Callable, Coroutine
from time import perf_counter
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from rxkernel.messages.connection import ClientAddress
from rxkernel.servers.access_log import GONE, level_for, logger
from rxkernel.servers.aiohttp.connection.request_handler import RequestHandler
from rxkernel.servers.aiohttp.request.request_ids import NativeRequestIds, kernel_request
from rxkernel.servers.http.access_log import log_request
from rxkernel.servers.http.forwarded import ForwardedHeaders

EARLIER = web.RequestKey("rxkernel.earlier", float)
"""Seconds that a request had been handled before aiohttp began to count them."""


IS_LOGGED = web.RequestKey("rxkernel.is_logged", bool)
"""Whether its line has been written before aiohttp had it."""


class HttpAccess(logging.LoggerAdapter[logging.Logger]):
    """What aiohttp takes as its access log, and hands to an `AccessLines` per connection."""

    def __init__(self, ids: NativeRequestIds, proxies: ForwardedHeaders) -> None:
        super().__init__(logger)
        self.ids = ids
        self.proxies = proxies


class AccessLines(AbstractAccessLogger):
    """Writes one line per request, of a websocket when it has ended."""

    @property
    def enabled(self) -> bool:
        return self.logger.isEnabledFor(logging.INFO)

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        access = self.logger
        assert isinstance(access, HttpAccess)
        if IS_LOGGED in request:
            return
        ours = kernel_request(request)
        log_request(
            request,
            _route(request),
            _client(request, access.proxies),
            access.ids.of(request),
            response.status if _is_whole(response) else GONE,
            time + request.get(EARLIER, 0.0),
            _size(request, response),
            level_for(None if ours is None else ours.definition),
        )


class TimedHandler(RequestHandler):
    """A `RequestHandler` with a finer clock than aiohttp's, which is that of the event loop:
    uvloop's shows milliseconds, and stands during each turn.
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


def _route(request: web.BaseRequest) -> str | None:
    """The name of the kernel's route, else the name or the path of aiohttp's own."""
    if (ours := kernel_request(request)) is not None:
        return ours.route_name
    met = getattr(request, "_match_info", None)  # ``match_info`` fails for what is no request
    if met is None or met.route.resource is None:
        return None
    name: str = met.route.name or met.route.resource.canonical
    return name


def _client(request: web.BaseRequest, proxies: ForwardedHeaders) -> ClientAddress | None:
    """Who sent *request*, also when the connection is gone by now."""
    if (ours := kernel_request(request)) is not None:
        return ours.client
    if isinstance(request, web.Request) and (client := proxies.client(request)) is not None:
        return client
    return None if request.remote is None else ClientAddress(request.remote, 0)


def _is_whole(response: web.StreamResponse) -> bool:
    """Whether the answer was written to its end; aiohttp counts its bytes then, and not before."""
    return response.body_length > 0 or response.status == GONE or _is_websocket(response)


def _size(request: web.BaseRequest, response: web.StreamResponse) -> int | None:
    """sendfile sends what aiohttp does not count."""
    if _is_websocket(response) or not _is_whole(response):
        return None
    told = 0 if request.method == "HEAD" else response.content_length or 0
    return max(response.body_length, told)


def _is_websocket(response: web.StreamResponse) -> bool:
    return isinstance(response, web.WebSocketResponse)
