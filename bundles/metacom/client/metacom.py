"""`Metacom`: the client."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Self, TypeVar, Unpack

from aiohttp import ClientSession, CookieJar, TraceConfig, TraceRequestRedirectParams
from yarl import URL

from bundles.metacom.client.events import EventHandlers, Handler
from bundles.metacom.client.http_transport import HttpTransport
from bundles.metacom.client.options import Options, Settings
from bundles.metacom.client.packets import Args
from bundles.metacom.client.transport import ClientTransport, OnConnect
from bundles.metacom.client.unit import Api, Unit, load_unit
from bundles.metacom.client.uploads import Source
from bundles.metacom.client.websocket_transport import WebSocketTransport

ConnectFunction = TypeVar("ConnectFunction", bound=OnConnect)


class Metacom:
    """A client of one server, for one event loop.

    ``async with Metacom("ws://…") as client`` connects it. It reconnects a WebSocket that is lost,
    until the client is closed. With ``http://`` each call is a request, and there are no events
    and streams.

    Attributes:
        api: the loaded units, for calls such as ``client.api.example.add(a=1, b=2)``.

    Args:
        url: the URL of the server, with the scheme ``ws``, ``wss``, ``http`` or ``https``.
        options: see `Settings`.
    """

    def __init__(self, url: str, **options: Unpack[Options]) -> None:
        self.api = Api(self)
        self._url = URL(url)
        if self._url.scheme not in ("ws", "wss", "http", "https") or not self._url.host:
            raise ValueError(
                f"url must begin with ws://, wss://, http:// or https://, not {url!r}"
            )
        self._settings = Settings(**options)
        self._handlers = EventHandlers()
        self._on_connect: list[OnConnect] = []
        self._own_session: ClientSession | None = None
        self._transport: ClientTransport | None = None

    @classmethod
    async def connect(cls, url: str, **options: Unpack[Options]) -> Self:
        """Return a connected client; call `close` at the end.

        Raises:
            ConnectionError: see `open`.
        """
        client = cls(url, **options)
        await client.open()
        return client

    async def open(self) -> None:
        """Connect, and run the functions of `on_connect`.

        Raises:
            ConnectionError: the server cannot be reached, or rejects the handshake.
            RuntimeError: the client was opened before.
            Exception: a function of `on_connect` has failed.
        """
        if self._transport is not None:
            raise RuntimeError("the client was opened before; create a new one")
        session = self._settings.session
        if session is None:
            session = self._own_session = ClientSession(
                cookie_jar=CookieJar(unsafe=True), trace_configs=[_rejecting_redirects()]
            )
        if self._url.scheme in ("ws", "wss"):
            self._transport = WebSocketTransport(
                self._url, self._settings, session, self._handlers.put, self._on_connect
            )
        else:
            self._transport = HttpTransport(self._url, self._settings, session, self._on_connect)
        try:
            await self._transport.open()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Disconnect. Running calls fail, and running handlers are cancelled."""
        self._handlers.close()
        if self._transport is not None:
            await self._transport.close()
        if self._own_session is not None:
            await self._own_session.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # -- calls

    async def load(self, *units: str) -> None:
        """Ask the server for the methods of *units*, such as ``example`` and ``chat.1``.

        Raises:
            LookupError: the server does not have one of them.
            MetacomError, TimeoutError, ConnectionError: see `call`.
        """
        found = await asyncio.gather(*(self._methods_of(unit) for unit in units))
        unknown = [unit for unit, methods in zip(units, found, strict=True) if methods is None]
        if unknown:
            raise LookupError(f"the server has no unit {', '.join(map(repr, unknown))}")
        for unit, methods in zip(units, found, strict=True):
            load_unit(self.api, unit, methods or {})

    def __getitem__(self, unit: str) -> Unit:
        """Return a loaded unit; its name may have a version."""
        return self.api[unit]

    async def call(
        self, method: str, args: Args | None = None, *, timeout: float | None = None
    ) -> Any:
        """Call *method*, such as ``example/add``, and return its result. `load` is not needed.

        A call that has timed out or was cancelled continues on the server. A call is never sent
        twice.

        Args:
            timeout: seconds, including the wait for a connection; by default, the timeout of the
                client.

        Raises:
            MetacomError: the server has responded with an error.
            TimeoutError: the response has not arrived in time.
            ConnectionError: the connection was lost; the method may have run.
            TypeError, ValueError, RecursionError: *args* cannot be encoded as JSON.
        """
        transport = self._transport
        if transport is None:
            raise ConnectionError("the client is not connected; use it in 'async with'")
        seconds = self._settings.timeout if timeout is None else timeout
        try:
            async with asyncio.timeout(seconds) as limit:
                return await transport.call(method, {} if args is None else args)
        except TimeoutError:
            if not limit.expired():
                raise  # raised by the data of an upload
            reason = f": {transport.delay_reason}" if transport.delay_reason else ""
            raise TimeoutError(f"no response to {method!r} within {seconds:g} s{reason}") from None

    # -- the connection

    def on_connect(self, function: ConnectFunction) -> ConnectFunction:
        """Await *function* after each new connection, before other calls are sent. With HTTP it is
        awaited once, by `open`.

        The function can restore the session and subscriptions, with calls of this client. `open`
        raises its errors; after a reconnection they are logged. It is cancelled when the
        connection is lost. This method can be used as a decorator.
        """
        self._on_connect.append(function)
        return function

    # -- events

    def on(self, event: str, handler: Handler) -> None:
        """Call *handler* with the data of each *event*, such as ``chat/message``.

        A handler receives one event after another. Up to 1000 events wait for it; then the oldest
        are dropped. Its errors are logged.

        Raises:
            RuntimeError: the client uses HTTP.
        """
        self._check_websocket()
        self._handlers.add(event, handler)

    def off(self, event: str, handler: Handler) -> None:
        """Remove *handler*, and cancel its run."""
        self._handlers.remove(event, handler)

    # -- streams

    async def upload(self, name: str, data: Source, size: int | None = None) -> int:
        """Open a stream, and return its id, to be passed to a method.

        The data is sent when a call has the id in its arguments. If the iterable raises, or the
        server rejects the stream, that call raises the error.

        Args:
            data: bytes, or an async iterable of bytes.
            size: the total number of bytes; required for an iterable.

        Raises:
            TimeoutError, ConnectionError: see `call`.
            TypeError, ValueError: *size* is missing or wrong.
            RuntimeError: the client uses HTTP.
        """
        transport = self._websocket()
        try:
            async with asyncio.timeout(self._settings.timeout):
                return await (await transport.connection()).upload(name, data, size)
        except TimeoutError:
            raise TimeoutError(
                f"the stream {name!r} was not opened within {self._settings.timeout:g} s"
            ) from None

    def download(self, stream_id: int) -> AsyncIterator[bytes]:
        """Return the data of the stream whose id a method has returned.

        While more than 10 MB are unread, the client receives no further messages, including the
        responses to calls. If the iteration stops before the end, the server is asked to stop.

        Raises:
            LookupError: the server has not opened it on this connection, it was read before, or it
                was dropped, to make room for other streams after it had ended.
            MetacomError: it was terminated, its length is wrong, or 10 MB arrived before it was
                read.
            TimeoutError: no data has arrived for the timeout of the client.
            ConnectionError: the connection was lost.
            RuntimeError: the client uses HTTP.
        """
        return self._websocket().current().download(stream_id)

    # -- parts

    async def _methods_of(self, unit: str) -> Mapping[str, Any] | None:
        """Return the methods of one unit. Each unit is a call of its own, since Impress responds
        with names without their version."""
        units = await self.call("system/introspect", [unit])
        if not isinstance(units, Mapping):
            raise ConnectionError("the response to 'system/introspect' is not an object")
        methods = units.get(unit, units.get(unit.partition(".")[0]))
        return methods if isinstance(methods, Mapping) else None

    def _check_websocket(self) -> None:
        if self._url.scheme not in ("ws", "wss"):
            raise RuntimeError("events and streams need a WebSocket; use ws:// or wss://")

    def _websocket(self) -> WebSocketTransport:
        self._check_websocket()
        if not isinstance(self._transport, WebSocketTransport):
            raise ConnectionError("the client is not connected; use it in 'async with'")
        return self._transport


def _rejecting_redirects() -> TraceConfig:
    """Return a trace that rejects redirects; `ClientSession.ws_connect` has no option for this."""
    trace = TraceConfig()
    trace.on_request_redirect.append(_reject_redirect)
    return trace


async def _reject_redirect(
    session: ClientSession, context: object, params: TraceRequestRedirectParams
) -> None:
    params.response.close()
    location = params.response.headers.get("Location", "")
    raise ConnectionError(
        f"the server redirects to {location!r:.200}; use that URL if you trust it"
    )
