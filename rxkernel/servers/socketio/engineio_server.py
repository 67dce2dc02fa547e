"""Engine.IO over HTTP (protocol v4): opens sessions, and assigns requests to them."""

import asyncio
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import engineio
import msgspec

from rxkernel.exceptions import HttpException, RequestTimeoutException
from rxkernel.servers.aiohttp.native_types import (
    AiohttpApplication,
    AiohttpRequest,
    AiohttpResponse,
)
from rxkernel.servers.aiohttp.request.body_reader import BodyReader, defer_continue, discard_rest
from rxkernel.servers.aiohttp.request.disconnect import is_disconnected
from rxkernel.servers.aiohttp.request.request_id_header import NativeRequestIdHeader
from rxkernel.servers.aiohttp.response.text_response import text_response
from rxkernel.servers.aiohttp.websocket_stream import WebSocketStream, wants_websocket
from rxkernel.servers.disconnect_reason import DisconnectReason
from rxkernel.servers.http.body_limits import BodyTooLargeException, check_size
from rxkernel.servers.http.cors import CorsPolicy, is_preflight
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.socketio.encoded_packet import EncodedPacket
from rxkernel.servers.socketio.engineio_packets import CLOSE, OPEN
from rxkernel.servers.socketio.protocol_error import PROTOCOL_ERROR, ProtocolError
from rxkernel.servers.socketio.session import GOING_AWAY, POLICY, Session, SessionHooks
from rxkernel.servers.workers.session_ids import session_id
from rxkernel.settings import HttpSettings


class RequestError(Exception):
    """A request that is rejected; codes and messages are the same as in engine.io of Node."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        self.body = msgspec.json.encode({"code": code, "message": message}).decode()
        self.headers = {"Retry-After": _RETRY_AFTER} if status in (429, 503) else {}


_RETRY_AFTER = "5"
"""Seconds after which a rejected client may try again."""

_MAX_PAYLOAD = "socketio.max_payload"

_UNKNOWN_TRANSPORT = (0, "Transport unknown")
_UNKNOWN_SESSION = (1, "Session ID unknown")
_BAD_METHOD = (2, "Bad handshake method")
_BAD_REQUEST = (3, "Bad request")
_FORBIDDEN = (4, "Forbidden", 403)
_UNSUPPORTED = (5, "Unsupported protocol version")
_TOO_MANY = {
    "socketio.max_sessions": (4, "Too many clients", 503),
    "socketio.max_sessions_per_address": (4, "Too many clients from one address", 429),
}


class EngineioServer(engineio.AsyncServer):  # type: ignore[misc]
    """python-engineio's server, with requests and sessions replaced.

    Args:
        hooks: the engine that handles the packets of sessions.
        origins: the origins whose pages may open sessions.
        forwarded: reads the headers of trusted proxies, which report the address of a client.
        ids: reads and writes request ids.
        http: the timeouts of request bodies.
        worker: the number of this process among those that share a port, for the session ids.
    """

    def __init__(
        self,
        *,
        hooks: SessionHooks,
        origins: CorsPolicy,
        forwarded: ForwardedHeaders,
        ids: NativeRequestIdHeader,
        http: HttpSettings,
        worker: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(monitor_clients=False, **options)
        self.sockets: dict[str, Session] = {}
        self._hooks = hooks
        self._limits = hooks.limits
        self._origins = origins
        self._forwarded = forwarded
        self._ids = ids
        self._http = http
        self._worker = worker

    def attach(self, app: AiohttpApplication, engineio_path: str = "engine.io") -> None:
        """Handle the requests of *app* below *engineio_path*, with any method."""
        path = f"/{engineio_path.strip('/')}/"
        app.router.add_route("*", path, self.handle_request, expect_handler=defer_continue)

    async def handle_request(self, native: AiohttpRequest) -> AiohttpResponse:
        """Respond to a handshake, a poll, a POST, or a websocket request."""
        try:
            if not self._origins.allows(native):
                page = f"rejected a page of the origin {native.headers['Origin'][:100]!r}"
                self._limits.record("http.origins", page)
                raise RequestError(*_FORBIDDEN)
            return await self._respond(native)
        except ConnectionError:  # the client disconnected meanwhile
            return text_response("", 499)
        except RequestError as exc:
            headers = {"Content-Type": "application/json", **exc.headers}
            return text_response(exc.body, exc.status, headers)
        finally:
            if not native.content.is_eof():
                discard_rest(native)

    async def _respond(self, native: AiohttpRequest) -> AiohttpResponse:
        if native.method == "OPTIONS":
            is_cors = is_preflight(native)
            headers = self._origins.preflight(native, ("GET", "POST")) if is_cors else {}
            return text_response("", 204, headers)
        query = native.query
        if query.get("transport") not in self._limits.settings.transports:
            raise RequestError(*_UNKNOWN_TRANSPORT)
        if "j" in query:  # JSONP, which Engine.IO v4 does not support
            raise RequestError(*_BAD_REQUEST)
        if "sid" not in query:
            return await self._open(native)
        session = self.sockets.get(query["sid"])
        if session is None:
            raise RequestError(*_UNKNOWN_SESSION)
        if query["transport"] == "websocket":
            return await self._upgrade(native, session)
        return await self._poll(native, session)

    async def _open(self, native: AiohttpRequest) -> AiohttpResponse:
        if native.query.get("EIO") != "4":
            raise RequestError(*_UNSUPPORTED)
        if native.method != "GET":
            raise RequestError(*_BAD_METHOD)
        over_websocket = native.query["transport"] == "websocket"
        if over_websocket != wants_websocket(native):
            raise RequestError(*_BAD_REQUEST)
        client = self._forwarded.client(native)
        if (setting := self._limits.acquire(client)) is not None:
            self._limits.record(setting, f"rejected a client from {client and client.host}")
            raise RequestError(*_TOO_MANY[setting])
        websocket = None
        try:
            sid: str = self.generate_id()
            if self._worker is not None:
                sid = session_id(self._worker, sid)
            cookie = self._cookie(sid)
            if over_websocket:
                websocket = await self._accept(native, cookie)
            session = Session(sid, self._hooks, native, client)
        except BaseException:
            self._limits.release(client)
            raise
        await self._hooks.opened(session)
        open_packet = self._open_packet(session.sid, over_websocket)
        if websocket is None:
            return text_response(open_packet, headers=cookie)
        session.sender.put(EncodedPacket(open_packet.encode()))
        await session.serve(websocket)
        return websocket.response

    async def _accept(
        self, native: AiohttpRequest, headers: Mapping[str, str] = MappingProxyType({})
    ) -> WebSocketStream:
        return await WebSocketStream.accept(
            native, self.max_http_buffer_size, {**self._ids.headers(native), **headers}
        )

    def _cookie(self, sid: str) -> dict[str, str]:
        """The header with the cookie for the session *sid*; empty without ``socketio.cookie``."""
        if (name := self._limits.settings.cookie) is None:
            return {}
        secure = "" if self._http.tls is None else "; Secure"
        return {"Set-Cookie": f"{name}={sid}; Path=/; HttpOnly; SameSite=Lax{secure}"}

    def _open_packet(self, sid: str, over_websocket: bool) -> str:
        may_upgrade = "websocket" in self._limits.settings.transports
        handshake = {
            "sid": sid,
            "upgrades": [] if over_websocket or not may_upgrade else ["websocket"],
            "pingInterval": round(self.ping_interval * 1000),
            "pingTimeout": round(self.ping_timeout * 1000),
            "maxPayload": self.max_http_buffer_size,
        }
        return OPEN + msgspec.json.encode(handshake).decode()

    async def _upgrade(self, native: AiohttpRequest, session: Session) -> AiohttpResponse:
        if not wants_websocket(native):
            raise RequestError(*_BAD_REQUEST)
        websocket = await self._accept(native)
        if not session.is_websocket and await session.upgrade(websocket):
            session.use_request(native)
            await session.serve(websocket)
        await websocket.close(POLICY)
        return websocket.response

    async def _poll(self, native: AiohttpRequest, session: Session) -> AiohttpResponse:
        polling = session.polling
        if polling is None or native.method not in ("GET", "POST"):
            raise RequestError(*_BAD_REQUEST)
        try:
            if native.method == "GET":
                packets = await polling.poll(partial(is_disconnected, native))
                if packets is None:
                    await session.close(DisconnectReason.TRANSPORT_CLOSE)
                    raise ConnectionResetError
                return text_response(packets)
            await polling.post(partial(self._body, native, session))
        except ProtocolError as exc:
            await session.fail(exc)
            raise RequestError(*_BAD_REQUEST) from exc
        return text_response("ok")

    async def _body(self, native: AiohttpRequest, session: Session) -> str:
        """Return the body of a POST.

        Raises:
            ProtocolError: the body is invalid, too large, or was not received in time.
        """
        if not native.body_exists:
            return ""
        try:
            limit = self.max_http_buffer_size
            check_size(native.content_length, limit, _MAX_PAYLOAD)
            reader = BodyReader(native, limit, self._http, _MAX_PAYLOAD)
            return (await session.heartbeat.hold(reader.read_all())).decode()
        except UnicodeDecodeError as exc:
            raise ProtocolError("a payload that is not UTF-8") from exc
        except HttpException as exc:
            raise ProtocolError(exc.message, _setting_of(exc)) from exc

    async def disconnect(
        self,
        sid: str | None = None,
        code: int = GOING_AWAY,
        reason: DisconnectReason = DisconnectReason.SERVER,
    ) -> None:
        """Close one session, or all; *code* is the close code of websockets."""
        sids = tuple(self.sockets) if sid is None else (sid,)
        sessions = [self.sockets[one] for one in sids if one in self.sockets]
        await asyncio.gather(*(s.close(reason, CLOSE, code) for s in sessions))


def _setting_of(exc: HttpException) -> str:
    """The counter for *exc*: the setting whose limit a body has reached, or protocol errors."""
    if isinstance(exc, BodyTooLargeException):
        return exc.setting
    return "http.body_timeout" if isinstance(exc, RequestTimeoutException) else PROTOCOL_ERROR
