"""`unit_of_work`, for code outside of messages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bundles.resources.database.databases import Databases
from bundles.resources.database.message_sessions import session_with_lock_of
from bundles.resources.database.mode import Isolation
from bundles.resources.database.unit import UnitOfWork
from bundles.resources.settings import DEFAULT
from rxkernel import RxKernelError, current_application


@asynccontextmanager
async def unit_of_work(
    database: str = DEFAULT, *, readonly: bool = False, isolation: Isolation | None = None
) -> AsyncIterator[UnitOfWork]:
    """Begin a transaction of the current application, for tasks and listeners of connections.

    ``async with unit_of_work() as work: work.session.add(…)``. It is committed at the end of the
    block, or rolled back if the block raises. In a message it is separate from the transaction of
    the message.

    Raises:
        RxKernelError: no application is running here, the database does not exist, or it is one of
            SQLite and the session of the message holds its write lock.
    """
    application = current_application.get()
    if application is None:
        raise RxKernelError(
            "unit_of_work() is called outside of a running application; inject Database, and "
            "write async with database.unit_of_work()"
        )
    found = application.injector.get(Databases).named(database)
    if not readonly and session_with_lock_of(found) is not None:
        raise RxKernelError(
            "unit_of_work() waits for the lock for writing, which SQLite has once and the session "
            "of this message holds; write with that session, commit it before, or write "
            "unit_of_work(readonly=True)"
        )
    async with found.unit_of_work(readonly=readonly, isolation=isolation) as work:
        yield work
