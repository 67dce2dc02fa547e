"""The connections to one service."""

import contextlib
from collections.abc import AsyncIterator

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

_SECONDS_OF_IDLE = 15.0


class Client:
    """One pool of connections, which is opened for the first call.

    It keeps no cookies, since those of one user must not be sent for another one. It uses no proxy
    of the environment.
    """

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._session: ClientSession | None = None
        self._running = 0
        self._is_closed = False

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[ClientSession]:
        """The session for one call."""
        if self._session is None:
            self._session = self._open()
        self._running += 1
        try:
            yield self._session
        finally:
            self._running -= 1
            if self._is_closed and not self._running:
                await self._close()

    async def close(self) -> None:
        """Close the connections, or let the last running call close them.

        A call that comes later, from code that still has an old version of the service, gets
        connections of its own.
        """
        self._is_closed = True
        if not self._running:
            await self._close()

    async def _close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> ClientSession:
        connector = TCPConnector(limit=self._concurrency, keepalive_timeout=_SECONDS_OF_IDLE)
        return ClientSession(
            connector=connector,
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(total=None),
            trust_env=False,
        )
