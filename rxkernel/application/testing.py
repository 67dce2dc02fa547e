"""Test an application without a port: definitions, listeners and errors as on the wire."""

from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from multidict import CIMultiDict, MultiDict

from rxkernel.application.application import Application
from rxkernel.events.dispatcher import AsyncEventDispatcher
from rxkernel.exceptions import HttpException, NotFoundException
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.scopes import close_services, current_connection
from rxkernel.kernel.serialization import decode_json, encode_json, to_plain
from rxkernel.messages.connection import Broadcaster, Connection
from rxkernel.messages.request import Request
from rxkernel.messages.request_id import event_request_id, given_request_id
from rxkernel.messages.response import Response
from rxkernel.messages.transport import Transport
from rxkernel.messages.upload import UploadedFile
from rxkernel.routing.definitions import HttpDefinition
from rxkernel.servers.body_limits import BodyLimits, check_fields, check_form_size, check_size
from rxkernel.servers.events import ConnectionEvent, ServerEvents


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

    What the wire would do to a request is done here too: a body goes through JSON, bodies and
    forms through their limits, path parameters through their converters, and the terminate phase
    has run when a call returns.
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
        form: Mapping[str, str] | None = None,
        files: Mapping[str, UploadedFile | Sequence[UploadedFile]] | None = None,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
    ) -> Response:
        """Answer route *name*; *params* hold path and query, *body* is JSON, or bytes as they are,
        also from an async iterable.

        Raises:
            KeyError: there is no such route. ValueError: a path parameter is missing.
        """
        kernel = await self._kernel()
        definition = kernel.http_definitions[name]
        given = CIMultiDict(headers or {})
        if body is not None and not isinstance(body, bytes | AsyncIterable):
            given.setdefault("Content-Type", "application/json")
        request = Request(Transport.HTTP, given, cookies=cookies)
        request.method = definition.method
        request.id = given_request_id(request.headers, self._id_header)
        limits = BodyLimits.of(definition, self.application.settings.http)
        try:
            _fill_params(request, definition, params or {}, form or {})
            if form is not None or files is not None:
                _fill_form(request, limits, form or {}, files or {})
            else:
                await _fill_body(request, limits, body)
        except HttpException as exc:
            return self._marked(request, await kernel.fail(request, exc))
        return await self._finish(kernel, request, await kernel.answer(definition, request))

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
        return await self._finish(kernel, request, await kernel.answer(definition, request))

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


async def _fill_body(request: Request, limits: BodyLimits, body: Any) -> None:
    is_raw = isinstance(body, bytes | AsyncIterable)
    pieces = _pieces(body if is_raw or body is None else encode_json(body))
    if limits.is_streamed:
        request.source = _limited(pieces, limits.total)
        return
    request.raw_body = b"".join([piece async for piece in _limited(pieces, limits.memory)])
    if body is not None:
        request.body = request.raw_body if is_raw else decode_json(request.raw_body)


async def _pieces(body: bytes | AsyncIterable[bytes] | None) -> AsyncIterator[bytes]:
    if isinstance(body, AsyncIterable):
        async for piece in body:
            yield piece
    elif body:
        yield body


async def _limited(pieces: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    size = 0
    async for piece in pieces:
        check_size(size := size + len(piece), limit)
        yield piece


def _fill_form(
    request: Request,
    limits: BodyLimits,
    form: Mapping[str, str],
    files: Mapping[str, UploadedFile | Sequence[UploadedFile]],
) -> None:
    for name, given in files.items():
        for file in [given] if isinstance(given, UploadedFile) else given:
            check_size(file.size, limits.file, "a file")
            request.files.add(name, file)
    fields = sum(len(name.encode()) + len(value.encode()) for name, value in form.items())
    check_fields(len(form) + len(request.files), limits)
    check_form_size(fields, limits)
    check_size(fields + sum(file.size for file in request.files.values()), limits.total)
    request.body = MultiDict(form)


def _fill_params(
    request: Request,
    definition: HttpDefinition,
    params: Mapping[str, Any],
    form: Mapping[str, str],
) -> None:
    path = definition.template.convert(params)
    if path is None:
        raise NotFoundException
    query = {name: str(value) for name, value in params.items() if name not in path}
    request.url = definition.template.format(**path)
    request.params = MultiDict([*path.items(), *query.items(), *form.items()])
