"""Engine.IO over HTTP (protocol v4): who gets a session, and which request belongs to which."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from urllib.parse import urlsplit

import engineio
import msgspec

from rxkernel.servers.aiohttp.websocket import Frame, WebSocket, text_response, wants_websocket
from rxkernel.servers.socketio.session import CLOSE, Owner, ProtocolError, Session


class RefusedError(Exception):
    """A request that gets no session; the codes and words are those of Node's engine.io."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        self.body = msgspec.json.encode({"code": code, "message": message}).decode()


_UNKNOWN_TRANSPORT = (0, "Transport unknown")
_UNKNOWN_SESSION = (1, "Session ID unknown")
_BAD_METHOD = (2, "Bad handshake method")
_BAD_REQUEST = (3, "Bad request")
_FORBIDDEN = (4, "Forbidden", 403)
_UNSUPPORTED = (5, "Unsupported protocol version")


class EngineioServer(engineio.AsyncServer):  # type: ignore[misc]
    """python-engineio's server with requests and sessions of our own.

    ``origins`` may open a session besides the server's own; ``*`` is all of them.
    """

    def __init__(self, *, origins: tuple[str, ...], **options: Any) -> None:
        super().__init__(monitor_clients=False, **options)
        self.sockets: dict[str, Session] = {}
        self._origins = origins
        self._tasks: set[asyncio.Task[None]] = set()
        self._owner = Owner(
            ping_interval=self.ping_interval,
            ping_timeout=self.ping_timeout,
            message=self._message,
            closed=self._closed,
            spawn=self.spawn,
        )

    def attach(self, app: Any, engineio_path: str = "engine.io") -> None:
        """Answer every method under *engineio_path*."""
        app.router.add_route("*", f"/{engineio_path.strip('/')}/", self.handle_request)

    async def handle_request(self, native: Any) -> Any:
        """One HTTP request, from handshake, poll and post to websocket."""
        headers = {}
        try:
            headers = self._cors(native)
            return await self._answer(native, headers)
        except ConnectionError:  # the client left in the middle
            return text_response("", 499)
        except RefusedError as exc:
            json_type = {"Content-Type": "application/json"}
            return text_response(exc.body, exc.status, {**headers, **json_type})

    def _cors(self, native: Any) -> dict[str, str]:
        """The headers for the page that asks, if its origin may."""
        origin = native.headers.get("Origin")
        if origin is None or self._is_own(origin, native.headers.get("Host", "")):
            return {}
        if "*" in self._origins:
            return {"Access-Control-Allow-Origin": "*"}
        if origin not in self._origins:
            raise RefusedError(*_FORBIDDEN)
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Credentials": "true",
            "Vary": "Origin",
        }

    @staticmethod
    def _is_own(origin: str, host: str) -> bool:
        """Whether a page of this host asks. The scheme is left out: a proxy may end TLS."""
        return bool(host) and urlsplit(origin).netloc.lower() == host.lower()

    async def _answer(self, native: Any, headers: dict[str, str]) -> Any:
        query = native.query
        if native.method == "OPTIONS":
            allowed = {"Access-Control-Allow-Methods": "GET, POST, OPTIONS"}
            allowed["Access-Control-Allow-Headers"] = "Content-Type"
            return text_response("", 204, {**headers, **(allowed if headers else {})})
        if query.get("transport") not in ("polling", "websocket"):
            raise RefusedError(*_UNKNOWN_TRANSPORT)
        if "j" in query:  # JSONP left the protocol with v4
            raise RefusedError(*_BAD_REQUEST)
        if "sid" not in query:
            return await self._open(native, headers)
        session = self.sockets.get(query["sid"])
        if session is None:
            raise RefusedError(*_UNKNOWN_SESSION)
        if query["transport"] == "websocket":
            return await self._upgrade(native, session)
        return await self._poll(native, session, headers)

    async def _open(self, native: Any, headers: dict[str, str]) -> Any:
        if native.query.get("EIO") != "4":
            raise RefusedError(*_UNSUPPORTED)
        if native.method != "GET":
            raise RefusedError(*_BAD_METHOD)
        over_websocket = native.query["transport"] == "websocket"
        if over_websocket != wants_websocket(native):
            raise RefusedError(*_BAD_REQUEST)
        websocket = None
        if over_websocket:
            websocket = await WebSocket.accept(native, self.max_http_buffer_size)
        session = Session(self.generate_id(), self._owner)
        self.sockets[session.sid] = session
        await self._trigger_event("connect", session.sid, {"aiohttp.request": native})
        opening = self._opening(session.sid, over_websocket)
        if websocket is None:
            return text_response(opening, 200, headers)
        session.put(opening)
        await session.serve(websocket)
        return websocket.response

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
        websocket = await WebSocket.accept(native, self.max_http_buffer_size)
        if not session.is_websocket:
            await session.upgrade(websocket)
        await websocket.close()
        return websocket.response

    async def _poll(self, native: Any, session: Session, headers: dict[str, str]) -> Any:
        if session.is_websocket or native.method not in ("GET", "POST"):
            raise RefusedError(*_BAD_REQUEST)
        try:
            if native.method == "GET":
                return text_response(await session.poll(), 200, headers)
            await session.post(await self._body(native))
        except ProtocolError as exc:
            self.logger.warning("closed %s: %s", session.sid, exc)
            await session.close("parse error", CLOSE)
            raise RefusedError(*_BAD_REQUEST) from exc
        return text_response("ok", 200, headers)

    async def _body(self, native: Any) -> str:
        """The whole body of a POST.

        Raises:
            ProtocolError: it is larger than ``max_payload`` or no UTF-8.
        """
        body = bytearray()
        async for chunk in native.content.iter_any():
            body += chunk
            if len(body) > self.max_http_buffer_size:
                raise ProtocolError("a payload above socketio.max_payload")
        try:
            return body.decode()
        except UnicodeDecodeError as exc:
            raise ProtocolError("a payload that is no UTF-8") from exc

    async def _message(self, sid: str, data: Frame) -> None:
        await self._trigger_event("message", sid, data)

    async def _closed(self, sid: str, reason: str) -> None:
        self.sockets.pop(sid, None)
        await self._trigger_event("disconnect", sid, reason)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def disconnect(self, sid: str | None = None) -> None:
        """Close one session, or all."""
        sids = tuple(self.sockets) if sid is None else (sid,)
        sessions = [self.sockets[one] for one in sids if one in self.sockets]
        await asyncio.gather(*(s.close("server disconnect", CLOSE) for s in sessions))

    async def shutdown(self) -> None:
        """Wait for what is being closed."""
        while self._tasks:
            await asyncio.wait(self._tasks)
