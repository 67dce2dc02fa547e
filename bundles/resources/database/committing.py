"""The wrapper around an action that commits its transaction."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from bundles.resources.database.error_kinds import is_conflict
from bundles.resources.database.message_sessions import MessageSessions, sessions_of
from rxkernel import (
    ConfigurationError,
    Definition,
    EventStreamResponse,
    Request,
    StreamResponse,
    UpgradeResponse,
    current_request,
)

logger = logging.getLogger("rxkernel.database")

Action = Callable[[Request], Awaitable[Any]]
Method = Callable[..., Awaitable[Any]]

_STREAMS = (StreamResponse, EventStreamResponse, UpgradeResponse)


def committing(definition: Definition, retries: int) -> Callable[[Action], Action]:
    """Return the wrapper for the action of *definition*. It calls the action again after a
    conflict with another transaction, up to *retries* times, unless a part of its work is already
    committed.

    Raises:
        ConfigurationError: the action cannot be called again, since it reads its body as a stream.
    """
    if retries and any(p.type == AsyncIterator[bytes] for p in definition.signature.parameters):
        raise ConfigurationError(
            f"{definition.name!r} has @transaction(retries={retries}), and its action reads the "
            f"body as a stream, which is possible once; take the body as bytes, or remove retries"
        )
    return lambda action: _retrying(action, retries) if retries else _once(action)


def flushing(method: Method) -> Method:
    """Return the wrapper that flushes the sessions after a method of a controller, before the
    returned entities are converted to views."""

    async def flushed(*arguments: Any, **named: Any) -> Any:
        result = await method(*arguments, **named)
        request = current_request.get()
        if request is not None and (sessions := sessions_of(request)) is not None:
            await sessions.flush()
        return result

    return flushed


def _once(action: Action) -> Action:
    async def once(request: Request) -> Any:
        result = await action(request)
        if (sessions := sessions_of(request)) is not None:
            await _commit(request, sessions, result)
        return result

    return once


def _retrying(action: Action, retries: int) -> Action:
    once = _once(action)

    async def retrying(request: Request) -> Any:
        for number in range(retries):
            try:
                return await once(request)
            except Exception as exc:
                sessions = sessions_of(request)
                if sessions is None or sessions.has_committed:
                    raise
                if not is_conflict(exc) or current_request.get() is not request:
                    raise
                logger.info(
                    "%s: conflict with another transaction, retry %d",
                    request.route_name,
                    number + 1,
                )
            await sessions.roll_back()
        return await once(request)

    return retrying


async def _commit(request: Request, sessions: MessageSessions, result: object) -> None:
    if current_request.get() is not request:
        return  # an action that another one calls by `Request.inner`: the other one commits
    await sessions.commit()
    if isinstance(result, _STREAMS):
        sessions.only_read()
