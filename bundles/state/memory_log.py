"""A state for one process, and its file."""

import asyncio
import logging
from pathlib import Path

from injector import inject

from bundles.state.entries import Image, Logged
from bundles.state.log import StateLog
from bundles.state.replica import Replica
from bundles.state.settings import StateSettings
from bundles.state.state_file import encode, load, write

logger = logging.getLogger(__name__)

_INTERVAL = 1.0
"""Seconds between two writes of the file."""


class MemoryLog(StateLog):
    """Each change is an entry at once."""

    @inject
    def __init__(self, settings: StateSettings) -> None:
        self._file = settings.file
        self._settings = settings
        self._replica: Replica | None = None
        self._saving: asyncio.Task[None] | None = None
        self._changes = asyncio.Event()
        self._problem: str | None = None

    @property
    def problem(self) -> str | None:
        return self._problem

    async def start(self, replica: Replica) -> None:
        self._replica = replica
        if self._file is not None:
            root = await asyncio.to_thread(load, self._file, self._settings)
            replica.load("", "", Image(0, "", root, {}))
            self._saving = asyncio.create_task(self._save(self._file))
        self._carry_out(replica)

    def changed(self, delay: float) -> None:
        if self._replica is not None:
            self._carry_out(self._replica)

    async def stop(self) -> None:
        if self._saving is not None and self._file is not None and self._replica is not None:
            self._saving.cancel()
            await asyncio.wait({self._saving})
            self._saving = None
            if self._changes.is_set():
                await self._write(self._file)
            if self._problem is not None:
                logger.error("changes of the state are lost: %s", self._problem)

    def _carry_out(self, replica: Replica) -> None:
        while (outgoing := replica.own.next()) is not None:
            entry = outgoing.entry
            replica.receive([Logged(replica.position + 1, replica.token, entry, 0)])
            self._changes.set()

    async def _save(self, file: Path) -> None:
        while True:
            await self._changes.wait()
            await self._write(file)
            await asyncio.sleep(_INTERVAL)

    async def _write(self, file: Path) -> None:
        assert self._replica is not None
        self._changes.clear()
        data = encode(self._replica.tree.root)
        writing = asyncio.ensure_future(asyncio.to_thread(write, file, data))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait({writing})
            if writing.exception() is not None:
                self._changes.set()  # `stop` tries it again, and logs the error
            raise
        except OSError as exc:
            self._changes.set()
            if self._problem is None:
                logger.error("state.file cannot be written: %s", exc)
            self._problem = f"state.file cannot be written: {exc}"
            return
        self._problem = None
