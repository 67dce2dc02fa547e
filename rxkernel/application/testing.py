"""Test an application without a port: definitions, listeners and errors as on the wire."""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode
from uuid import uuid4

from multidict import CIMultiDict, MultiDict

from rxkernel.application.application import Application
from rxkernel.application.sending import (
    Files,
    body_of,
    fill_body,
    fill_form,
    fill_params,
)
from rxkernel.events.dispatcher import AsyncEventDispatcher
from rxkernel.exceptions import HttpException
from rxkernel.kernel.errors import error_response
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.scopes import close_services, current_connection
from rxkernel.kernel.serialization import to_plain
from rxkernel.kernel.texts import texts_of
from rxkernel.messages.connection import Broadcaster, Connection
from rxkernel.messages.media_type import MULTIPART, URLENCODED
from rxkernel.messages.request import Request
from rxkernel.messages.request_id import event_request_id, given_request_id
from rxkernel.messages.response import (
    EventStreamResponse,
    FileResponse,
    Response,
    StreamResponse,
    close_source,
)
from rxkernel.messages.transport import Transport
from rxkernel.servers.aiohttp.responses import encode_content
from rxkernel.servers.body_limits import BodyLimits
from rxkernel.servers.events import ConnectionEvent, ServerEvents
from rxkernel.servers.files.opening import open_file
from rxkernel.servers.socketio.packet import encode_acknowledgement


class RecordingConnection(Connection):
    """A client of a test: ``emitted`` holds ``(event, args)`` of all that it would receive.

    ``async with`` sends it through CONNECTED and DISCONNECTED; a refusal raises in the test.
    ``answers[event]`` is what it acknowledges to a `call`.
    """

    def __init__(self, client: "KernelClient", namespace: str, **handshake: Any) -> None:
        super().__init__(uuid4().hex, namespace, **handshake)
        self.emitted: list[tuple[str, tuple[Any, ...]]] = []
        self.answers: dict[str, Any] = {}
        self.is_connected = True
        self._client = client
        self._rooms: set[str] = set()

    @property
    def rooms(self) -> frozenset[str]:
        return frozenset(self._rooms)

    async def emit(self, event: str, *args: Any) -> None:
        if self.is_connected:
            self.emitted.append((event, tuple(to_plain(arg) for arg in args)))

    async def call(self, event: str, *args: Any, timeout: float = 60.0) -> Any:
        await self.emit(event, *args)
        if event not in self.answers:
            raise TimeoutError(f"the test's connection has no answer for {event!r}")
        return self.answers[event]

    async def join(self, room: str) -> None:
        self._rooms.add(room)

    async def leave(self, room: str) -> None:
        self._rooms.discard(room)

    async def disconnect(self) -> None:
        if self.is_connected:
            self.is_connected = False
            await self._client.disconnected(self)

    async def __aenter__(self) -> Self:
        await self._client.connected(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.disconnect()


class KernelClient:
    """Calls definitions by name; boots the application on first use.

    What the wire would do to a request is done here too: a query is text, a body goes through
    its content type, bodies and forms through their limits, path parameters through their
    converters. An answer that could not be sent is the error that is sent in its place, and the
    terminate phase has run when a call returns.
    """

    def __init__(self, application: Application) -> None:
        self.application = application
        self._connections: list[RecordingConnection] = []

    @property
    def dispatcher(self) -> AsyncEventDispatcher:
        return self.application.dispatcher

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
        """Answer route *name*; *params* hold path and query, *body* is JSON unless the header
        ``Content-Type`` tells another type, or bytes as they are, also from an async iterable.

        A list or tuple among *params* and *form* is a repeated value, None is left out.

        Raises:
            KeyError: there is no such route. ValueError: a path parameter is missing, or a value
                has no plain text.
        """
        kernel = await self._kernel()
        definition = kernel.http_definitions[name]
        settings = self.application.settings.http
        request = Request(Transport.HTTP, given := CIMultiDict(headers or {}), cookies=cookies)
        request.method, request.route_name = definition.method, name
        request.id = given_request_id(given, self._id_header)
        limits = BodyLimits.of(definition, settings)
        try:
            fill_params(request, definition, params or {}, settings.prefix)
            if files is not None:
                given.setdefault("Content-Type", MULTIPART)
                fill_form(request, limits, texts_of(form or {}, "the field"), files)
            else:
                if form is not None:
                    given.setdefault("Content-Type", URLENCODED)
                    body = urlencode(list(texts_of(form, "the field").items())).encode()
                await fill_body(request, limits, body_of(body, given))
        except HttpException as exc:
            return self._marked(request, await kernel.fail(request, exc))
        response = await kernel.answer(definition, request)
        return await self._finish(kernel, request, await _sent(kernel, request, response))

    async def websocket(
        self,
        name: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        connection: Connection | None = None,
    ) -> Response:
        """Answer event *name* (``/chat:join`` outside ``/``) of *connection*, or of a new one.

        Raises:
            KeyError: there is no such event.
        """
        kernel = await self._kernel()
        definition = kernel.websocket_definitions[name]
        connection = connection or self.connection(definition.namespace)
        request = Request(Transport.SOCKET, connection.headers, connection=connection)
        request.id = event_request_id(given_request_id(connection.headers, self._id_header))
        request.params = MultiDict(to_plain(params or {}))
        request.body = to_plain(body)
        response = await kernel.answer(definition, request)
        return await self._finish(kernel, request, await _sent(kernel, request, response))

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
        """Answer procedure *name* of *transport*, the one of a bundle.

        Raises:
            KeyError: there is no such transport or procedure.
        """
        kernel = await self._kernel()
        definition = kernel.definitions[Transport(transport)][name]
        request = Request(definition.transport, headers, connection=connection)
        request.id = given_request_id(request.headers, self._id_header)
        request.params = MultiDict(to_plain(params or {}))
        request.body = to_plain(body)
        response = await kernel.answer(definition, request)
        return await self._finish(kernel, request, response)

    async def _finish(self, kernel: Kernel, request: Request, response: Response) -> Response:
        kernel.terminate(request, response)
        await kernel.settle()
        return self._marked(request, response)

    @property
    def _id_header(self) -> str | None:
        return self.application.settings.http.request_id_header

    def _marked(self, request: Request, response: Response) -> Response:
        if self._id_header is not None:
            response.headers[self._id_header] = request.id
        return response

    async def _kernel(self) -> Kernel:
        injector = await self.application.boot()
        injector.get(Broadcaster).attach(self)
        return self.application.kernel

    def connection(
        self,
        namespace: str = "/",
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        auth: Any = None,
    ) -> RecordingConnection:
        """A client that records what it would receive, broadcasts included."""
        connection = RecordingConnection(self, namespace, headers=headers, query=query, auth=auth)
        self._connections.append(connection)
        return connection

    async def connected(self, connection: RecordingConnection) -> None:
        await self._kernel()
        await self._dispatch(ServerEvents.CONNECTED, connection)

    async def disconnected(self, connection: RecordingConnection) -> None:
        await self._dispatch(ServerEvents.DISCONNECTED, connection)
        await close_services(connection)

    async def _dispatch(self, event_name: str, connection: RecordingConnection) -> None:
        token = current_connection.set(connection)
        try:
            await self.dispatcher.dispatch(event_name, ConnectionEvent(connection))
        finally:
            current_connection.reset(token)

    async def broadcast(
        self, event: str, args: tuple[Any, ...], room: str | None, namespace: str, skip: set[str]
    ) -> None:
        """Deliver to the recording connections, as a socket server would."""
        for connection in self._connections:
            here = connection.namespace == namespace and connection.id not in skip
            if here and (room is None or room in connection.rooms or room == connection.id):
                await connection.emit(event, *args)

    async def close(self) -> None:
        """Shut the application down."""
        await self.application.stop()

    async def __aenter__(self) -> Self:
        await self._kernel()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()


async def _sent(kernel: Kernel, request: Request, response: Response) -> Response:
    """*response*, or the error that goes in place of one that cannot be sent."""
    if (failure := await _failure(request, response)) is None:
        return response
    await close_source(response)
    response = await kernel.fail(request, failure)
    failure = await _failure(request, response)
    return response if failure is None else error_response(failure)


async def _failure(request: Request, response: Response) -> Exception | None:
    """What the wire would raise while it writes *response*; what is written is dropped."""
    try:
        if request.connection is not None:
            encode_acknowledgement(request.connection.namespace, 0, response)
        elif isinstance(response, FileResponse):
            (await asyncio.to_thread(open_file, response.content, response.root)).close()
        elif not isinstance(response, StreamResponse | EventStreamResponse):
            encode_content(response.content, response.headers.get("Content-Type"))
    except Exception as exc:  # noqa: BLE001 - it is answered, as on the wire
        return exc
    return None
