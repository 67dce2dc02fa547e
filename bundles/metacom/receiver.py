"""Reads the messages of a connection, and responds to each packet that needs a response."""

import asyncio
import logging
from collections.abc import Awaitable
from functools import partial
from typing import Any

from bundles.metacom.call_handler import CallHandler
from bundles.metacom.compat import profile_of
from bundles.metacom.connection import MetacomConnection
from bundles.metacom.dialect import Id, dialect_of
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
)
from bundles.metacom.settings import MetacomSettings
from bundles.metacom.transport import METACOM
from rxkernel import (
    BadRequestException,
    HttpException,
    Kernel,
    Request,
    Response,
    TooManyRequestsException,
)

logger = logging.getLogger(__name__)

_PONG = PONG.encode()


class Receiver:
    """The messages of all connections of one server."""

    def __init__(self, kernel: Kernel, calls: CallHandler, settings: MetacomSettings) -> None:
        self._kernel = kernel
        self._calls = calls
        self._settings = settings
        self._encode = kernel.serializer.encode_json
        self._error_of = profile_of(settings)

    async def read(self, connection: MetacomConnection) -> None:
        """Read messages until *connection* is closed."""
        receive = connection.websocket.receive
        rate = Rate(self._settings.max_rate)
        while (message := await receive()) is not None:
            if isinstance(message, str):
                self._receive(connection, message, rate)
            else:
                self._receive_chunk(connection, message)

    def _receive(self, connection: MetacomConnection, text: str, rate: Rate) -> None:
        if text == PING:
            connection.put(_PONG)
            return
        id: Id | None = None
        try:
            packet = read_packet(text)
            id = id_of(packet)
            connection.dialect = dialect_of(id, connection.dialect)
            if not rate.allows():
                raise TooManyRequestsException("too many packets")
            call = self._read(packet, id, connection)
        except HttpException as exc:
            self._start(connection, id, exc)
        else:
            self._start(connection, id, call)

    def _read(self, packet: dict[str, Any], id: Id | None, connection: MetacomConnection) -> Call:
        """Return the call in *packet*.

        Raises:
            HttpException: it is not a call, or one too many.
        """
        if packet.get("type") != "call":
            raise BadRequestException("the type of the packet is unknown")
        if id is None:
            raise BadRequestException("the packet has no id")
        call = read_call(packet, id)
        if len(connection.calls) >= self._settings.max_calls:
            raise TooManyRequestsException("too many calls at the same time")
        return call

    def _receive_chunk(self, connection: MetacomConnection, chunk: bytes) -> None:
        self._start(connection, None, BadRequestException("streams are not supported"))

    def _start(
        self, connection: MetacomConnection, id: Id | None, work: Call | HttpException
    ) -> None:
        task = asyncio.create_task(self._handle(connection, id, work))
        connection.calls.add(task)
        task.add_done_callback(connection.calls.discard)

    async def _handle(
        self, connection: MetacomConnection, id: Id | None, work: Call | HttpException
    ) -> None:
        """Handle one packet in a task of its own."""
        kernel = self._kernel
        request = Request(
            METACOM,
            connection.headers,
            url=work.method if isinstance(work, Call) else "",
            connection=connection,
            client=connection.client,
        )
        kernel.begin(request)
        response: Response | None = None
        size: int | None = None
        try:
            answer: Awaitable[Response]
            if isinstance(work, Call):
                answer = self._calls.answer(request, work)
            else:
                answer = kernel.fail(request, work)
            encode = partial(self._packet, connection, request, id)
            response, data = await kernel.encoded(request, await answer, encode)
            connection.put(data)
            size = len(data)
        except Exception:
            logger.exception("no response to the call of %.100r could be sent", request.url)
        finally:
            kernel.terminate(request, response, size=None if connection.is_ended else size)

    def _packet(
        self, connection: MetacomConnection, request: Request, id: Id | None, response: Response
    ) -> bytes:
        if response.status_code < 400 and id is not None:
            return callback(id, response, self._encode)
        error = self._error_of(response, request).packet
        return error_callback(id, error, connection.dialect, self._encode)
