"""A session whose calls of `AfterCommit` are dropped with the transaction they belong to."""

from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import SessionTransaction

from bundles.resources.database.after_commit import AfterCommit
from bundles.resources.database.unloaded import LoadedSession


class OwnedSession(LoadedSession):
    """The session of a message, or of a unit of work.

    Attributes:
        after: what to do after its commit; None if its owner cannot add calls.
    """

    def __init__(self, *arguments: Any, after: AfterCommit | None = None, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.after = after
        self.savepoints: dict[SessionTransaction, int] = {}
        """The number of calls at the begin of each."""


@event.listens_for(OwnedSession, "after_transaction_create")
def _begun(session: OwnedSession, transaction: SessionTransaction) -> None:
    if transaction.nested and session.after is not None:
        session.savepoints[transaction] = session.after.count


@event.listens_for(OwnedSession, "after_transaction_end")
def _ended(session: OwnedSession, transaction: SessionTransaction) -> None:
    session.savepoints.pop(transaction, None)


@event.listens_for(OwnedSession, "after_commit")
def _committed(session: OwnedSession) -> None:
    if session.after is not None and session.get_nested_transaction() is None:
        session.after.keep()


@event.listens_for(OwnedSession, "after_rollback")
def _rolled_back(session: OwnedSession) -> None:
    """Drop the calls since the begin of the transaction, or of the savepoint."""
    if session.after is not None:
        savepoint = session.get_nested_transaction()
        session.after.forget(0 if savepoint is None else session.savepoints[savepoint])
