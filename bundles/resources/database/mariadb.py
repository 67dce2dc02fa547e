"""MariaDB and MySQL: transactions that are read-only, or have an isolation level of their own."""

from sqlalchemy import Connection, Engine, event

from bundles.resources.database.mode import WRITES, Mode


def prepare(engine: Engine) -> None:
    """Begin the transactions of *engine* in the mode of its connections.

    ``SET TRANSACTION`` is valid for the next transaction only, so nothing has to be reset.
    """

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        mode: Mode = connection.get_execution_options().get("rxkernel_mode", WRITES)
        if mode.isolation is not None:
            connection.exec_driver_sql(f"SET TRANSACTION ISOLATION LEVEL {mode.isolation}")
        if mode.readonly:
            connection.exec_driver_sql("START TRANSACTION READ ONLY")
