"""Calls over HTTP: one POST for each."""

from collections.abc import Sequence
from typing import Any

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout
from yarl import URL

from bundles.metacom.client.errors import error_of
from bundles.metacom.client.options import Settings
from bundles.metacom.client.packets import Args, call_packet, new_ids
from bundles.metacom.client.transport import OnConnect
from bundles.metacom.packets import read_packet
from rxkernel import BadRequestException

_HEADERS = {"Content-Type": "application/json"}


class HttpTransport:
    """The session keeps the cookies of the server, so a login is valid for later calls."""

    delay_reason = ""

    def __init__(
        self,
        url: URL,
        settings: Settings,
        session: ClientSession,
        on_connect: Sequence[OnConnect],
    ) -> None:
        self._on_connect = on_connect
        self._url = url
        self._max_size = settings.max_size
        self._session = session
        self._ids = new_ids()

    async def open(self) -> None:
        """Run the functions of `Metacom.on_connect` once: there is no connection, since each call
        is a request."""
        for function in tuple(self._on_connect):
            await function()

    async def call(self, method: str, args: Args) -> Any:
        """Call a method.

        Raises:
            MetacomError: the server has responded with an error.
            ConnectionError: the request has failed, or the response is not a packet.
        """
        id = next(self._ids)
        try:
            async with self._session.post(
                self._url,
                data=call_packet(id, method, args).encode(),
                headers=_HEADERS,
                allow_redirects=False,
                timeout=ClientTimeout(total=None),
            ) as response:
                packet = await self._packet(response)
        except ClientError as exc:
            raise ConnectionError(f"the request for {method!r} failed: {exc}") from exc
        if "error" in packet:
            raise error_of(packet["error"])
        if packet.get("id") != id:
            raise ConnectionError(f"the response to {method!r} belongs to another call")
        return packet.get("result")

    async def close(self) -> None:
        """Do nothing: the client closes the session."""

    async def _packet(self, response: ClientResponse) -> dict[str, Any]:
        body = bytearray()
        async for part in response.content.iter_any():
            body += part
            if len(body) > self._max_size:
                raise ConnectionError(
                    f"the response has more than max_size={self._max_size} bytes"
                )
        try:
            packet = read_packet(bytes(body))
        except BadRequestException as exc:
            raise _no_packet(response.status, exc.message) from exc
        if packet.get("type") != "callback":
            raise _no_packet(response.status, "its type is not 'callback'")
        return packet


def _no_packet(status: int, problem: str) -> ConnectionError:
    return ConnectionError(f"the response with status {status} is not a packet: {problem}")
