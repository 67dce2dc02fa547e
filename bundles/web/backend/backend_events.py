"""The service that sends events to the handlers of all processes."""

import asyncio
from contextvars import Context
from functools import partial
from typing import Any

from injector import inject

from bundles.autoload import Autoload
from bundles.autoload.loading.scope import enter_scope, leave_scope
from bundles.web.backend.backend_handler import BackendHandler
from bundles.web.backend.transport import BACKEND
from rxkernel import (
    CompiledEvent,
    Definition,
    DefinitionEvent,
    Kernel,
    KernelEvents,
    Peers,
    ProcedureDefinition,
    Request,
    Response,
    decode_json,
    observe,
)

_TOPIC = "web.backend"
_FIRST = 2000
_OUTSIDE = -1000
"""Around all other wrappers, which may read files."""


def _is_handler(definition: Definition) -> bool:
    return definition.transport is BACKEND


class BackendEvents:
    """Sends events, and calls the handlers of this process, each as a message with its own
    services, listeners and errors."""

    @inject
    def __init__(self, kernel: Kernel, peers: Peers, autoload: Autoload) -> None:
        self._kernel = kernel
        self._peers = peers
        self._autoload = autoload
        self._handlers: dict[str, list[ProcedureDefinition]] = {}
        self._running: set[asyncio.Task[None]] = set()
        peers.listen(_TOPIC, self._received)

    async def emit(self, event: str, data: Any = None) -> bool:
        """Call the handlers of *event* in all processes, with a copy of *data* each.

        It waits for the handlers of this process. Their exceptions are logged. Other processes
        handle the events of one process one after the other, in order; a process that is not
        connected misses them.

        Returns:
            False if the other processes cannot be reached, as far as is known.

        Raises:
            TypeError: *event* is not a str.
            TypeError, ValueError, RecursionError: JSON cannot represent *data*.
        """
        if not isinstance(event, str):
            raise TypeError(f"the name of an event is {event!r:.100}; it must be a str")
        encoded = self._kernel.serializer.encode_json(data)
        is_sent = self._peers.send(_TOPIC, [event, encoded])
        await self._handle(event, encoded)
        return is_sent

    async def _received(self, data: Any) -> None:
        await self._handle(*data)

    async def _handle(self, event: str, encoded: bytes) -> None:
        """Run the handlers at the same time. They continue if the sender is cancelled."""
        tasks = []
        for definition in self._handlers.get(event, ()):
            request = Request(BACKEND, body=decode_json(encoded), url=event)
            run = self._kernel.handle_event(definition, request)
            tasks.append(task := asyncio.create_task(run, context=Context()))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        if tasks:
            await asyncio.wait(tasks)

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_FIRST, only=_is_handler)
    async def mark_as_public(self, event: DefinitionEvent) -> None:
        """Clients do not reach handlers, so they need no access rule."""
        event.set_option("public", True)

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_OUTSIDE, only=_is_handler)
    async def read_one_snapshot(self, event: DefinitionEvent) -> None:
        """Make a message read all files from one snapshot."""
        event.wrap_handler(partial(_scoped, self._autoload))

    @observe(KernelEvents.KERNEL_COMPILED, priority=_FIRST)
    async def compiled(self, event: CompiledEvent) -> None:
        self._handlers = {}
        for definition in event.compiled.definitions[BACKEND]:
            handler = definition.metadata.target
            assert isinstance(handler, BackendHandler)
            self._handlers.setdefault(handler.event, []).append(definition)


def _scoped(autoload: Autoload, handler: Any) -> Any:
    async def scoped(request: Request) -> Response:
        token = enter_scope(autoload.scope(request))
        try:
            response: Response = await handler(request)
            return response
        finally:
            leave_scope(token)

    return scoped
