"""Events of the application, for subscribers in all processes."""

import logging
from typing import Any

from injector import inject

from bundles.scale.bus.jobs import Jobs
from bundles.scale.bus.link import Link
from bundles.scale.bus.packing import pack, unpack
from bundles.scale.bus.seal import Kind
from bundles.scale.bus.subscribe import SUBSCRIPTION
from bundles.scale.bus.transport import BUS_EVENTS
from rxkernel import Compiled, Kernel, ProcedureDefinition, Request

logger = logging.getLogger(__name__)


class Bus:
    """Publishes events for the methods with `@subscribe`."""

    @inject
    def __init__(self, kernel: Kernel, link: Link, jobs: Jobs) -> None:
        self._kernel = kernel
        self._link = link
        self._jobs = jobs
        self._subscribers: dict[str, list[ProcedureDefinition]] = {}
        link.handlers[Kind.EVENT] = self._received

    def use(self, compiled: Compiled) -> None:
        """Deliver to the subscribers of *compiled*."""
        self._subscribers = {}
        for definition in compiled.definitions[BUS_EVENTS]:
            name = definition.options[SUBSCRIPTION]
            self._subscribers.setdefault(name, []).append(definition)

    async def publish(self, name: str, data: Any = None) -> bool:
        """Send the event *name* to its subscribers in this process and in all others. They run in
        the background, each once in each process; *data* may be changed afterwards.

        Returns:
            False if the other processes cannot be reached, as far as is known. It does not wait
            for them.

        Raises:
            TypeError: *name* is not a str.
            TypeError, ValueError, RecursionError: *data* has a value that JSON cannot hold; bytes
                are allowed.
        """
        if not isinstance(name, str):
            raise TypeError(f"the name of the event is {name!r:.200}; pass a str")
        body = pack(self._kernel.serializer, name, data)
        self._deliver(body)
        return self._link.send(Kind.EVENT, body)

    def _received(self, sender: bytes, body: bytes) -> None:
        try:
            self._deliver(body)
        except ValueError:
            logger.exception("an event of another process is invalid")

    def _deliver(self, body: bytes) -> None:
        name = unpack(body)[0]
        for definition in self._subscribers.get(name, ()):
            data = unpack(body)[1]  # a copy for each subscriber, which may change it
            fields = data if isinstance(data, dict) else None
            request = Request(BUS_EVENTS, params=fields, body=data, url=name)
            run = self._kernel.handle_event(definition, request)
            if not self._jobs.start(f"the event {name:.100}", run, len(body)):
                self._link.dropped("overloaded")
