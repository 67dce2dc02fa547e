"""The mode of a transaction."""

from typing import Literal

import attrs

Isolation = Literal["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]
ISOLATIONS: tuple[str, ...] = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")


@attrs.frozen
class Mode:
    """The mode of the transactions of a session.

    Attributes:
        readonly: whether the database rejects statements that write.
        isolation: the isolation level; None: the default of the database, READ COMMITTED in
            PostgreSQL and REPEATABLE READ in MariaDB. SQLite always uses SERIALIZABLE.
        may_write: whether a transaction of SQLite takes the write lock when it begins, so that it
            cannot fail later because another transaction has written meanwhile. If it is false,
            the transaction never waits for a writer when it begins.
    """

    readonly: bool = False
    isolation: Isolation | None = None
    may_write: bool = True

    @classmethod
    def of(cls, *, readonly: bool, isolation: Isolation | None) -> "Mode":
        """Return the mode outside of a message: it takes the write lock unless it is read-only."""
        return cls(readonly, isolation, may_write=not readonly)


WRITES = Mode()
READS = Mode(may_write=False)
READONLY = Mode(readonly=True, may_write=False)
