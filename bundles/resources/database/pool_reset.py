"""Resets connections that return to their pool."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.pool import PoolResetState

_POSTGRESQL_IDLE = 0
"""``PQTRANS_IDLE`` of libpq: no transaction is open."""

_IS_OPEN: dict[str, Callable[[Any], bool]] = {
    # a COMMIT that fails, by a deferred constraint, leaves the transaction open
    "sqlite": lambda driver: driver.in_transaction,
    "postgresql": lambda driver: driver.info.transaction_status != _POSTGRESQL_IDLE,
    "mariadb": lambda driver: driver.get_transaction_status(),
}
"""Functions that return whether a connection of the driver has a transaction, by dialect."""


def roll_back_what_is_open(engine: Engine, dialect: str) -> None:
    """Roll back a transaction that is open when a connection returns to the pool of *engine*. The
    pool itself would send a rollback for every connection."""
    is_open = _IS_OPEN[dialect]

    @event.listens_for(engine, "reset")
    def _reset(connection: Any, _: Any, state: PoolResetState) -> None:
        if state.asyncio_safe and is_open(connection.driver_connection):
            connection.rollback()
