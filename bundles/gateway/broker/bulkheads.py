"""Applies the bulkheads of actions."""

from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakValueDictionary

from injector import inject

from bundles.fair_queue import FairQueue
from bundles.gateway.broker.action import ACTION
from bundles.gateway.broker.bulkhead import Bulkhead
from bundles.gateway.broker.transport import ACTIONS
from bundles.gateway.exceptions import QueueIsFullError
from bundles.gateway.settings import GatewaySettings
from rxkernel import (
    Definition,
    DefinitionEvent,
    KernelEvents,
    Request,
    abandoned_threads,
    observe,
)

Action = Callable[[Request], Awaitable[Any]]

_INSIDE = 100
"""The priority inside of the cache, since a cached result needs no slot."""


def _has_bulkhead(definition: Definition) -> bool:
    options = definition.options.get(ACTION)
    return definition.transport is ACTIONS and isinstance(
        getattr(options, "bulkhead", None), Bulkhead
    )


class Bulkheads:
    """Makes calls wait for a slot: after the access rules, the listeners of the request and the
    cache, and before the arguments are read.

    A reload keeps the slots of an action whose bulkhead is unchanged. Otherwise there are new
    slots, but running and waiting calls keep the old ones.
    """

    @inject
    def __init__(self, settings: GatewaySettings) -> None:
        self._node_id = settings.node_id
        self._queues: WeakValueDictionary[tuple[str, Bulkhead], FairQueue] = WeakValueDictionary()

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_INSIDE, only=_has_bulkhead)
    async def wrap(self, event: DefinitionEvent) -> None:
        name = event.definition.name
        bulkhead: Bulkhead = event.definition.options[ACTION].bulkhead
        queue = self._queues.get((name, bulkhead))
        if queue is None:  # no call or served action uses it
            queue = FairQueue(bulkhead.concurrency, bulkhead.queue_size)
            self._queues[name, bulkhead] = queue
        event.wrap(lambda action: self._limited(action, queue, name))

    def _limited(self, action: Action, queue: FairQueue, name: str) -> Action:
        async def limited(request: Request) -> Any:
            if queue.free:
                queue.free -= 1
            else:
                waiter = queue.enter()
                if waiter is None:
                    raise QueueIsFullError(name, self._node_id)
                await waiter.outcome()
            try:
                return await action(request)
            finally:
                if threads := abandoned_threads(request):
                    queue.release_after(threads)
                else:
                    queue.release()

        return limited
