"""The body of an aiohttp request, for actions that read it in pieces."""

from aiohttp import web

from rxkernel.messages.connection import ClientAddress
from rxkernel.servers.aiohttp.request.body_reader import BodyReader, disconnected_in_body
from rxkernel.servers.http.piece_reader import CountedPieces
from rxkernel.servers.limits import LimitCounters


class StreamedBody(CountedPieces):
    """The pieces that *reader* reads of *native*."""

    def __init__(
        self,
        native: web.Request,
        reader: BodyReader,
        counters: LimitCounters,
        client: ClientAddress | None,
    ) -> None:
        super().__init__(reader, counters, client)
        self._native = native

    async def __anext__(self) -> bytes:
        try:
            return await super().__anext__()
        except ConnectionError as exc:
            raise disconnected_in_body(self._native) from exc
