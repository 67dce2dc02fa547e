"""Engine.IO over HTTP (protocol v4): who gets a session, and which request belongs to which."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any

import engineio
import msgspec

from rxkernel.exceptions import HttpException, PayloadTooLargeException, RequestTimeoutException
from rxkernel.servers.aiohttp.request.body_reader import BodyReader, leave, leave_to_body
from rxkernel.servers.aiohttp.request.native_request import is_gone
from rxkernel.servers.aiohttp.request.request_ids import NativeRequestIds
from rxkernel.servers.aiohttp.websocket import (
    WebSocket,
    text_response,
    wants_websocket,
)
from rxkernel.servers.disconnect_reason import DisconnectReason
from rxkernel.servers.http.body_limits import check_size
from rxkernel.servers.http.cors import CorsPolicy, is_preflight
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.socketio.flusher import Flusher
from rxkernel.servers.socketio.limits import Limits, ProtocolError
from rxkernel.servers.socketio.outbox import Outgoing
from rxkernel.servers.socketio.session import CLOSE, GOING_AWAY, POLICY, Owner, Session
from rxkernel.settings import HttpSettings


class RefusedError(Exception):
    """A request that gets no session; the codes and words are those of Node's engine.io."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        self.body = msgspec.json.encode({"code": code, "message": message}).decode()
        self.headers = {"Retry-After": _RETRY_AFTER} if status in (429, 503) else {}


_RETRY_AFTER = "5"
"""Seconds that a client which was one too many should wait."""

_CROSSED: dict[type[HttpException], str] = {
    PayloadTooLargeException: "socketio.max_payload",
    RequestTimeoutException: "http.body_timeout",
}
"""The setting that a body goes over."""

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
    """python-engineio's server with requests and sessions of our own.

    Args:
        limits: of the sessions.
        origins: which pages may open one.
        proxies: who tells the address of a client.
        ids: what a request is called.
        http: how long a body may take.
    """

    def __init__(
        self,
        *,
        limits: Limits,
        origins: CorsPolicy,
        proxies: ForwardedHeaders,
        ids: NativeRequestIds,
        http: HttpSettings,
        **options: Any,
    ) -> None:
        super().__init__(monitor_clients=False, **options)
        self.sockets: dict[str, Session] = {}
        self._limits = limits
        self._origins = origins
        self._proxies = proxies
        self._ids = ids
        self._http = http
        self._tasks: set[asyncio.Task[None]] = set()
        self._owner = Owner(
            limits=limits,
            flusher=Flusher(asyncio.get_running_loop()),
            handlers=self.handlers,
            closed=self._closed,
            spawn=self.spawn,
        )

    def attach(self, app: Any, engineio_path: str = "engine.io") -> None:
        """Answer every method under *engineio_path*."""
        path = f"/{engineio_path.strip('/')}/"
        app.router.add_route("*", path, self.handle_request, expect_handler=leave_to_body)

    async def handle_request(self, native: Any) -> Any:
        """One HTTP request, from handshake, poll and post to websocket."""
        try:
            if not self._origins.allows(native):
                page = f"refused a page of {native.headers['Origin'][:100]!r}"
                self._limits.record("http.origins", page)
                raise RefusedError(*_FORBIDDEN)
            return await self._answer(native)
        except ConnectionError:  # the client left in the middle
            return text_response("", 499)
        except RefusedError as exc:
            headers = {"Content-Type": "application/json", **exc.headers}
            return text_response(exc.body, exc.status, headers)
        finally:
            if not native.content.is_eof():
                leave(native)

    async def _answer(self, native: Any) -> Any:
        if native.method == "OPTIONS":
            asked = is_preflight(native)
            granted = self._origins.preflight(native, ("GET", "POST")) if asked else {}
            return text_response("", 204, granted)
        query = native.query
        if query.get("transport") not in ("polling", "websocket"):
            raise RefusedError(*_UNKNOWN_TRANSPORT)
        if "j" in query:  # JSONP left the protocol with v4
            raise RefusedError(*_BAD_REQUEST)
        if "sid" not in query:
            return await self._open(native)
        session = self.sockets.get(query["sid"])
        if session is None:
            raise RefusedError(*_UNKNOWN_SESSION)
        if query["transport"] == "websocket":
            return await self._upgrade(native, session)
        return await self._poll(native, session)

    async def _open(self, native: Any) -> Any:
        if native.query.get("EIO") != "4":
            raise RefusedError(*_UNSUPPORTED)
        if native.method != "GET":
            raise RefusedError(*_BAD_METHOD)
        over_websocket = native.query["transport"] == "websocket"
        if over_websocket != wants_websocket(native):
            raise RefusedError(*_BAD_REQUEST)
        client = self._proxies.client(native)
        if (setting := self._limits.admit(client)) is not None:
            self._limits.record(setting, f"refused a client from {client and client.host}")
            raise RefusedError(*_TOO_MANY[setting])
        websocket = None
        try:
            if over_websocket:
                websocket = await self._accept(native)
            session = Session(self.generate_id(), self._owner, client)
        except BaseException:
            self._limits.leave(client)
            raise
        self.sockets[session.sid] = session
        session.environ["aiohttp.request"] = native
        await self.handlers["connect"](session.sid, session.environ)
        opening = self._opening(session.sid, over_websocket)
        if websocket is None:
            return text_response(opening)
        session.put(Outgoing(opening.encode()))
        await session.serve(websocket)
        return websocket.response

    async def _accept(self, native: Any) -> WebSocket:
        return await WebSocket.accept(native, self.max_http_buffer_size, self._ids.headers(native))

    def _opening(self, sid: str, over_websocket: bool) -> str:
        handshake = {
            "sid": sid,
            "upgrades": [] if over_websocket else ["websocket"],
            "pingInterval": round(self.ping_interval * 1000),
            "pingTimeout": round(self.ping_timeout * 1000),
            "maxPayload": self.max_http_buffer_size,
        }
        return "0" + msgspec.json.encode(handshake).decode()

    async def _upgrade(self, native: Any, session: Session) -> Any:
        if not wants_websocket(native):
            raise RefusedError(*_BAD_REQUEST)
        websocket = await self._accept(native)
        if not session.is_websocket and await session.probed(websocket):
            session.environ["aiohttp.request"] = native  # the one of the handshake may go
            await session.serve(websocket)
        await websocket.close(POLICY)
        return websocket.response

    async def _poll(self, native: Any, session: Session) -> Any:
        polling = session.polling
        if polling is None or native.method not in ("GET", "POST"):
            raise RefusedError(*_BAD_REQUEST)
        try:
            if native.method == "GET":
                packets = await polling.poll(partial(is_gone, native))
                if packets is None:
                    await session.close(DisconnectReason.TRANSPORT_CLOSE)
                    raise ConnectionResetError
                return text_response(packets)
            await polling.post(partial(self._body, native, session))
        except ProtocolError as exc:
            await session.fail(exc)
            raise RefusedError(*_BAD_REQUEST) from exc
        return text_response("ok")

    async def _body(self, native: Any, session: Session) -> str:
        """The whole body of a POST.

        Raises:
            ProtocolError: it cannot be read, or not in time.
        """
        if not native.body_exists:
            return ""
        try:
            check_size(native.content_length, self.max_http_buffer_size, "the payload")
            reader = BodyReader(native, self.max_http_buffer_size, self._http)
            return (await session.heartbeat.hold(reader.read_all())).decode()
        except UnicodeDecodeError as exc:
            raise ProtocolError("a payload that is no UTF-8") from exc
        except HttpException as exc:
            setting = _CROSSED.get(type(exc), "protocol error")
            raise ProtocolError(exc.message, setting) from exc

    async def _closed(self, session: Session, reason: DisconnectReason) -> None:
        self.sockets.pop(session.sid, None)
        self._limits.leave(session.client)
        await self.handlers["disconnect"](session.sid, reason)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def disconnect(
        self,
        sid: str | None = None,
        code: int = GOING_AWAY,
        reason: DisconnectReason = DisconnectReason.SERVER,
    ) -> None:
        """Close one session, or all; *code* is what a websocket's client is told."""
        sids = tuple(self.sockets) if sid is None else (sid,)
        sessions = [self.sockets[one] for one in sids if one in self.sockets]
        await asyncio.gather(*(s.close(reason, CLOSE, code) for s in sessions))

    async def shutdown(self) -> None:
        """Wait for what is being closed."""
        while self._tasks:
            await asyncio.wait(self._tasks)
