"""A session that knows its owner: its `AfterCommit`, and whether its message has ended."""

from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.orm import SessionTransaction

from bundles.resources.database.after_commit import AfterCommit
from bundles.resources.database.unloaded import LoadedSession
from rxkernel import RxKernelError


class OwnedSession(LoadedSession):
    """The session of a message, or of a unit of work.

    Attributes:
        after: the calls to make after its commit; None if its owner cannot add calls.
        has_committed: whether one of its transactions was committed, and so cannot be rolled back.
    """

    def __init__(self, *arguments: Any, after: AfterCommit | None = None, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.after = after
        self.has_committed = False
        self.savepoints: dict[SessionTransaction, int] = {}
        """The number of calls at the begin of each savepoint."""
        self._connection: Connection | None = None
        self._has_ended = False

    @property
    def has_connection(self) -> bool:
        """Whether a transaction has begun in the database."""
        return self._connection is not None and not self._connection.closed

    def end(self) -> None:
        """Reject transactions from now on, since they would stay open."""
        self._has_ended = True

    def give_up(self) -> None:
        """Close the connection, although another task still uses it."""
        if self._connection is not None:
            _close(self._connection)


def _close(connection: Connection) -> None:
    if not connection.closed:
        connection.invalidate()
        connection.close()


@event.listens_for(OwnedSession, "after_begin")
def _connected(session: OwnedSession, _: SessionTransaction, connection: Connection) -> None:
    if session._has_ended:
        _close(connection)
        raise RxKernelError(
            "a session is used after its message or unit of work has ended; await all tasks that "
            "use it, one after the other, or use unit_of_work() in them"
        )
    session._connection = connection


@event.listens_for(OwnedSession, "after_transaction_create")
def _begun(session: OwnedSession, transaction: SessionTransaction) -> None:
    if transaction.nested and session.after is not None:
        session.savepoints[transaction] = session.after.count


@event.listens_for(OwnedSession, "after_transaction_end")
def _ended(session: OwnedSession, transaction: SessionTransaction) -> None:
    session.savepoints.pop(transaction, None)


@event.listens_for(OwnedSession, "after_commit")
def _committed(session: OwnedSession) -> None:
    if session.get_nested_transaction() is not None:
        return
    session.has_committed = True
    if session.after is not None:
        session.after.keep()


@event.listens_for(OwnedSession, "after_rollback")
def _rolled_back(session: OwnedSession) -> None:
    """Drop the calls since the begin of the transaction, or of the savepoint."""
    if session.after is not None:
        savepoint = session.get_nested_transaction()
        session.after.forget(0 if savepoint is None else session.savepoints[savepoint])
