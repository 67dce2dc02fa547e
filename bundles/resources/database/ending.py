"""The end of a message or a unit of work: commit, the calls afterwards, and closing."""

import asyncio
import logging
from collections.abc import Iterable, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from bundles.resources.database.after_commit import AfterCommit
from bundles.resources.database.last_tasks import LastTasks, Task
from bundles.resources.database.owned_session import OwnedSession

logger = logging.getLogger("rxkernel.database")


class Ending:
    """Commits sessions together with the calls of *after*, and closes them."""

    def __init__(self, tasks: LastTasks, after: AfterCommit) -> None:
        self._tasks = tasks
        self._after = after
        self._committing: Task | None = None

    async def commit(self, sessions: Sequence[AsyncSession]) -> None:
        """Commit each of *sessions*, then make the calls. Both happen even if the task is
        cancelled meanwhile, so that committed changes are always emitted."""
        await flush_all(sessions)  # its events may add calls
        if len(sessions) < 2 and not self._after.count:
            await self._commit(sessions)
            return
        self._committing = self._tasks.start(self._commit(sessions))
        await self._tasks.wait(self._committing)

    async def _commit(self, sessions: Sequence[AsyncSession]) -> None:
        for session in sessions:
            if session.in_transaction():
                await session.commit()
        await self._after.call_all()

    async def close(self, sessions: Sequence[AsyncSession]) -> None:
        """Close *sessions*. If the task was cancelled during a commit, which continues, the commit
        closes them."""
        is_committing = self._committing is not None and not self._committing.done()
        if not is_committing and not any(session.in_transaction() for session in sessions):
            for session in sessions:  # they have no connections, so there is nothing to await
                _owned(session).end()
                session.sync_session.close()
            return
        closing = self._tasks.start(self._close(sessions))
        if not is_committing:
            await self._tasks.wait(closing)

    async def _close(self, sessions: Sequence[AsyncSession]) -> None:
        if self._committing is not None:
            await asyncio.wait({self._committing})
        for session in sessions:
            _owned(session).end()
            try:
                await session.close()
            except Exception:  # a driver may raise anything; the other sessions must be closed
                logger.warning(
                    "a session cannot be closed, since a task still uses it or the database is "
                    "away; its connection is dropped",
                    exc_info=True,
                )
                await session.run_sync(lambda _, own: own.give_up(), _owned(session))


async def flush_all(sessions: Iterable[AsyncSession]) -> None:
    """Flush the changes in *sessions* to their databases."""
    for session in sessions:
        if session.new or session.deleted or session.dirty:
            await session.flush()


def _owned(session: AsyncSession) -> OwnedSession:
    sync = session.sync_session
    assert isinstance(sync, OwnedSession)
    return sync
