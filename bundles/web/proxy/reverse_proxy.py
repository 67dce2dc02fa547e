"""Forwards requests to other servers, and their responses to the clients."""

from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from secrets import token_hex

import attrs
from aiohttp import (
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
    ThreadedResolver,
)
from injector import inject
from multidict import CIMultiDict
from yarl import URL

from bundles.web.proxy.public_resolver import PrivateAddressError, PublicResolver
from bundles.web.proxy.relayed_body import RelayedBody, RelayedEvents
from bundles.web.proxy.request_headers import RequestHeaders
from bundles.web.proxy.response_headers import add_headers, handshake_fields
from bundles.web.proxy.target import checked_url, origin_of, url_of
from bundles.web.proxy.upstream_exchange import UpstreamExchange
from bundles.web.proxy.websocket_relay import Handshake, HandshakeRefusedError, relay
from bundles.web.settings import WebSettings
from rxkernel import (
    ApplicationEvents,
    BadGatewayException,
    BadRequestException,
    EventStreamResponse,
    HttpServer,
    LoopDetectedException,
    Request,
    Response,
    Settings,
    ShutdownEvent,
    StreamResponse,
    WebSocket,
    observe,
)

_SECONDS_OF_IDLE = 15.0
_SMALL = 65_536
"""Most bytes of a body that is read completely before it is sent, so that an error in it is a
502."""

_WITHOUT_CONTENT = (204, 205, 304)
_AUTOMATIC = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class Upstream:
    """Another server, whose address is fixed. It may be local."""

    def __init__(self, proxy: "ReverseProxy", origin: URL, *, keep_host: bool) -> None:
        self._proxy = proxy
        self._origin = origin
        self._keep_host = keep_host

    async def forward(
        self, request: Request, target: str, body: AsyncIterator[bytes] | None = None
    ) -> Response:
        """Send *request* to the path and query *target*, and return the response.

        Args:
            body: the body of the request, for an action that takes it as ``AsyncIterator[bytes]``.
                By default the body that was read.

        Raises:
            BadGatewayException: the server is down, or its response is not valid (502).
            GatewayTimeoutException: the server does not respond in time (504).
            LoopDetectedException: this proxy has forwarded the request before (508).
        """
        url = url_of(self._origin, target)
        return await self._proxy.exchange(
            request, url, body, is_checked=False, keep_host=self._keep_host
        )


class ReverseProxy:
    """Forwards requests. It keeps connections to other servers open.

    Redirects are passed to the client, not followed. Bodies are streamed, unchanged.
    """

    @inject
    def __init__(self, server: HttpServer, settings: Settings, web: WebSettings) -> None:
        self._settings = web.proxy
        self._headers = RequestHeaders(f"rxkernel-{token_hex(4)}", settings.request_id_header)
        self._sessions: dict[tuple[bool, bool], ClientSession] = {}
        self._server = server
        self._message_limit = settings.http.body_limit

    def upstream(self, origin: str, *, keep_host: bool = False) -> Upstream:
        """Return the server at *origin*, such as ``http://127.0.0.1:8080``.

        *origin* must not come from a client; use `forward` for that.

        Args:
            keep_host: send the ``Host`` of the client instead of the host of *origin*.
        """
        return Upstream(self, origin_of(origin), keep_host=keep_host)

    async def forward(
        self,
        request: Request,
        url: str,
        body: AsyncIterator[bytes] | None = None,
        *,
        hosts: Collection[str],
    ) -> Response:
        """Send *request* to *url*, which may come from a client, and return the response.

        Args:
            hosts: the allowed hosts, such as ``example.org``, or ``example.org:8443`` with a port.
                All their addresses must be public.
            body: as for `Upstream.forward`.

        Raises:
            BadRequestException: the target is not allowed (400).
            HttpException: as `Upstream.forward`.
        """
        try:
            target = checked_url(url, hosts)
        except PrivateAddressError:
            raise BadRequestException("the target is not allowed") from None
        return await self.exchange(request, target, body, is_checked=True, keep_host=False)

    def _session(self, *, is_checked: bool, is_handshake: bool) -> ClientSession:
        """Return the connection pool for a kind of requests."""
        key = is_checked, is_handshake
        if (session := self._sessions.get(key)) is None:
            session = self._sessions[key] = self._open(is_checked=is_checked)
        return session

    def _open(self, *, is_checked: bool) -> ClientSession:
        settings = self._settings
        connector = TCPConnector(
            limit=settings.max_connections,
            limit_per_host=settings.connections,
            keepalive_timeout=_SECONDS_OF_IDLE,
            resolver=PublicResolver(ThreadedResolver()) if is_checked else None,
            use_dns_cache=not is_checked,
        )
        return ClientSession(
            connector=connector,
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(total=None, connect=settings.connect_timeout),
            auto_decompress=False,
            skip_auto_headers=_AUTOMATIC,
            trust_env=False,
        )

    async def exchange(
        self,
        request: Request,
        url: URL,
        body: AsyncIterator[bytes] | None,
        *,
        is_checked: bool,
        keep_host: bool,
    ) -> Response:
        """Send *request* to *url*, which was checked.

        Args:
            is_checked: connect to public addresses only.
        """
        if self._headers.is_loop(request):
            raise LoopDetectedException("this server has forwarded the request before")
        is_handshake = _is_handshake(request)
        has_body = not is_handshake and _has_body(request)
        headers = self._headers.of(
            request, keep_host=keep_host, has_body=has_body, is_handshake=is_handshake
        )
        session = self._session(is_checked=is_checked, is_handshake=is_handshake)
        exchange = UpstreamExchange(session, request, url, self._settings)
        if is_handshake:
            return await self._upgrade(exchange, headers)
        source = (body or request.stream()) if has_body else None
        upstream = await exchange.send(headers, source)
        try:
            response = await self._response(request, upstream)
        except BaseException:
            upstream.close()
            raise
        return response

    async def _response(self, request: Request, upstream: ClientResponse) -> Response:
        if not 200 <= upstream.status <= 599:
            raise BadGatewayException(
                f"the other server sent the invalid status {upstream.status}"
            )
        body = RelayedBody(upstream, self._settings.idle_timeout)
        response = await self._with(request, upstream, body)
        try:
            add_headers(upstream, response, self._headers.pseudonym)
        except ValueError:
            raise BadGatewayException("the other server sent an invalid header") from None
        return response

    async def _with(
        self, request: Request, upstream: ClientResponse, body: RelayedBody
    ) -> Response:
        status, length = upstream.status, upstream.content_length
        if request.method == "HEAD" or status in _WITHOUT_CONTENT:
            return StreamResponse(body, status)
        if length is not None and length <= _SMALL:
            return Response(await body.read_all(), status)
        if upstream.content_type == "text/event-stream":
            return EventStreamResponse(RelayedEvents(body), status, heartbeat=None)
        return StreamResponse(body, status)

    async def _upgrade(self, exchange: UpstreamExchange, headers: CIMultiDict[str]) -> Response:
        async def accept(websocket: WebSocket) -> None:
            handshake = Handshake(self._settings.idle_timeout)
            async with handshake.session(exchange.session) as session:
                opening = attrs.evolve(exchange, session=session)
                try:
                    other = await opening.open_websocket(
                        headers, websocket.protocols, self._message_limit
                    )
                except HandshakeRefusedError as refused:
                    websocket.reject(self._refusal(refused))
                    return
                async with other:
                    await websocket.accept(other.protocol, handshake_fields(handshake.response))
                    await relay(websocket, other)

        return await self._server.upgrade(exchange.request, accept)

    def _refusal(self, refused: HandshakeRefusedError) -> Response:
        status = refused.response.status
        if not 200 <= status <= 599:
            raise BadGatewayException(f"the other server sent the invalid status {status}")
        response = Response(refused.body, status)
        add_headers(refused.response, response, self._headers.pseudonym)
        response.headers.popall("Content-Length", None)
        return response

    @observe(ApplicationEvents.SHUTDOWN)
    async def close(self, event: ShutdownEvent) -> None:
        """Close the connections."""
        while self._sessions:
            with suppress(KeyError):
                await self._sessions.popitem()[1].close()


def _is_handshake(request: Request) -> bool:
    upgrade: str = request.headers.get("Upgrade", "")
    return request.method == "GET" and upgrade.lower() == "websocket"


def _has_body(request: Request) -> bool:
    headers = request.headers
    return (
        "Transfer-Encoding" in headers
        or headers.get("Content-Length", "0") != "0"
        or bool(request.raw_body)
    )
