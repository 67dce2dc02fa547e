"""Replaces connections of a pool that were lost while they were idle."""

import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

IDLE_SECONDS = 1.0
"""Idle seconds after which a connection is tested before its use. ``pool_pre_ping`` would test it
before every use, which costs a round trip for each message."""

_RETURNED = "rxkernel.returned"
"""The key in ``ConnectionPoolEntry.info`` for the time of the last use."""


def watch_idle_connections(engine: Engine) -> None:
    """Test connections that were idle for `IDLE_SECONDS` when they are taken from the pool of
    *engine*, and replace lost ones."""
    dialect = engine.dialect
    assert dialect.dbapi is not None
    errors = dialect.dbapi.Error

    @event.listens_for(engine, "checkin")
    def _checkin(connection: Any, entry: ConnectionPoolEntry) -> None:
        entry.info[_RETURNED] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _checkout(connection: Any, entry: ConnectionPoolEntry, proxy: Any) -> None:
        returned = entry.info.get(_RETURNED)
        if returned is None or time.monotonic() - returned < IDLE_SECONDS:
            return
        try:
            dialect.do_ping(connection)
        except errors as exc:
            raise DisconnectionError from exc
