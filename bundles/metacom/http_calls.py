"""Calls over HTTP: one packet in the body of a POST, one callback in the response."""

from functools import partial

from bundles.metacom.call_handler import CallHandler
from bundles.metacom.compat import profile_of
from bundles.metacom.dialect import Id, dialect_of
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
from rxkernel import BadRequestException, HttpException, Kernel, Request, Response

_PING, _PONG = PING.encode(), PONG.encode()

_JSON = "application/json"

_SOCKET_ONLY = frozenset(("event", "stream"))
"""The types of packets that are accepted only over a WebSocket."""


class HttpCalls:
    """The calls of one server over HTTP. The dialect of a call is that of its id."""

    def __init__(self, kernel: Kernel, calls: CallHandler, settings: MetacomSettings) -> None:
        self._kernel = kernel
        self._calls = calls
        self._encode = kernel.serializer.encode_json
        self._error_of = profile_of(settings)

    async def respond(self, request: Request, body: bytes) -> Response:
        """Return the response to a POST with *body*: see `HttpServer.handle`."""
        if body == _PING:
            return await self._kernel.respond(request, _response(_PONG, 200))
        id: Id | None = None
        try:
            packet = read_packet(body)
            id = id_of(packet)
            call = _read(packet, id)
        except HttpException as exc:
            response = await self._kernel.fail(request, exc)
        else:
            response = await self._calls.answer(request, call)
        return await self.packed(request, response, id)

    async def fail(self, request: Request, exception: Exception) -> Response:
        """Return the error for a body that cannot be read; it has no id."""
        return await self.packed(request, await self._kernel.fail(request, exception), None)

    async def packed(self, request: Request, response: Response, id: Id | None) -> Response:
        """Return *response* as a callback with *id*. Its headers, such as cookies, are kept."""
        pack = partial(self._pack, request, id)
        response, packed = await self._kernel.encoded(request, response, pack)
        return packed

    def _pack(self, request: Request, id: Id | None, response: Response) -> Response:
        if response.status_code < 400 and id is not None:
            return _response(callback(id, response, self._encode), 200, response)
        error = self._error_of(response, request)
        data = error_callback(id, error.packet, dialect_of(id), self._encode)
        return _response(data, error.status, response)


def _read(packet: dict[str, object], id: Id | None) -> Call:
    """Return the call in *packet*.

    Raises:
        BadRequestException: it is not a valid call.
    """
    kind = packet.get("type")
    if isinstance(kind, str) and kind in _SOCKET_ONLY:
        raise BadRequestException(f"a packet of the type {kind!r} requires a WebSocket")
    if kind != "call":
        raise BadRequestException("unknown packet type; it must be 'call'")
    if id is None:
        raise BadRequestException("the packet has no id")
    return read_call(packet, id)


def _response(data: bytes, status: int, of: Response | None = None) -> Response:
    """Return a response with the packet *data*, and the headers of the response *of*."""
    packed = Response(data, status)
    if of is not None and of.has_headers:
        packed.headers = of.headers
    packed.headers["Content-Type"] = _JSON
    return packed
