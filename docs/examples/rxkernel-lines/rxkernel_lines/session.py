"""One client: its lines are read in order, and each is answered by a task of its own."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable
from functools import partial

from rxkernel import (
    ClientAddress,
    HttpException,
    Kernel,
    NotFoundException,
    PayloadTooLargeException,
    Request,
    Response,
    ServiceUnavailableException,
)

from rxkernel_lines.message import LINES, read_call, write_response
from rxkernel_lines.settings import LinesSettings

logger = logging.getLogger(__name__)

_LINGER = 1.0
"""Seconds within which a client must close its side."""


class Session:
    """Serves one connection until the client leaves, breaks a rule, or `finish` is called.

    *counts* is that of the server: how often each limit was reached.
    """

    def __init__(
        self,
        kernel: Kernel,
        settings: LinesSettings,
        counts: Counter[str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._kernel = kernel
        self._settings = settings
        self._counts = counts
        self._reader = reader
        self._writer = writer
        peer = writer.get_extra_info("peername") or ("", 0)  # None for one that has left already
        self._client = ClientAddress(*peer[:2])
        self._room = asyncio.Semaphore(settings.concurrency)
        self._answers: set[asyncio.Task[None]] = set()
        self._reading: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Read and answer lines; calls in flight are answered before the connection is closed."""
        self._reading = asyncio.create_task(self._read())
        await asyncio.wait((self._reading,))
        while self._answers:
            await asyncio.wait(self._answers)
        await self._close()

    def finish(self) -> None:
        """Read no further line."""
        if self._reading is not None:
            self._reading.cancel()

    def abort(self) -> None:
        """Close at once; calls in flight are cancelled."""
        self.finish()
        for task in self._answers:
            task.cancel()
        self._writer.transport.abort()

    async def refuse(self) -> None:
        """Answer that there are too many clients, and close."""
        await self._fail(ServiceUnavailableException("too many connections; try again"))
        await self._close()

    async def _read(self) -> None:
        try:
            while True:
                await self._room.acquire()  # before a line is read: a busy client has to wait
                async with asyncio.timeout(self._settings.idle_timeout):
                    line = await self._reader.readuntil(b"\n")
                task = asyncio.create_task(self._answer(line))
                self._answers.add(task)
                task.add_done_callback(self._answered)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has left
        except TimeoutError:
            self._counts["lines.idle_timeout"] += 1
        except asyncio.LimitOverrunError:
            self._counts["lines.max_line"] += 1
            await self._fail(PayloadTooLargeException("the line is too long"))

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._answers.discard(task)
        self._room.release()
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a line of %s could not be answered", self._client, exc_info=error)

    async def _answer(self, line: bytes) -> None:
        """One message: find its definition, let the kernel answer, send that, terminate."""
        request, id = Request(LINES, client=self._client), None
        try:
            call = read_call(line)
            request, id = call.request(self._client), call.id
            definition = self._kernel.definitions[LINES].get(call.call)
            if definition is None:
                message = f"no procedure {call.call[:100]!r}"
                raise NotFoundException(message, code="unknown_procedure")
        except HttpException as exc:
            answer = self._kernel.fail(request, exc)
        else:
            answer = self._kernel.answer(definition, request)
        await self._respond(request, id, answer)

    async def _fail(self, exception: HttpException) -> None:
        """Send an error that belongs to no line."""
        request = Request(LINES, client=self._client)
        await self._respond(request, None, self._kernel.fail(request, exception))

    async def _respond(
        self, request: Request, id: str | int | None, answer: Awaitable[Response]
    ) -> None:
        """Begin the message, send the response, end the message in every case."""
        response: Response | None = None
        size: int | None = None
        self._kernel.begin(request)
        try:
            encode = partial(write_response, id)
            response, line = await self._kernel.encoded(request, await answer, encode)
            self._writer.write(line)
            async with asyncio.timeout(self._settings.send_timeout):
                await self._writer.drain()
            size = len(line)
        except ConnectionError:
            pass  # the client has left
        except TimeoutError:
            self._counts["lines.send_timeout"] += 1
            self._writer.transport.abort()
        finally:
            self._kernel.terminate(request, response, size=size)

    async def _close(self) -> None:
        """Close once the client has closed, or after a second.

        A TCP connection that is closed with unread bytes is reset: the client would lose the last
        responses.
        """
        try:
            async with asyncio.timeout(_LINGER):
                self._writer.write_eof()
                while await self._reader.read(65536):
                    pass
        except (TimeoutError, OSError):
            pass
        finally:
            self._writer.close()
