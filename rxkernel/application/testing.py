"""A client for tests that needs no port: it runs definitions, listeners and errors as a server
does."""

import re
from collections.abc import Mapping
from contextlib import nullcontext
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from injector import Injector
from multidict import CIMultiDict

from rxkernel.application.application import Application
from rxkernel.application.client_calls import ClientCalls
from rxkernel.application.client_connections import ClientConnections
from rxkernel.application.client_events import find_event, namespace_of
from rxkernel.application.client_requests import Files, SentOverHttp, fill_event, fill_params
from rxkernel.application.client_responses import (
    Write,
    sendable,
    write_acknowledgement,
    write_http,
)
from rxkernel.application.client_rewrites import fill_target, path_in, rewritten
from rxkernel.application.client_settings import ClientSettings
from rxkernel.application.client_streams import ClientStreams
from rxkernel.application.cookie_jar import CookieJar, cookie_header
from rxkernel.application.overrides import Overrides
from rxkernel.application.recording import RecordingConnection
from rxkernel.application.user_tokens import UserTokens
from rxkernel.events.dispatcher import AsyncEventDispatcher
from rxkernel.exceptions import HttpException, RxKernelError
from rxkernel.kernel.contexts import current_context
from rxkernel.kernel.kernel import Kernel
from rxkernel.messages.broadcaster import Broadcaster
from rxkernel.messages.connection import Connection
from rxkernel.messages.request import Request
from rxkernel.messages.request_id import client_request_id, event_request_id
from rxkernel.messages.response import EventStreamResponse, Response, StreamResponse
from rxkernel.messages.transport import Transport
from rxkernel.routing.definitions import Definition, HttpDefinition, ProcedureDefinition
from rxkernel.servers.aiohttp.server import HttpServer
from rxkernel.servers.disconnect_reason import DisconnectReason
from rxkernel.servers.http.body_limits import BodyLimits
from rxkernel.servers.http.post_handlers import PostHandler
from rxkernel.servers.local_backend import LocalBackend

__tracebackhide__ = True  # pytest shows the line of the test instead

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""Not allowed in the value of a header (RFC 9110 §5.5). Bytes that are not UTF-8 are allowed."""


class KernelClient:
    """Calls definitions by name; boots the application on first use.

    A request is processed as by a server: a query is text, a body is encoded with its content
    type, bodies and forms are limited, and path parameters are converted. If a response cannot be
    sent, the client returns the error that would be sent instead. The terminate phase has run when
    a call returns; for a stream it runs when the test has read all of it, calls ``aclose()`` of
    its content, or closes the client.

    Several clients may use one application. Each has its own headers, cookies and connections; a
    broadcast reaches the connections of all. Closing a client stops the application for all.

    Attributes:
        headers: sent with each request and each handshake, unless the call overrides them.
        cookies: sent too. Responses over HTTP set and remove cookies, as in a browser.

    Args:
        overrides: replacements of services of the application, see `Application.boot`.
        options: test options of the bundles of the application, see `Bundle.test_options`.

    Raises:
        TypeError: no bundle of the application has one of *options*.
        RxKernelError: the application is booted already, and there are *options*.
    """

    def __init__(
        self,
        application: Application,
        *,
        overrides: Overrides | None = None,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        self.application = application
        self._settings = ClientSettings(application, options)
        self._settings.apply()  # a test may boot the application itself
        self.headers: CIMultiDict[str] = CIMultiDict(headers or {})
        self.cookies = CookieJar(cookies)
        self._overrides = dict(overrides or {})
        self._calls = ClientCalls(application)
        self._streams = ClientStreams()
        self._connections = ClientConnections(application, self._calls, self._kernel, self._token)
        self._injector: Injector | None = None
        self._user: Any = None

    @property
    def dispatcher(self) -> AsyncEventDispatcher:
        return self.application.dispatcher

    def as_user(self, user: Any) -> Self:
        """Return a client of the same application whose requests and connections act as *user*.

        It has the headers of this client, but its own cookies and connections. *user* is the
        object that the application loads, not its identifier. No credentials are needed: a bundle
        creates the token of *user*, see `UserTokens`.

        Raises:
            TypeError: *user* is None.
        """
        if user is None:
            raise TypeError(
                "as_user(None): the user is missing; without as_user the client is anonymous"
            )
        client = type(self)(self.application, overrides=self._overrides, headers=self.headers)
        client._user = user
        client._settings = self._settings
        return client

    async def load_user(self, identifier: str) -> Any:
        """The user that the application loads for *identifier*, for `as_user`.

        Raises:
            KeyError: the user does not exist.
            RxKernelError: `UserTokens` is not bound.
        """
        await self._kernel()
        user = await self._user_tokens().load(identifier)
        if user is None:
            raise KeyError(f"the application has no user {identifier!r}")
        return user

    def _token(self) -> Any:
        """The token of the user of `as_user`, else None.

        Raises:
            RxKernelError: `UserTokens` is not bound.
        """
        return None if self._user is None else self._user_tokens().token_for(self._user)

    def _user_tokens(self) -> UserTokens:
        injector = self.application.injector
        if not injector.binder.has_explicit_binding_for(UserTokens):
            raise RxKernelError(
                "a client that acts as a user needs a bundle that authenticates messages, such as "
                "security; enable it, or bind UserTokens"
            )
        tokens: UserTokens = injector.get(UserTokens)  # type: ignore[type-abstract]
        return tokens

    async def http(
        self,
        name: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        form: Mapping[str, Any] | None = None,
        files: Files | None = None,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
    ) -> Response:
        """Request route *name*, or a method and path such as ``GET /old`` whose target a rewriter
        changes, see `HttpServer.rewrite`. *params* are path and query parameters. *body* is
        encoded as JSON unless the header ``Content-Type`` names another type; bytes, also from an
        async iterable, are sent unchanged.

        A list or tuple in *params* and *form* is a repeated value; None is omitted.

        Raises:
            KeyError: the route does not exist.
            ValueError: a path parameter is missing, a value cannot be written as text, or a header
                has a line break or another character that servers reject.
        """
        kernel = await self._kernel()
        request = Request(Transport.HTTP, self._headers(headers))
        definition = kernel.http_definitions.get(name)
        if definition is not None:
            request.method, request.route_name = definition.method, name
        elif self._http_server.rewriting.rewriter and (named := path_in(name)) is not None:
            request.method, request.url = named
        else:
            kernel.http_definitions[name]  # raises KeyError
        request.token = self._token()
        request.id = client_request_id(request.headers, self._id_header)
        sent = SentOverHttp(params or {}, body, form, files, cookies or {})
        response = await self._calls.run(self._http(kernel, definition, request, sent))
        self._keep_cookies(request, response)
        return response

    async def _http(
        self,
        kernel: Kernel,
        definition: HttpDefinition | None,
        request: Request,
        sent: SentOverHttp,
    ) -> Response:
        settings = self.application.settings.http
        kernel.begin(request)
        try:
            try:
                self._fill(kernel, definition, request, sent)
            finally:  # a listener may read the cookies of a 404
                self._add_cookies(request.headers, _path_of(request), sent.cookies)
            definition = self._rewritten(kernel, definition, request)
            sent.set_body_loader(request, BodyLimits.of(definition, settings), kernel.serializer)
        except HttpException as exc:
            response = await kernel.fail(request, exc)
        else:
            response = await kernel.answer(definition, request)
        return await self._finish(kernel, request, response, write_http)

    def _fill(
        self,
        kernel: Kernel,
        definition: HttpDefinition | None,
        request: Request,
        sent: SentOverHttp,
    ) -> None:
        """Set the URL and the parameters of *request*. Without a route, its URL is the path."""
        if definition is None:
            fill_target(request, request.url, sent.params, kernel.serializer)
        else:
            prefix = self.application.settings.http.prefix
            fill_params(request, definition, sent.params, prefix, kernel.serializer)

    def _rewritten(
        self, kernel: Kernel, definition: HttpDefinition | None, request: Request
    ) -> HttpDefinition:
        """Return the definition of *request*, which a rewriter may have changed.

        Raises:
            KeyError: *request* has no route, and no rewriter changes it.
            Exception: see `rewritten`.
        """
        rewriting, prefix = self._http_server.rewriting, self.application.settings.http.prefix
        if rewriting.rewriter is not None:
            definition = rewritten(kernel, rewriting, request, prefix) or definition
        if definition is None:
            return kernel.http_definitions[f"{request.method} {request.url}"]
        return definition

    @property
    def _http_server(self) -> HttpServer:
        server = self.application.servers["http"]
        assert isinstance(server, HttpServer)
        return server

    async def post(
        self,
        path: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
    ) -> Response:
        """Request a path of `HttpServer.handle`. *body* is encoded as by `http`.

        Raises:
            KeyError: ``handle`` was not called with *path*.
            ValueError: as `http`.
        """
        kernel = await self._kernel()
        handler = self._http_server.post_handlers.find(path)
        if handler is None:
            raise KeyError(f"no POST handler for {path!r}; HttpServer.handle adds one")
        request = Request(Transport.HTTP, self._headers(headers), url=path)
        request.method = "POST"
        request.token = self._token()
        request.id = client_request_id(request.headers, self._id_header)
        self._add_cookies(request.headers, path, cookies)
        sent = SentOverHttp({}, body, None, None, {})
        response = await self._calls.run(self._post(kernel, handler, request, sent))
        self._keep_cookies(request, response)
        return response

    async def _post(
        self, kernel: Kernel, handler: PostHandler, request: Request, sent: SentOverHttp
    ) -> Response:
        kernel.begin(request)
        limits = BodyLimits.of_bytes(self.application.settings.http)
        sent.set_body_loader(request, limits, kernel.serializer)
        load_body, request.body_loader = request.body_loader, None
        response = await handler.handle(kernel, request, load_body)
        return await self._finish(kernel, request, response, write_http)

    def _keep_cookies(self, request: Request, response: Response) -> None:
        for set_cookie in response.headers.getall("Set-Cookie", ()):
            self.cookies.keep(set_cookie, _path_of(request))

    async def websocket(
        self,
        name: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        connection: Connection | None = None,
    ) -> Response:
        """Send event *name* (``/chat:join`` outside of ``/``) over *connection*, which is
        connected first if necessary. Without *connection*, a client connects for this event only;
        *params* must also have the parameters of its namespace.

        An event without its own route is handled by the route ``*`` of its namespace. An event
        with ``arguments="value"`` gets *body* or *params*, not both; an event with
        ``arguments="list"`` gets the items of *body*, a list.

        Raises:
            KeyError: the event does not exist.
            ValueError: *connection* is in another namespace, a parameter of the namespace is
                missing, or the event takes a list of arguments, and *body* is not a list.
            ConnectionRefusedException: a listener of CONNECTED rejects the client.
            RxKernelError: *connection* has ended.
        """
        kernel = await self._kernel()
        definition, event = find_event(kernel.compiled, name)
        if connection is None:
            namespace, params = namespace_of(definition, params)
            async with self.connection(namespace) as passing:
                return await self.websocket(name, params=params, body=body, connection=passing)
        found = kernel.compiled.namespaces.find(connection.namespace)
        if found is None or found[0] != definition.namespace:
            raise ValueError(
                f"event {name!r} is in the namespace {definition.namespace!r}, the connection in "
                f"{connection.namespace!r}; use client.connection({definition.namespace!r})"
            )
        if isinstance(connection, RecordingConnection):
            await connection.connect()
        request = Request(Transport.SOCKET, connection.headers, connection=connection)
        form = definition.metadata.arguments
        fill_event(request, event, params, body, kernel.serializer, arguments=form)
        return await self._send(kernel, definition, request, write_acknowledgement)

    async def call(
        self,
        transport: Transport | str,
        name: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        connection: Connection | None = None,
    ) -> Response:
        """Call procedure *name* of *transport*, which belongs to a bundle. *headers* override
        those of *connection*, which is connected first if necessary.

        The response is not encoded, so it may be one that the transport cannot send, such as a
        stream.

        Raises:
            KeyError: the transport or the procedure does not exist.
            ValueError: *transport* is HTTP or SOCKET; use `http` or `websocket`.
            ConnectionRefusedException, RxKernelError: as `websocket`.
        """
        kernel = await self._kernel()
        definition = _procedure(kernel, Transport(transport), name)
        given = self._headers(headers, None if connection is None else connection.headers)
        self._add_cookies(given, "/")
        request = Request(definition.transport, given, connection=connection)
        if connection is None:
            request.token = self._token()
        if isinstance(connection, RecordingConnection):
            await connection.connect()
        form = definition.metadata.arguments
        fill_event(request, definition.name, params, body, kernel.serializer, arguments=form)
        return await self._send(kernel, definition, request, None)

    async def _send(
        self, kernel: Kernel, definition: Definition, request: Request, write: Write | None
    ) -> Response:
        given = client_request_id(request.headers, self._id_header)
        request.id = given if request.connection is None else event_request_id(given)
        return await self._calls.run(self._handle(kernel, definition, request, write))

    async def _handle(
        self, kernel: Kernel, definition: Definition, request: Request, write: Write | None
    ) -> Response:
        one = request.connection
        kernel.begin(request)
        async with one.handling() if isinstance(one, RecordingConnection) else nullcontext():
            response = await kernel.answer(definition, request)
            return await self._finish(kernel, request, response, write)

    async def _finish(
        self, kernel: Kernel, request: Request, response: Response, write: Write | None
    ) -> Response:
        size = None
        if write is not None:
            response, size = await sendable(kernel, request, response, write)
        if isinstance(response, StreamResponse | EventStreamResponse):
            stream = self._streams.open(kernel, request, response, current_context())
            response.content = stream
        else:
            kernel.terminate(request, response, size=size)
            await kernel.drain()
        if self._id_header is not None:
            response.headers[self._id_header] = request.id
        return response

    # --- connections

    def connection(
        self,
        namespace: str = "/",
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        auth: Any = None,
    ) -> RecordingConnection:
        """Return a Socket.IO client that records the events that it receives, including
        broadcasts. It connects by ``async with``, by `RecordingConnection.connect` or by its first
        event."""
        given = self._headers(headers)
        self._add_cookies(given, f"{self.application.settings.socketio.path}/")
        return RecordingConnection(
            self._connections, namespace, headers=given, query=query, auth=auth
        )

    # --- headers

    def _headers(
        self, given: Mapping[str, str] | None, own: Mapping[str, str] | None = None
    ) -> CIMultiDict[str]:
        headers = CIMultiDict(self.headers if own is None else own)
        headers.update(given or {})
        for name, value in headers.items():
            if _CONTROL.search(value):
                found = sorted(set(_CONTROL.findall(value)))
                raise ValueError(  # without the value, which may be a credential
                    f"header {name!r} has control characters, which servers reject: "
                    f"{', '.join(map(repr, found))}"
                )
        return headers

    def _add_cookies(
        self, headers: Any, path: str, given: Mapping[str, str] | None = None
    ) -> None:
        """Add the cookies of the jar and *given*, unless the test has set the header itself."""
        cookies = {**self.cookies.sent_to(path), **(given or {})}
        if cookies and "Cookie" not in headers:
            headers["Cookie"] = cookie_header(cookies)

    @property
    def _id_header(self) -> str | None:
        return self.application.settings.request_id_header

    # --- lifecycle

    async def _kernel(self) -> Kernel:
        self._settings.apply()
        injector = await self.application.boot(overrides=self._overrides)
        if injector is not self._injector:
            self._injector = injector
            injector.get(Broadcaster).attach(LocalBackend(self._connections))
            self.application.when_stopping(self._end)
        return self.application.kernel

    async def _end(self) -> None:
        await self._calls.drain(self.application.settings.shutdown_timeout)
        await self._streams.close()
        await self._connections.disconnect_all(DisconnectReason.SHUTDOWN)

    async def close(self) -> None:
        """Wait for running calls, close streams and connections, and stop the application."""
        await self._end()
        await self.application.stop()
        self._settings.restore()

    async def __aenter__(self) -> Self:
        await self._kernel()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()


def _path_of(request: Request) -> str:
    return urlsplit(request.url).path or "/"


def _procedure(kernel: Kernel, transport: Transport, name: str) -> ProcedureDefinition:
    if transport in (Transport.HTTP, Transport.SOCKET):
        method = "http" if transport is Transport.HTTP else "websocket"
        raise ValueError(f"{transport} has no procedures; call client.{method}({name!r})")
    if transport not in kernel.definitions:
        known = ", ".join(kernel.definitions)
        raise KeyError(f"no transport {str(transport)!r}; there is: {known}")
    definition: ProcedureDefinition = kernel.definitions[transport][name]
    return definition
