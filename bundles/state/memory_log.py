"""A state for one process, and its file."""

import asyncio
import logging
import os
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from injector import inject

from bundles.state.entries import Image, Logged
from bundles.state.log import StateLog
from bundles.state.replica import Replica
from bundles.state.settings import StateSettings
from bundles.state.values import Cleaner, decode, measure
from rxkernel import ConfigurationError

logger = logging.getLogger(__name__)

_INTERVAL = 1.0
"""Seconds between two writes of the file."""


class MemoryLog(StateLog):
    """Each change is an entry at once."""

    @inject
    def __init__(self, settings: StateSettings) -> None:
        self._file = None if settings.file is None else Path(settings.file)
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
            root = await asyncio.to_thread(_load, self._file, self._settings)
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
        data = msgspec.json.format(msgspec.json.encode(self._replica.image().root))
        writing = asyncio.ensure_future(asyncio.to_thread(write_file, file, data))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait({writing})
            raise
        except OSError as exc:
            self._changes.set()
            if self._problem is None:
                logger.error("state.file cannot be written: %s", exc)
            self._problem = f"state.file cannot be written: {exc}"
            return
        self._problem = None


def _load(file: Path, settings: StateSettings) -> dict[str, Any]:
    """The values in *file*; an empty dict if the file is missing.

    Raises:
        ConfigurationError: it cannot be read, or has something else, or more than fits.
    """
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise ConfigurationError(f"state.file cannot be read: {exc}") from exc
    try:
        values = decode(data)
        if type(values) is not dict:
            raise TypeError("it is not a JSON object")
        root = Cleaner(str(file), settings.max_size, "state.max_size").clean(values, 0) or {}
        if (paths := measure(root)[0] - 1) > settings.max_keys:
            raise ValueError(f"it has {paths} paths; state.max_keys is {settings.max_keys}")
        return root
    except (ValueError, TypeError) as exc:
        raise ConfigurationError(
            f"state.file {str(file)!r} has no state: {exc}; correct it, or remove it to begin "
            f"with an empty state"
        ) from exc


def write_file(file: Path, data: bytes) -> None:
    """Replace *file*: it is never incomplete, also after a crash, or if others replace it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(".new", f"{file.name}.", file.parent)  # its mode is 600
    new = Path(name)
    try:
        with open(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(file)
    except OSError:
        new.unlink()
        raise
