"""Runs the handlers of an event, each in a separate task."""

import asyncio
import contextvars
import logging
from collections.abc import Iterable
from typing import Any

from injector import inject

from bundles.gateway.broker.call_options import CallMeta
from bundles.gateway.broker.context import Calls, Context
from bundles.gateway.broker.messages import Messages, new_request
from bundles.gateway.broker.transport import EVENTS
from rxkernel import HttpException, ProcedureDefinition, current_request

logger = logging.getLogger(__name__)

Handler = tuple[str, ProcedureDefinition]
"""The group and the definition of a handler."""


class Emitter:
    @inject
    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._running: set[asyncio.Task[None]] = set()

    async def send(
        self,
        broker: Calls,
        event: str,
        payload: Any,
        parent: Context | None,
        meta: CallMeta | None,
        handlers: Iterable[Handler],
    ) -> None:
        """Run *handlers* with *event*, and wait for their end. If the caller is cancelled, they
        continue."""
        tasks = [
            asyncio.create_task(self._handle(broker, event, payload, parent, meta, *handler))
            for handler in handlers
        ]
        if not tasks:
            return
        for task in tasks:
            self._keep(task)
        await asyncio.wait(tasks)

    def post(self, broker: Calls, event: str, payload: Any, handlers: Iterable[Handler]) -> None:
        """Start *handlers* for an event of the node: outside of the current message, and without
        waiting."""
        sending = self.send(broker, event, payload, None, None, handlers)
        self._keep(contextvars.Context().run(asyncio.create_task, sending))

    def _keep(self, task: asyncio.Task[None]) -> None:
        """Keep *task* from being collected, and let `drain` wait for it."""
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _handle(
        self,
        broker: Calls,
        event: str,
        payload: Any,
        parent: Context | None,
        meta: CallMeta | None,
        group: str,
        definition: ProcedureDefinition,
    ) -> None:
        origin = current_request.get() if parent is None else parent.request
        request = new_request(EVENTS, event, payload, origin)
        request.native = context = Context(broker, request, meta)
        context.name = context.event_name = event
        context.event_group = group
        context.level = 1
        if parent is not None:
            context.level = parent.level + 1
            context.caller = parent.name
            context.sender = parent.origin
        try:
            await self._messages.run(definition, context)
        except HttpException as exc:
            logger.error(
                "%s failed for the event %.100r: %s %.200r",
                definition.metadata.place,
                event,
                exc.status_code,
                exc.message,
            )
        except Exception:
            place = definition.metadata.place
            logger.exception("%s failed for the event %.100r", place, event)

    async def drain(self, timeout: float) -> None:
        """Wait for the running handlers; cancel them after *timeout* seconds."""
        try:
            async with asyncio.timeout(timeout):
                while self._running:  # including handlers that begin meanwhile
                    await asyncio.wait(self._running)
        except TimeoutError:
            late = tuple(self._running)
            logger.warning("%d handlers of events took too long and were cancelled", len(late))
            for task in late:
                task.cancel()
            await asyncio.wait(late)
