"""A log of the WebSockets of a page, which is added to the error of a failing test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page, WebSocket

_CHECK = 0.1
"""Seconds between two looks at the event loop."""

_SHOWN = 200
"""Most characters of a frame."""


class SocketLog:
    """The lines of the log, with the seconds since the page was opened.

    The server of a test runs in the event loop of the test, so the log also contains the times at
    which that loop was blocked.

    Attributes:
        opened: the number of WebSockets that the page has opened.
    """

    def __init__(self) -> None:
        self.opened = 0
        self._lines: list[str] = []
        self._loop = asyncio.get_running_loop()
        self._begin = self._loop.time()

    def __str__(self) -> str:
        return "\n".join(["The WebSockets of the page:", *self._lines])

    def follow(self, socket: WebSocket) -> None:
        """Log the events of *socket*, which the page has opened."""
        self.opened += 1
        number = self.opened
        self._note(number, "opened")
        socket.on("framesent", lambda frame: self._note(number, "sent", frame))
        socket.on("framereceived", lambda frame: self._note(number, "received", frame))
        socket.on("socketerror", lambda error: self._note(number, "failed", error))
        socket.on("close", lambda _: self._note(number, "closed"))

    async def watch_event_loop(self) -> None:
        """Log each delay of the event loop by more than half a second; never returns."""
        while True:
            due = self._loop.time() + _CHECK
            await asyncio.sleep(_CHECK)
            if (late := self._loop.time() - due) > 0.5:
                self._note(0, f"the event loop was blocked for {late:.1f} s")

    def _note(self, number: int, what: str, content: str | bytes = "") -> None:
        seconds = self._loop.time() - self._begin
        self._lines.append(f"{seconds:6.2f} s  {number or ' '} {what} {content[:_SHOWN]!r}")


@asynccontextmanager
async def logged_sockets(page: Page) -> AsyncIterator[SocketLog]:
    """Yield the log of *page*; add it to an error that leaves the block."""
    log = SocketLog()
    page.on("websocket", log.follow)
    watch = asyncio.create_task(log.watch_event_loop())
    try:
        yield log
    except BaseException as exc:
        exc.add_note(str(log))
        raise
    finally:
        watch.cancel()
        page.remove_listener("websocket", log.follow)
