"""``lastEventId``, which clients of ``.sse`` and ``.ws`` add to the query when they reconnect."""

from collections.abc import Awaitable, Callable
from typing import Any

from bundles.web.channels.subscriptions import take_last_event_id
from bundles.web.directories.handler_chain import Chain
from rxkernel import Definition, DefinitionEvent, KernelEvents, Request, observe

_OUTSIDE = -500
"""The priority around the contracts, which check only the parameters for the handlers."""

_SUBSCRIBING = ("sse", "ws")

Action = Callable[[Request], Awaitable[Any]]


def _subscribes(definition: Definition) -> bool:
    target = definition.metadata.target
    return isinstance(target, Chain) and target.directory.extension.name in _SUBSCRIBING


class LastEventIds:
    """Removes the id from the parameters: it is not a parameter of the handler."""

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_OUTSIDE, only=_subscribes)
    async def wrap(self, event: DefinitionEvent) -> None:
        def decorate(action: Action) -> Action:
            async def subscribing(request: Request) -> Any:
                take_last_event_id(request)
                return await action(request)

            return subscribing

        event.wrap(decorate)
