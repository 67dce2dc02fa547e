"""`UnitOfWork`, which ``async with unit_of_work()`` yields."""

import attrs
from sqlalchemy.ext.asyncio import AsyncSession

from bundles.resources.database.after_commit import AfterCommit


@attrs.frozen
class UnitOfWork:
    """A transaction outside of a message.

    Attributes:
        session: the session, which is committed at the end of the block.
        after: the calls to make after the commit.
    """

    session: AsyncSession
    after: AfterCommit
