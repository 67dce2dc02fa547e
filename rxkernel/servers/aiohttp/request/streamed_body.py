"""The body of an aiohttp request, for actions that read it in pieces."""

import logging
from typing import Self

from aiohttp import web

from rxkernel.exceptions import BadRequestException, RequestTimeoutException
from rxkernel.messages.connection import ClientAddress
from rxkernel.servers.aiohttp.request.body_reader import BodyReader
from rxkernel.servers.http.body_limits import BodyLimits, BodyTooLargeException, record_limit
from rxkernel.servers.limits import LimitCounters
from rxkernel.settings import HttpSettings

logger = logging.getLogger(__name__)


class StreamedBody(BodyReader):
    """The pieces of a body, as an iterator. *counters* count the limits that it reaches."""

    def __init__(
        self,
        native: web.Request,
        limits: BodyLimits,
        settings: HttpSettings,
        counters: LimitCounters,
        client: ClientAddress | None,
    ) -> None:
        super().__init__(native, limits.total, settings, limits.total_setting)
        self._counters = counters
        self._client = client

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """As `read`, but a disconnect is a `BadRequestException`: it is not an error of the
        action, and must not be logged as one."""
        try:
            piece = await self.read()
        except (BodyTooLargeException, RequestTimeoutException) as exc:
            record_limit(self._counters, exc, self._client)
            raise
        except ConnectionError as exc:
            logger.debug("client disconnected in mid-body: %r", self._native.raw_path[:200])
            raise BadRequestException(
                "the client disconnected before the end of its body"
            ) from exc
        if not piece:
            raise StopAsyncIteration
        return piece
