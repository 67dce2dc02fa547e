"""One request to another server, until the head of its response."""

import logging
from collections.abc import AsyncIterator, Awaitable, Iterable
from typing import TypeVar

import attrs
from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientWebSocketResponse,
)
from multidict import CIMultiDict
from yarl import URL

from bundles.web.proxy.deadline import Deadline
from bundles.web.proxy.exceptions import UpstreamFailedException, UpstreamLateException
from bundles.web.proxy.public_resolver import PrivateAddressError
from bundles.web.proxy.sent_body import SentBody
from bundles.web.proxy.settings import ProxySettings
from bundles.web.proxy.websocket_relay import HEARTBEAT
from rxkernel import BadRequestException, HttpException, Request

T = TypeVar("T")

logger = logging.getLogger(__name__)


@attrs.frozen
class UpstreamExchange:
    """Sends *request* to *url*."""

    session: ClientSession
    request: Request
    url: URL
    settings: ProxySettings

    async def send(
        self, headers: CIMultiDict[str], source: AsyncIterator[bytes] | None
    ) -> ClientResponse:
        """Return the response, whose body is not read yet.

        Args:
            source: the pieces of the body; None without a body.

        Raises:
            UpstreamFailedException: the server cannot be connected, or its response is invalid
                (502).
            UpstreamLateException: the head of the response does not arrive in time (504).
            BadRequestException: the client has disconnected, or the target is not allowed (400).
            HttpException: raised by *source*.
        """
        deadline = Deadline(self.request)
        length = int(headers["Content-Length"]) if "Content-Length" in headers else None
        body = None if source is None else SentBody(source, deadline, self.settings, length)
        sending = self.session.request(
            self.request.method or "GET",
            self.url,
            headers=headers,
            data=body,
            allow_redirects=False,
        )
        try:
            return await self._head(sending, deadline, is_limited=body is None)
        except HttpException:
            if body is not None and body.failure is not None:
                raise body.failure from None
            raise

    async def open_websocket(
        self, headers: CIMultiDict[str], protocols: Iterable[str], max_size: int
    ) -> ClientWebSocketResponse:
        """Return the WebSocket after its handshake.

        Raises:
            HandshakeRefusedError: the other server has refused the handshake.
            HttpException: as `send`.
        """
        opening = self.session.ws_connect(
            self.url,
            headers=headers,
            protocols=tuple(protocols),
            heartbeat=HEARTBEAT,
            max_msg_size=max_size + 1,  # aiohttp closes at this size, not above
        )
        return await self._head(opening, Deadline(self.request), is_limited=True)

    async def _head(self, pending: Awaitable[T], deadline: Deadline, *, is_limited: bool) -> T:
        try:
            async with deadline:
                if is_limited:
                    deadline.set(self.settings.connect_timeout + self.settings.head_timeout)
                return await pending
        except PrivateAddressError as exc:
            logger.warning("rejected the target %.200s: %s", self._shown, exc)
            raise BadRequestException("the target is not allowed") from None
        except (ClientError, OSError, ValueError) as exc:
            if deadline.is_client_gone:
                raise BadRequestException("the client has disconnected") from None
            reason = exc.os_error if isinstance(exc, ClientConnectorError) else exc
            detail = f"{self._shown}: {str(reason) or type(reason).__name__}"
            if isinstance(exc, TimeoutError):
                message = "the other server did not respond in time"
                raise UpstreamLateException(message, detail) from None
            raise UpstreamFailedException("the other server failed", detail) from None

    @property
    def _shown(self) -> str:
        """The URL for logs, without its query, which may be secret."""
        return str(self.url.with_query(None))
