"""The connections of the stores, separate from those of messages."""

import logging
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar

import attrs
from injector import inject
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bundles.resources.database.engines import new_engine, options_of
from bundles.resources.database.error_kinds import is_conflict, is_outage
from bundles.resources.database.mode import Mode
from bundles.resources.database.watching import Watcher
from bundles.resources.settings import DEFAULT, ResourcesSettings
from bundles.resources.stores.tables import METADATA
from rxkernel import ServiceUnavailableException

logger = logging.getLogger(__name__)

T = TypeVar("T")

_POOL_SIZE = 5
"""The number of connections: transactions of the stores are short, and do not wait for
messages."""
_ATTEMPTS = 10
_MODE = Mode(isolation="READ COMMITTED")
"""The isolation with which a locked row is read as it is when the lock is granted."""


class StoreDatabase:
    """The default database with a separate pool. If the stores shared the pool of the application,
    messages that each hold a connection could wait for a second one forever."""

    @inject
    def __init__(self, settings: ResourcesSettings) -> None:
        own = attrs.evolve(settings, pool_size=min(_POOL_SIZE, settings.pool_size))
        engine = new_engine(own, "resources.url")
        Watcher(DEFAULT, settings.slow_statement).watch(engine.sync_engine)
        self._engine = engine.execution_options(**options_of(engine, _MODE))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._engine.dispose()

    async def create_tables(self) -> None:
        """Create the missing tables; those of an application are created by migrations."""
        async with self._engine.begin() as connection:
            await connection.run_sync(METADATA.create_all)

    async def run(
        self,
        work: Callable[[AsyncConnection], Awaitable[T]],
        unavailable: Callable[[], ServiceUnavailableException],
    ) -> T:
        """Await ``work(connection)`` in a transaction; repeat it after a conflict with another
        one.

        Raises:
            ServiceUnavailableException: made by *unavailable*: the database cannot be used.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                async with self._engine.begin() as connection:
                    return await work(connection)
            except SQLAlchemyError as exc:
                # two transactions may insert the same key
                may_repeat = is_conflict(exc) or isinstance(exc, IntegrityError)
                if may_repeat and attempt < _ATTEMPTS:
                    continue
                if not is_outage(exc):  # an outage is logged by the database
                    logger.exception(
                        "a table of the store cannot be used; if it is missing, create a "
                        "migration for it and run `python -m rxkernel db upgrade`"
                    )
                raise unavailable() from exc
        raise AssertionError("unreachable")
