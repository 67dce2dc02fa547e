"""Listens for clients that call procedures with lines of JSON."""

import asyncio
from collections import Counter
from collections.abc import Mapping

from injector import inject
from rxkernel import (
    Compiled,
    ConfigurationError,
    EventStreamResponse,
    FileResponse,
    Kernel,
    Server,
    ServerStartError,
    Settings,
    StreamResponse,
)

from rxkernel_lines.message import LINES
from rxkernel_lines.session import Session
from rxkernel_lines.settings import LinesSettings

STREAMS = (StreamResponse, EventStreamResponse, FileResponse)


class LinesServer(Server):
    """``engine`` is the `asyncio.Server`, from the start on."""

    name = "lines"
    transport = LINES
    label = "JSON lines"

    @inject
    def __init__(self, settings: LinesSettings, application: Settings) -> None:
        self._settings = settings
        self._reuse_port = application.http.reuse_port
        self._kernel: Kernel | None = None
        self._sessions: dict[Session, asyncio.Task[None]] = {}
        self._counts: Counter[str] = Counter()

    @property
    def host(self) -> str:
        return self._settings.host

    @property
    def port(self) -> int:
        if self.engine is None:
            return self._settings.port
        port: int = self.engine.sockets[0].getsockname()[1]
        return port

    @property
    def scheme(self) -> str:
        return "tcp"

    @property
    def counts(self) -> Mapping[str, int]:
        return self._counts

    def check(self, compiled: Compiled) -> None:
        problems = [
            f"procedure {definition.name!r} returns a {returns.__name__}, which cannot be sent as "
            f"one line; return the content itself"
            for definition in compiled.definitions[LINES]
            if (returns := definition.signature.returns) in STREAMS
        ]
        if problems:
            raise ConfigurationError(*problems)

    def configure(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._counts = Counter()

    async def start(self) -> None:
        host, port = self._settings.host, self._settings.port
        try:
            self.engine = await asyncio.start_server(
                self._connected,
                host,
                port,
                limit=self._settings.max_line,
                reuse_port=self._reuse_port or None,  # for `serve --workers`
            )
        except OSError as exc:
            raise ServerStartError(
                f"the server {self.name!r} cannot listen on {host}:{port}: {exc.strerror}; set "
                f"lines.host or lines.port"
            ) from exc

    async def drain(self) -> None:
        self.engine.close()
        for session in self._sessions:
            session.finish()
        if self._sessions:
            await asyncio.wait(self._sessions.values())

    async def stop(self) -> None:
        self.engine.close()
        for session in self._sessions:
            session.abort()
        if self._sessions:
            await asyncio.wait(self._sessions.values())
        self.engine = None

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self._kernel is not None
        session = Session(self._kernel, self._settings, self._counts, reader, writer)
        is_full = len(self._sessions) >= self._settings.max_connections
        if is_full:
            self._counts["lines.max_connections"] += 1
        task = asyncio.create_task(session.refuse() if is_full else session.serve())
        self._sessions[session] = task
        task.add_done_callback(lambda _: self._sessions.pop(session))
