"""Calls over a WebSocket, which is reconnected when it is lost."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from aiohttp import ClientSession, ClientWSTimeout
from yarl import URL

from bundles.metacom.client.connection import CLOSING, ClientConnection
from bundles.metacom.client.options import Settings
from bundles.metacom.client.packets import Args, new_ids
from bundles.metacom.client.transport import OnConnect

logger = logging.getLogger(__name__)

FIRST_DELAY = 0.5
"""The maximum of seconds before the first attempt to reconnect; it doubles with each attempt."""

_prepared: ContextVar[ClientConnection | None] = ContextVar("metacom_prepared", default=None)
"""The connection whose `OnConnect` functions run in this task. Their calls are sent at once."""


class WebSocketTransport:
    """
    Attributes:
        on_connect: functions that are awaited, in this order, after each connection is made. Other
            calls wait for them.
    """

    def __init__(
        self,
        url: URL,
        settings: Settings,
        session: ClientSession,
        on_event: Callable[[object, Any], None],
        on_connect: list[OnConnect],
    ) -> None:
        self.on_connect = on_connect
        self._url = url
        self._shown = url.with_user(None).with_query(None)
        self._settings = settings
        self._session = session
        self._on_event = on_event
        self._ids = new_ids()
        self._connection: ClientConnection | None = None
        self._reading: asyncio.Task[str] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._preparing: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._is_ready = False
        self._is_closed = False

    @property
    def delay_reason(self) -> str:
        if self._connection is None or self._connection.is_ended:
            return "the client is not connected"
        if not self._is_ready:
            return "a function of on_connect is still running"
        return "a download is not being read" if self._connection.is_full else ""

    async def open(self) -> None:
        """Connect, and run the functions of `on_connect`; raise their errors."""
        connection = await self._connect()
        try:
            await self._prepare(connection, self._run)
        except BaseException:
            await self.close()
            raise
        if not self._is_closed:
            self._keeper = asyncio.create_task(self._keep())
            self._keeper.add_done_callback(_log_error)

    async def call(self, method: str, args: Args) -> Any:
        """Call a method, after waiting for a connection.

        Raises:
            MetacomError: the server has responded with an error.
            ConnectionError: the connection was lost; the method may have run.
        """
        return await (await self.connection()).call(method, args)

    async def connection(self) -> ClientConnection:
        """Wait until the client is connected, and return its connection.

        Raises:
            ConnectionError: the client is closed.
        """
        while True:
            connection = self._connection
            if self._is_closed:
                raise ConnectionError("the client is closed")
            if connection is not None and (self._is_ready or _prepared.get() is connection):
                return connection
            self._changed.clear()
            await self._changed.wait()

    def current(self) -> ClientConnection:
        """Return the connection.

        Raises:
            ConnectionError: the client is not connected.
        """
        if self._connection is None or self._is_closed:
            raise ConnectionError("the client is not connected")
        return self._connection

    async def close(self) -> None:
        self._is_closed = True
        self._set_ready(False)
        if self._preparing is not asyncio.current_task():
            await _cancel(self._keeper)
            await _cancel(self._preparing)
        await _cancel(self._reading)

    async def _connect(self) -> ClientConnection:
        try:
            async with asyncio.timeout(self._settings.timeout):
                websocket = await self._session.ws_connect(
                    self._url,
                    autoping=False,
                    max_msg_size=self._settings.max_size,
                    timeout=ClientWSTimeout(ws_close=CLOSING),
                )
        except Exception as exc:  # any error of the session is a failed attempt
            problem = str(exc) or f"no response for {self._settings.timeout:g} s"
            raise ConnectionError(f"cannot connect to {self._shown}: {problem}") from exc
        connection = self._connection = ClientConnection(
            websocket, self._settings, self._ids, self._on_event, self._ended
        )
        self._reading = asyncio.create_task(connection.run())
        return connection

    def _ended(self) -> None:
        self._set_ready(False)

    def _set_ready(self, is_ready: bool) -> None:
        self._is_ready = is_ready
        self._changed.set()

    async def _prepare(
        self, connection: ClientConnection, run: Callable[[OnConnect], Awaitable[None]]
    ) -> None:
        """Run the functions of `on_connect` for *connection*, then allow other calls."""
        token = _prepared.set(connection)
        try:
            for function in tuple(self.on_connect):
                await run(function)
        finally:
            _prepared.reset(token)
        if not connection.is_ended:
            self._set_ready(True)

    async def _run(self, function: OnConnect) -> None:
        """Await *function*; cancel it when the connection ends.

        Raises:
            ConnectionError: the connection has ended, or *function* was cancelled.
        """
        reading = self._reading
        assert reading is not None
        self._preparing = task = asyncio.create_task(_call(function))
        try:
            await asyncio.wait({task, reading}, return_when=asyncio.FIRST_COMPLETED)
            if self._is_closed:  # the function has closed the client, and may finish
                await asyncio.wait({task})
        finally:
            await _cancel(task)
            self._preparing = None
        if task.cancelled():
            reason = _reason(reading) if reading.done() else "it was cancelled"
            raise ConnectionError(f"a function of on_connect was cancelled: {reason}")
        task.result()

    async def _run_again(self, function: OnConnect) -> None:
        try:
            await self._run(function)
        except Exception:
            logger.exception("a function of on_connect failed")

    async def _keep(self) -> None:
        """Reconnect whenever the connection ends."""
        failures, loop = 0, asyncio.get_running_loop()
        while self._reading is not None:
            began = loop.time()
            await asyncio.wait({self._reading})
            if self._is_closed:
                return
            reason = _reason(self._reading)
            logger.warning("the connection to %s was lost: %s", self._shown, reason)
            if loop.time() - began > self._settings.max_reconnect_delay:
                failures = 0
            connection = None
            while connection is None:
                failures += 1
                await asyncio.sleep(delay_after(failures, self._settings.max_reconnect_delay))
                try:
                    connection = await self._connect()
                except ConnectionError as exc:
                    logger.info("%s", exc)
            await self._prepare(connection, self._run_again)


async def _call(function: OnConnect) -> None:
    await function()


def _reason(reading: "asyncio.Task[str]") -> str:
    """Return the reason why the connection of *reading* has ended."""
    if reading.cancelled():
        return "its task was cancelled"
    exc = reading.exception()
    return reading.result() if exc is None else repr(exc)


def _log_error(keeper: "asyncio.Task[None]") -> None:
    if not keeper.cancelled() and (exc := keeper.exception()) is not None:
        logger.critical("the client does not reconnect any more", exc_info=exc)


def delay_after(failures: int, longest: float) -> float:
    """Return a random delay in seconds, so that the clients of a server do not all reconnect at
    the same time."""
    return random.uniform(0.0, min(FIRST_DELAY * 2.0 ** min(failures - 1, 32), longest))


async def _cancel(task: "asyncio.Task[Any] | None") -> None:
    """Cancel *task* and wait for its end, unless it is the one that calls this."""
    if task is not None and task is not asyncio.current_task():
        task.cancel()
        await asyncio.wait({task})
