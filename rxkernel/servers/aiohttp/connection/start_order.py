"""Starts the requests of several connections in the order in which they were read.

aiohttp starts a request one or two iterations of the event loop after it was read, depending on
the version of Python. The fast path starts it in the same or the next iteration. Without this
module, a request could start before one that was read earlier on another connection.
"""

import asyncio
from collections import deque


class Ticket:
    """The position of a request, or of the first bytes of one, in the order of reading."""

    __slots__ = ("is_done", "is_waiting")

    def __init__(self) -> None:
        self.is_done = False
        self.is_waiting = False


class StartOrder:
    """The tickets of the requests that were read but have not started.

    Connections handled by aiohttp draw a ticket when they read data. The fast path draws one only
    while there are other tickets, so that it costs nothing if aiohttp handles no requests. A
    request starts when its ticket is the first.

    A ticket without a waiting request is dropped after two iterations of the event loop. By then
    aiohttp has started the request, or the data was not a whole request: a part of a head, a
    malformed request, a lost connection. So no request waits for longer than two iterations.

    Attributes:
        tickets: empty if every request that was read has started.
    """

    __slots__ = ("tickets",)

    def __init__(self) -> None:
        self.tickets: deque[Ticket] = deque()

    def draw(self) -> Ticket:
        """Return the next ticket. Call it after the data was passed to aiohttp: the callbacks that
        aiohttp schedules must run before the ticket is dropped."""
        ticket = Ticket()
        self.tickets.append(ticket)
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, self._drop, ticket)
        return ticket

    async def wait(self, ticket: Ticket) -> None:
        """Wait until all requests with earlier tickets have started."""
        if ticket.is_done:
            return
        ticket.is_waiting = True
        try:
            while self.tickets[0] is not ticket:  # noqa: ASYNC110 - two iterations at most
                await asyncio.sleep(0)
        finally:
            self._remove(ticket)

    def _drop(self, ticket: Ticket) -> None:
        if not (ticket.is_waiting or ticket.is_done):
            self._remove(ticket)

    def _remove(self, ticket: Ticket) -> None:
        ticket.is_done = True
        tickets = self.tickets
        while tickets and tickets[0].is_done:
            tickets.popleft()
