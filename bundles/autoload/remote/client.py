"""The connections to one service."""

import contextlib
from collections.abc import AsyncIterator

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

_SECONDS_OF_IDLE = 15.0


class Client:
    """A pool of connections, which is opened for the first call.

    It ignores cookies, since those of one user must not be sent for another user; and the proxies
    in the environment variables.
    """

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._session: ClientSession | None = None
        self._running = 0
        self._is_closed = False

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[ClientSession]:
        """Yield the session for one call."""
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
        """Close the connections, after the last running call.

        A later call, of code that still has an old version of the service, opens new connections.
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
