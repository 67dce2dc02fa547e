"""MariaDB and MySQL: read-only transactions, and isolation levels."""

from sqlalchemy import Connection, Engine, event

from bundles.resources.database.mode import WRITES, Mode


def prepare(engine: Engine) -> None:
    """Begin the transactions of *engine* in the mode of its connections.

    ``SET TRANSACTION`` affects only the next transaction, so nothing must be reset.
    """

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        mode: Mode = connection.get_execution_options().get("rxkernel_mode", WRITES)
        if mode.isolation is not None:
            connection.exec_driver_sql(f"SET TRANSACTION ISOLATION LEVEL {mode.isolation}")
        if mode.readonly:
            connection.exec_driver_sql("START TRANSACTION READ ONLY")
