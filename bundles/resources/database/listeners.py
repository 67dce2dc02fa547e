"""Commits the transactions of messages."""

from injector import inject

from bundles.resources.database.message_sessions import MessageSessions
from bundles.resources.database.modes import Modes
from rxkernel import (
    DefinitionEvent,
    EventStreamResponse,
    KernelEvents,
    Request,
    StreamResponse,
    UpgradeResponse,
    current_request,
    observe,
)
from rxkernel.kernel.events import Action

_OUTERMOST = -1000
"""The priority in ``kernel.definition``: a wrapper of another bundle may still raise an exception,
which must roll back."""

_STREAMS = (StreamResponse, EventStreamResponse, UpgradeResponse)


class DatabaseListeners:
    @inject
    def __init__(self, modes: Modes) -> None:
        self._modes = modes

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_OUTERMOST)
    async def wrap(self, event: DefinitionEvent) -> None:
        self._modes.add(event.definition, event.siblings)
        event.wrap(_committing)


def _committing(action: Action) -> Action:
    async def committing(request: Request) -> object:
        result = await action(request)
        services = request.services
        if services is not None and MessageSessions in services:
            await _commit(request, services[MessageSessions], result)
        return result

    return committing


async def _commit(request: Request, sessions: MessageSessions, result: object) -> None:
    if current_request.get() is not request:
        return  # the action of another one, which `Request.inner` calls: it commits
    await sessions.commit()
    if isinstance(result, _STREAMS):
        sessions.only_read()
