"""PostgreSQL: what the pool rolls back."""

from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.pool import PoolResetState

_IDLE = 0
"""``PQTRANS_IDLE`` of libpq: no transaction is open."""


def prepare(engine: Engine) -> None:
    """Roll back what is open when a connection returns to the pool of *engine*."""

    @event.listens_for(engine, "reset")
    def _reset(connection: Any, _: Any, state: PoolResetState) -> None:
        if not state.asyncio_safe:
            return
        if connection.driver_connection.info.transaction_status != _IDLE:
            connection.rollback()
