"""Reads the messages of a connection, and handles their packets."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from time import perf_counter
from typing import Any

from bundles.metacom.access_log import log_call
from bundles.metacom.call_handler import CallHandler
from bundles.metacom.compat import profile_of
from bundles.metacom.connection import MetacomConnection
from bundles.metacom.dialect import Dialect, Id
from bundles.metacom.limits import Rate
from bundles.metacom.packets import (
    PING,
    PONG,
    Call,
    callback,
    error_callback,
    id_of,
    read_call,
    read_packet,
    read_valid_call,
)
from bundles.metacom.settings import MetacomSettings
from bundles.metacom.transport import METACOM
from rxkernel import (
    BadRequestException,
    DisconnectReason,
    HttpException,
    Kernel,
    LimitCounters,
    Request,
    Response,
    TooManyRequestsException,
    error_response,
    received_request,
)

logger = logging.getLogger(__name__)

_PONG = PONG.encode()
_POLICY = 1008
_SMALL_CHUNK = 1_024
"""Bytes below which a chunk takes as much time as a packet, so ``max_rate`` limits such chunks."""

CreateTask = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


class Receiver:
    """Handles the messages of all connections of one server."""

    def __init__(
        self,
        kernel: Kernel,
        calls: CallHandler,
        settings: MetacomSettings,
        counters: LimitCounters,
        *,
        logs_access: bool,
    ) -> None:
        self._kernel = kernel
        self._calls = calls
        self._settings = settings
        self._counters = counters
        self._logs_access = logs_access
        self._encode = kernel.serializer.encode_json
        self._error_of = profile_of(settings)
        self._create_task: CreateTask = asyncio.get_running_loop().create_task

    async def read(self, connection: MetacomConnection) -> None:
        """Read messages until *connection* is closed. While the client does not read, its messages
        are not read either."""
        receive = connection.websocket.receive
        rate = Rate(self._settings.max_rate)
        small: Rate | None = None
        while (message := await receive()) is not None:
            if isinstance(message, str):
                self._receive(connection, message, rate)
            else:
                is_valid = self._receive_chunk(connection, message, rate)
                if is_valid and len(message) < _SMALL_CHUNK:
                    small = small or Rate(self._settings.max_rate)
                    await asyncio.sleep(small.delay())
                if connection.paused is not None:
                    await connection.paused
            if connection.sending is not None:
                await connection.flush()

    def _receive(self, connection: MetacomConnection, text: str, rate: Rate) -> None:
        is_allowed = rate.allows()
        if text == PING and connection.dialect is Dialect.A and is_allowed:
            connection.put(_PONG)
            return
        id: Id | None = None
        packet: dict[str, Any] = {}
        work: Call | HttpException | None
        try:
            if (call := read_valid_call(text)) is not None:
                id, work = call.id, call
            else:
                packet = read_packet(text)
                id = id_of(packet)
                work = _read(packet, id)
            if type(id) is str and connection.dialect is Dialect.A:
                connection.use_dialect_b()
        except HttpException as exc:
            work = exc
        if not is_allowed:
            self._reject(connection, id, "metacom.max_rate")
            if rate.is_abused:
                connection.abort(DisconnectReason.LIMIT, _POLICY, "too many packets")
        elif work is not None:
            self._start(connection, id, work)
        elif id is not None:
            connection.streams.receive_packet(packet, id, connection.dialect)

    def report(self, connection: MetacomConnection, id: Id | None, error: HttpException) -> None:
        """Send *error*. The kernel handles it as a message, as it does calls."""
        if not connection.is_ended:
            self._start(connection, id, error)

    def _start(
        self, connection: MetacomConnection, id: Id | None, work: Call | HttpException
    ) -> None:
        if len(connection.calls) >= self._settings.max_calls:
            self._reject(connection, id, "metacom.max_calls")
        else:
            connection.calls.add(self._create_task(self._handle(connection, id, work)))

    def _receive_chunk(self, connection: MetacomConnection, chunk: bytes, rate: Rate) -> bool:
        """Handle *chunk*, and return whether it is valid. Only invalid chunks count for *rate*:
        the reader of a stream limits the valid ones."""
        is_valid = connection.streams.receive_chunk(chunk, connection.dialect)
        if not is_valid and not rate.allows() and rate.is_abused:
            connection.abort(DisconnectReason.LIMIT, _POLICY, "too many packets")
        return is_valid

    def _reject(self, connection: MetacomConnection, id: Id | None, setting: str) -> None:
        """Send the error of a limit. The kernel does not handle it, so it costs little time."""
        host = "a client" if connection.client is None else connection.client.host
        self._counters.record(setting, f"rejected a packet of {host}")
        request = self._request(connection, "")
        request.received_at = perf_counter()
        response = error_response(TooManyRequestsException())
        data = self._packet(connection, request, id, response)
        connection.put(data)
        if self._logs_access:
            log_call(request, connection, response, len(data))

    def _request(self, connection: MetacomConnection, url: str) -> Request:
        request = received_request(METACOM, connection.headers, None, url, connection.client)
        request.connection = connection
        return request

    async def _handle(
        self, connection: MetacomConnection, id: Id | None, work: Call | HttpException
    ) -> None:
        """Handle one packet in a task of its own."""
        kernel = self._kernel
        request = self._request(connection, work.method if isinstance(work, Call) else "")
        kernel.begin(request)
        response: Response | None = None
        size: int | None = None
        try:
            if isinstance(work, Call):
                response = await self._calls.answer(request, work)
            else:
                response = await kernel.fail(request, work)
            try:
                data = self._packet(connection, request, id, response)
            except Exception:  # noqa: BLE001 - rare, so only then the slower call below is made
                encode = partial(self._packet, connection, request, id)
                response, data = await kernel.encoded(request, response, encode)
            connection.put(data)
            size = len(data)
        except asyncio.CancelledError as exc:
            if connection.is_closing:  # the server is stopping
                raise
            response = await kernel.fail(request, _own_cancellation(exc))
            encode = partial(self._packet, connection, request, id)
            response, data = await kernel.encoded(request, response, encode)
            connection.put(data)
            size = len(data)
        except Exception:
            logger.exception("the response to the call of %.100r could not be sent", request.url)
        finally:
            task = asyncio.current_task()
            connection.calls.discard(task)
            if connection.has_streams and task is not None:
                connection.streams.call_ended(task)
            size = None if connection.is_ended else size
            if self._logs_access:
                log_call(request, connection, response, size)
            kernel.terminate(request, response, size=size)

    def _packet(
        self, connection: MetacomConnection, request: Request, id: Id | None, response: Response
    ) -> bytes:
        if response.status_code < 400 and id is not None:
            return callback(id, response, self._encode)
        error = self._error_of(response, request).packet
        return error_callback(id, error, connection.dialect, self._encode)


def _own_cancellation(exc: asyncio.CancelledError) -> Exception:
    """Return the exception to handle for *exc*: the action has cancelled its own task, as code
    with cancel scopes may do. The task continues."""
    task = asyncio.current_task()
    assert task is not None
    while task.uncancel():
        pass
    failure = RuntimeError("the action cancelled its own task")
    failure.__cause__ = exc
    return failure


def _read(packet: dict[str, Any], id: Id | None) -> Call | None:
    """Return the call in *packet*; None if it belongs to a stream.

    Raises:
        BadRequestException: it is neither, or invalid.
    """
    kind = packet.get("type")
    if kind != "call" and kind != "stream":
        raise BadRequestException("unknown packet type; it must be 'call' or 'stream'")
    if id is None:
        raise BadRequestException("the packet has no id")
    return read_call(packet, id) if kind == "call" else None
