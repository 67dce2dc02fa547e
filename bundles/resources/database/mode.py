"""How a transaction is begun."""

from typing import Literal

import attrs

Isolation = Literal["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]
ISOLATIONS: tuple[str, ...] = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")


@attrs.frozen
class Mode:
    """The kind of the transactions of a session.

    Attributes:
        readonly: the database rejects statements that write.
        isolation: the isolation level; None is that of the database: READ COMMITTED in PostgreSQL,
            REPEATABLE READ in MariaDB. SQLite always isolates as SERIALIZABLE.
        may_write: whether a transaction of SQLite takes the lock for writing when it begins, so
            that it cannot fail later because another one has written since. Without it, a reader
            never waits for a writer.
    """

    readonly: bool = False
    isolation: Isolation | None = None
    may_write: bool = True

    @classmethod
    def of(cls, *, readonly: bool, isolation: Isolation | None) -> "Mode":
        """The mode outside of a message, which takes the lock unless it is read-only."""
        return cls(readonly, isolation, may_write=not readonly)


WRITES = Mode()
READS = Mode(may_write=False)
READONLY = Mode(readonly=True, may_write=False)
