"""Removes expired sessions without a request."""

import asyncio
import logging
from types import TracebackType
from typing import Self

from injector import inject

from bundles.sessions.sessions import Sessions
from bundles.sessions.settings import SessionsSettings
from rxkernel import HttpException

logger = logging.getLogger(__name__)

_LONGEST = 60.0


class Sweeper:
    """A task that runs from boot to shutdown, ten times in ``idle_timeout``, at least once a
    minute."""

    @inject
    def __init__(self, sessions: Sessions, settings: SessionsSettings) -> None:
        self._sessions = sessions
        self._interval = min(settings.idle_timeout / 10, _LONGEST)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self._sessions.remove_expired()
            except HttpException:
                pass  # the store has logged that it cannot be used
            except Exception:
                logger.exception("expired sessions were not removed")
