"""Handles a request from its head to the kernel's response, for the fast path and aiohttp's path.

Each path reads the bytes, calls `receive`, `find` and `start`, and sends the response.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from time import perf_counter
from typing import Any

import attrs
from multidict import MultiDict

from rxkernel.exceptions import (
    ForbiddenException,
    HttpVersionNotSupportedException,
    MethodNotAllowedException,
    NotFoundException,
)
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.scopes import current_request
from rxkernel.messages.connection import ClientAddress
from rxkernel.messages.request import Request, received_request
from rxkernel.messages.response import Response
from rxkernel.messages.transport import Transport
from rxkernel.routing.definitions import HttpDefinition
from rxkernel.routing.metadata import METHODS
from rxkernel.servers.http.allowed_hosts import HostPolicy
from rxkernel.servers.http.cors import CorsPolicy, is_preflight
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.http.post_handlers import POST_METHODS, PostHandler, PostHandlers
from rxkernel.servers.http.request_head import RequestHead
from rxkernel.servers.http.request_id_header import RequestIdHeader
from rxkernel.servers.limits import LimitCounters

_HTTP = Transport.HTTP

REJECTED_METHODS = frozenset(("CONNECT", "TRACE"))
"""CONNECT is for proxies; TRACE would show scripts secret headers (RFC 9110 §9.3.8)."""

ALL_METHODS = ", ".join(sorted(METHODS))
"""``Allow`` for a target without a path."""

SERVER_WIDE = "*"
"""The target of an OPTIONS request about the server itself (RFC 9110 §9.3.7)."""

UNSUPPORTED_VERSION = "unsupported HTTP version; use HTTP/1.0 or 1.1"

LoadBody = Callable[[Request, HttpDefinition | None], Awaitable[None]]
"""Reads a body into the request and decodes it, with the limits of the definition. Without a
definition, for a `PostHandler`, the body is not decoded."""


@attrs.frozen
class OptionsResponse:
    """A response of the server itself to OPTIONS, with 204 and *headers*."""

    headers: dict[str, str]


RouteResult = tuple[HttpDefinition, dict[str, Any]] | PostHandler | OptionsResponse | Exception
"""A definition with the parameters of its path, a handler of a bundle, or the response or error
for a request without either."""


@attrs.frozen(eq=False, kw_only=True)
class HttpPipeline:
    """Checks version, method, host and prefix, finds the route, and calls the kernel."""

    kernel: Kernel
    prefix: str
    ids: RequestIdHeader
    hosts: HostPolicy
    forwarded: ForwardedHeaders
    cors: CorsPolicy
    counters: LimitCounters
    handlers: PostHandlers

    def receive(self, head: RequestHead, peer: ClientAddress | None) -> Request:
        """Return the kernel's request for *head*, received over a connection of *peer*."""
        target, headers = head.raw_path, head.headers
        client = peer
        if self.forwarded.has_proxies:
            client = self.forwarded.client_from(peer, head)
        # listeners compare paths, so an absolute-form is reduced to its path and query
        url = target if target[0] == "/" else _path_and_query(head)
        request = received_request(_HTTP, headers, head.method, url, client)
        if "?" in target:
            request.params = MultiDict(head.rel_url.query)
        if self.ids.name in headers:
            request.id = self.ids.from_headers(headers)
        return request

    def find(self, head: RequestHead) -> RouteResult:
        """Return the route of *head*; never raises, but returns errors."""
        method, target = head.method, head.raw_path
        try:
            if (
                target[0] != "/"
                or not self.hosts.is_open
                or head.version[0] != 1
                or method in REJECTED_METHODS
            ) and (error := self.rejection_for(head)) is not None:
                return error
            if target == SERVER_WIDE and method == "OPTIONS":
                return OptionsResponse({"Allow": ALL_METHODS})
            path = target
            if target[0] != "/" or "?" in target or "#" in target:
                path = head.rel_url.raw_path or "/"
            if self.handlers.all and (handler := self.handlers.find(path)) is not None:
                return self._find_beside(handler, method, path, head)
            if prefix := self.prefix:
                if path != prefix and not path.startswith(prefix + "/"):
                    return NotFoundException()
                path = path[len(prefix) :] or "/"
            router = self.kernel.compiled.http_router
            if method == "OPTIONS" and is_preflight(head):
                return self._preflight(head, router.allowed(path, head))
            found = router.find(method, path, head)
            if found is not None:
                return found
            error = router.error_for(method, path, head)
        except Exception as exc:  # a malformed path, or an error in the application's converter
            return exc
        if method == "OPTIONS" and isinstance(error, MethodNotAllowedException):
            return OptionsResponse(dict(error.headers))
        return error

    def _find_beside(
        self, handler: PostHandler, method: str, path: str, head: RequestHead
    ) -> RouteResult:
        """Return *handler* for POST, or the route of its *path* for another method.

        Raises:
            Exception: raised by a converter of the application.
        """
        if method == "POST":
            return handler
        router, below = self.kernel.compiled.http_router, self._below_prefix(path)
        known = [] if below is None else router.allowed(below, head)
        methods = sorted({*known, *POST_METHODS})
        if method == "OPTIONS" and is_preflight(head):
            return self._preflight(head, methods)
        if below is not None and (found := router.find(method, below, head)) is not None:
            return found
        allow = {"Allow": ", ".join(methods)}
        if method == "OPTIONS":
            return OptionsResponse(allow)
        return MethodNotAllowedException(headers=allow)

    def _below_prefix(self, path: str) -> str | None:
        """Return the part of *path* after `prefix`; None if it does not begin with it."""
        prefix = self.prefix
        if prefix and path != prefix and not path.startswith(prefix + "/"):
            return None
        return path[len(prefix) :] or "/"

    def static_routes(self) -> dict[str, dict[str, RouteResult]]:
        """Return the results of `find` that depend only on method, target and version.

        These are routes without parameters and constraints, and handlers, except for OPTIONS. The
        keys are the method and the target.
        """
        if not self.hosts.is_open:
            return {}
        found: dict[str, dict[str, RouteResult]] = {
            method: {self.prefix + path: (definition, {}) for path, definition in routes.items()}
            for method, routes in self.kernel.compiled.http_router.static_targets().items()
            if method != "OPTIONS"
        }
        if self.handlers.all:
            found.setdefault("POST", {}).update(self.handlers.by_target())
        return found

    def rejection_for(self, head: RequestHead) -> Exception | None:
        """Return the error for a request that no route may handle, not even a native one."""
        if head.version[0] != 1:
            return HttpVersionNotSupportedException(UNSUPPORTED_VERSION)
        if head.method in REJECTED_METHODS:
            return MethodNotAllowedException(headers={"Allow": self._allowed(head)})
        error = self.hosts.rejection_for(head)
        if error is not None:
            host = head.headers.get("Host", "")
            self.counters.record("http.allowed_hosts", f"rejected host {host!r:.100}")
        return error

    def _allowed(self, head: RequestHead) -> str:
        """Return the methods of the path; all methods if the kernel does not have the path."""
        path = head.rel_url.raw_path
        if not head.raw_path.startswith("/") or not path.startswith(self.prefix):
            return ALL_METHODS
        known = self.kernel.compiled.http_router.allowed(path[len(self.prefix) :] or "/", head)
        return ", ".join(known) or ALL_METHODS

    def _preflight(self, head: RequestHead, methods: list[str]) -> OptionsResponse | Exception:
        if not self.cors.allows(head):
            return ForbiddenException("origin not allowed (CORS)")
        if not methods:
            return NotFoundException()
        return OptionsResponse(self.cors.preflight(head, methods))

    def start(
        self, head: RequestHead, request: Request, found: RouteResult, load_body: LoadBody | None
    ) -> Coroutine[Any, Any, Response]:
        """Return the coroutine that responds to *request*; the current context becomes its own.

        If it raises, `recover` returns the response. *load_body* is called after the head phase,
        unless that phase ends the request.
        """
        kernel = self.kernel
        request.received_at = perf_counter()  # as in `Kernel.begin`
        current_request.set(request)
        if kernel.extract is not None:
            kernel.extract(request.headers)
        if not isinstance(found, tuple):
            if isinstance(found, OptionsResponse):
                return kernel.respond(request, Response(None, 204, found.headers))
            if isinstance(found, PostHandler):
                load = None if load_body is None else partial(load_body, request, None)
                return found.handle(kernel, request, load)
            return kernel.fail(request, found)
        definition, values = found
        if values:  # add_path_parameters, inlined
            params: MultiDict[Any] = MultiDict(values)
            if "?" in request.url:
                params.extend(request._params)
            request._params = params
        if load_body is not None:
            request.body_loader = partial(load_body, request, definition)
        return definition.pipeline.handle(request)

    async def recover(self, found: RouteResult, request: Request, exc: BaseException) -> Response:
        """Return the standard error response to *exc*, which the coroutine of `start` raised.

        Raises:
            BaseException: *exc*, if it is the cancellation of the caller's own task.
        """
        if not isinstance(found, tuple):
            raise exc
        return await self.kernel.recover(found[0], request, exc)


def _path_and_query(head: RequestHead) -> str:
    """The path and query of the target of *head*, which is in absolute-form. An empty path becomes
    "/" (RFC 9110 §4.2.3)."""
    url = head.rel_url.raw_path_qs
    return url if head.rel_url.raw_path else f"/{url}"


def add_path_parameters(request: Request, values: Mapping[str, object]) -> None:
    """Add the parameters of the path to *request*, before the parameters of the query."""
    params: MultiDict[Any] = MultiDict(values)
    if "?" in request.url:
        params.extend(request.params)
    request.params = params
