"""Commits the transactions of messages, and responds to errors of databases."""

import asyncio
import inspect
from types import NoneType
from typing import Any

from injector import inject
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bundles.resources.database.committing import committing, flushing
from bundles.resources.database.database import Database
from bundles.resources.database.databases import Databases
from bundles.resources.database.error_kinds import is_schema_mismatch
from bundles.resources.database.error_responses import respond_to
from bundles.resources.database.mode import READS
from bundles.resources.database.modes import Modes
from bundles.resources.database.resolvers import Db
from bundles.resources.database.transaction import transaction_of
from rxkernel import (
    ConfigurationError,
    DefinitionEvent,
    ExceptionEvent,
    KernelEvents,
    ReadinessEvent,
    ServerEvents,
    observe,
)

_OUTERMOST = -1000
"""The priority in ``kernel.definition``: outside of the wrappers of other bundles, whose
exceptions must roll back too."""

_INNERMOST = 1000
"""The priority of the innermost wrapper."""

_MISMATCH = (
    "the tables of the database differ from the models; write a revision with "
    "`python -m rxkernel db revision`, and apply it with `db upgrade`; without revisions, boot "
    "creates missing tables only: delete a file of SQLite that is for development"
)
"""The log message for a missing table or column."""

_PROBE = text("SELECT 1")
_PROBE_TIMEOUT = 0.6
"""Seconds for the reply of a database; the limit for all listeners of a probe together is 0.8."""


class DatabaseListeners:
    @inject
    def __init__(self, databases: Databases, modes: Modes) -> None:
        self._databases = databases
        self._modes = modes

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_INNERMOST)
    async def flush(self, event: DefinitionEvent) -> None:
        """Wrap the action so that it flushes before its result is converted to its annotation."""
        is_converted = event.definition.signature.returns not in (Any, object, NoneType)
        if is_converted and not transaction_of(event.definition).is_off:
            event.wrap_method(flushing)

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_OUTERMOST)
    async def wrap(self, event: DefinitionEvent) -> None:
        _check_is_async(event)
        self._modes.add(event.definition, event.siblings)
        transaction = transaction_of(event.definition)
        if not transaction.is_off:
            event.wrap(committing(event.definition, transaction.retries))

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=1000)
    async def respond(self, event: ExceptionEvent) -> None:
        """Replace an error of a database by its response, unless it is a bug."""
        failure = event.exception
        if not isinstance(failure, SQLAlchemyError):
            return
        if is_schema_mismatch(failure):
            failure.add_note(_MISMATCH)
        respond_to(event, self._databases.tables)

    @observe(ServerEvents.READINESS)
    async def probe(self, event: ReadinessEvent) -> None:
        """Report databases that do not reply. A database whose connections are all in use is not
        probed: the probe would wait for a connection, and the messages notice an outage."""
        idle = [database for database in self._databases.values() if not database.is_busy]
        for database, problem in zip(idle, await asyncio.gather(*map(_probe, idle)), strict=True):
            if problem is not None:
                event.fail(f"database {database.name}", problem)


def _check_is_async(event: DefinitionEvent) -> None:
    """Check that an action with a session is an ``async def``.

    Raises:
        ConfigurationError: it is a plain ``def``.
    """
    definition = event.definition
    name = definition.metadata.action
    action = getattr(event.controller, name, None) if isinstance(name, str) else name
    if not inspect.isroutine(action) or inspect.iscoroutinefunction(inspect.unwrap(action)):
        return
    for parameter in definition.signature.parameters:
        if isinstance(parameter.marker, Db):
            raise ConfigurationError(
                f"{definition.name!r} ({definition.metadata.location}) takes the session "
                f"{parameter.name!r}, and its action is a plain def, which runs in a thread; "
                f"write async def"
            )


async def _probe(database: Database) -> str | None:
    """Return the error of *database*, or None."""
    try:
        async with (
            asyncio.timeout(_PROBE_TIMEOUT),
            database.engine_in(READS).connect() as connection,
        ):
            await connection.execute(_PROBE)
    except TimeoutError:
        return f"no reply within {_PROBE_TIMEOUT:g} s"
    except SQLAlchemyError as exc:
        return str(exc.orig if isinstance(exc, DBAPIError) else exc)
    return None
