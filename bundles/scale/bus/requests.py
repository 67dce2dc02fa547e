"""Requests to all other processes, and their replies."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import attrs

from bundles.scale.bus.jobs import Jobs
from bundles.scale.bus.link import Link
from bundles.scale.bus.packing import pack, unpack
from bundles.scale.bus.seal import Kind
from rxkernel import Serializer

logger = logging.getLogger(__name__)

Responder = Callable[..., Awaitable[Any]]


@attrs.define(eq=False)
class Replies:
    """The replies to one request.

    Attributes:
        missing: the processes that have not replied yet.
        silent: the processes that are not waited for, since they may hang.
        values: the replies.
        changed: set by each reply, and when a process has ended.
        was_sent: whether the other processes could be reached.
    """

    missing: set[bytes]
    silent: set[bytes] = attrs.field(factory=set)
    values: list[Any] = attrs.field(factory=list)
    changed: asyncio.Event = attrs.field(factory=asyncio.Event)
    was_sent: bool = True
    _lost: set[bytes] = attrs.field(factory=set, init=False)

    @property
    def is_complete(self) -> bool:
        """Whether each process has replied, or ended."""
        return self.was_sent and not self.missing and not self.silent

    def add(self, sender: bytes, value: Any) -> None:
        if sender in self.missing:
            self.missing.discard(sender)
            self.values.append(value)
            self.changed.set()

    def lose(self, sender: bytes) -> None:
        """Do not wait for *sender*."""
        if sender in self.missing:
            self.missing.discard(sender)
            self._lost.add(sender)
            self.changed.set()

    def note(self, silent: frozenset[bytes]) -> None:
        """Note which of the lost processes may hang. The others have ended, and so have their
        connections."""
        self.silent |= self._lost & silent


class Requests:
    """Sends requests, and responds to those of other processes.

    Attributes:
        responders: handle the requests of other processes, by their names.
    """

    def __init__(self, link: Link, serializer: Serializer, jobs: Jobs) -> None:
        self.responders: dict[str, Responder] = {}
        self._link = link
        self._serializer = serializer
        self._jobs = jobs
        self._last = 0
        self._open: dict[int, Replies] = {}
        link.handlers[Kind.REQUEST] = self._requested
        link.handlers[Kind.REPLY] = self._replied
        link.left.append(self._left)

    async def send(
        self,
        name: str,
        *values: Any,
        timeout: float,
        until: Callable[[list[Any]], bool] = lambda replies: False,
    ) -> Replies:
        """Send a request to all other processes. Return when they have replied, when *until* is
        true for the replies, or after *timeout* seconds.

        Raises:
            TypeError, ValueError, RecursionError: see `pack`.
        """
        self._last += 1
        id = self._last
        body = pack(self._serializer, id, name, values)
        replies = self._open[id] = Replies(set(self._link.others), set(self._link.silent))
        try:
            if not self._link.send(Kind.REQUEST, body):
                replies.was_sent = False
                return replies
            with suppress(TimeoutError):  # `Replies.missing` has those that are late
                async with asyncio.timeout(timeout):
                    while replies.missing and not until(replies.values):
                        replies.changed.clear()
                        await replies.changed.wait()
        finally:
            del self._open[id]
            replies.note(self._link.silent)
        return replies

    def _requested(self, sender: bytes, body: bytes) -> None:
        work = self._respond(sender, body)
        if not self._jobs.start("a request of another process", work, len(body)):
            self._link.dropped("overloaded")

    async def _respond(self, sender: bytes, body: bytes) -> None:
        id, name, values = unpack(body)
        value = await self.responders[name](*values)
        self._link.send(Kind.REPLY, pack(self._serializer, id, value), sender)

    def _replied(self, sender: bytes, body: bytes) -> None:
        try:
            id, value = unpack(body)
        except ValueError:
            logger.exception("the reply of another process is invalid")
            return
        if (replies := self._open.get(id)) is not None:
            replies.add(sender, value)

    def _left(self, id: bytes) -> None:
        for replies in self._open.values():
            replies.lose(id)
