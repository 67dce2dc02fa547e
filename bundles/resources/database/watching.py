"""Watches the statements and the connections of one engine."""

import logging
import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import Connection, ExceptionContext
from sqlalchemy.exc import DataError

from bundles.resources.database.error_kinds import is_outage

logger = logging.getLogger("rxkernel.database")

_BEGUN = "rxkernel.begun"
"""The key in ``Connection.info`` for the time at which the current statement has begun."""

_NOT_SENT = (OverflowError, UnicodeEncodeError)
"""Errors of a driver for values that it cannot send: a huge number, a text with surrogates."""


class Watcher:
    """Logs slow statements; and the begin and the end of an outage, each once.

    Attributes:
        is_down: whether the last attempt to use the database failed by an outage.
    """

    def __init__(self, name: str, slow_statement: float) -> None:
        self.is_down = False
        self._name = name
        self._slow = slow_statement

    def watch(self, engine: Engine) -> None:
        event.listen(engine, "before_cursor_execute", self._before)
        event.listen(engine, "after_cursor_execute", self._after)
        event.listen(engine, "handle_error", self._failed)
        event.listen(engine, "connect", self._connected)

    def _before(self, connection: Connection, *_: Any) -> None:
        connection.info[_BEGUN] = time.perf_counter()

    def _after(self, connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
        seconds = time.perf_counter() - connection.info[_BEGUN]
        if seconds >= self._slow:
            logger.warning(
                "slow statement in the database %r, %.2f s: %s", self._name, seconds, statement
            )

    def _failed(self, context: ExceptionContext) -> BaseException | None:
        """Log an outage, and return the error to raise for a value that cannot be sent."""
        original = context.original_exception
        if isinstance(original, _NOT_SENT):
            return DataError(context.statement, None, original, hide_parameters=True)
        failure = context.sqlalchemy_exception
        if failure is not None and not self.is_down and _is_away(context, failure):
            self.is_down = True
            logger.error("the database %r cannot be used: %s", self._name, original)
        return None

    def _connected(self, *_: Any) -> None:
        if self.is_down:
            self.is_down = False
            logger.info("the database %r can be used again", self._name)


def _is_away(context: ExceptionContext, failure: BaseException) -> bool:
    """Whether a new connection is needed; when it is made, the outage has ended."""
    return context.is_disconnect or (context.connection is None and is_outage(failure))
