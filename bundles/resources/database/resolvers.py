"""The parameters that the bundle provides: ``session: AsyncSession`` and ``after:
AfterCommit``."""

from collections.abc import Awaitable, Callable
from typing import Any

import attrs
from injector import inject
from sqlalchemy.ext.asyncio import AsyncSession

from bundles.resources.database.after_commit import AfterCommit
from bundles.resources.database.databases import Databases
from bundles.resources.database.message_sessions import MessageSessions
from bundles.resources.database.transaction import transaction_of
from bundles.resources.settings import DEFAULT
from rxkernel import ConfigurationError, Definition, Marker, Parameter, Request


@attrs.frozen
class Db(Marker):
    """``Annotated[AsyncSession, Db("reports")]``: the session for the database *name*."""

    name: str = DEFAULT


@attrs.frozen
class AfterCommitMarker(Marker):
    """The marker of ``after: AfterCommit``."""


def _check_transaction(definition: Definition, what: str) -> None:
    if transaction_of(definition).is_off:
        raise ConfigurationError(
            f"it is {what}, and the action has @transaction(None); remove one"
        )


class DbResolver:
    @inject
    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    def bind(
        self, marker: Db, parameter: Parameter, definition: Definition
    ) -> Callable[[Request], Awaitable[AsyncSession]]:
        if parameter.type is not AsyncSession:
            raise ConfigurationError(
                f"its type is {parameter.type}; write Annotated[AsyncSession, {marker!r}]"
            )
        if marker.name not in self._databases:
            raise ConfigurationError(f"unknown database {self._databases.unknown(marker.name)}")
        _check_transaction(definition, "a session")
        name = marker.name

        async def session(request: Request) -> AsyncSession:
            return (await request.get(MessageSessions)).session(name)

        return session

    def describe(self, marker: Db, parameter: Parameter) -> dict[str, Any]:
        return {"statuses": [409, 422, 503]}


class AfterCommitResolver:
    def bind(
        self, marker: AfterCommitMarker, parameter: Parameter, definition: Definition
    ) -> Callable[[Request], Awaitable[AfterCommit]]:
        if parameter.type is not AfterCommit:
            raise ConfigurationError(
                f"its type is {parameter.type}; write {parameter.name}: AfterCommit"
            )
        _check_transaction(definition, "AfterCommit")

        async def after(request: Request) -> AfterCommit:
            return (await request.get(MessageSessions)).after

        return after
