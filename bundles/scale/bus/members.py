"""The other processes, as far as their heartbeats arrive."""

import time
from collections.abc import Callable

import attrs

_MOST = 10_000
"""Processes of which the last numbers are remembered, also after they have ended."""

_DOUBT = 60.0
"""Seconds in which a process that has become silent may go on with its connections. It drops
messages that are older."""


@attrs.define(eq=False)
class _Process:
    """The last numbers of its messages to all and to this process, and when it was heard."""

    heard: float = 0.0
    numbers: dict[str, int] = attrs.field(factory=dict)


class Members:
    """
    Attributes:
        left: called with the id of a process that has ended.
        vanished: called when a process has ended without a message.
    """

    def __init__(self) -> None:
        self._processes: dict[bytes, _Process] = {}
        self._present: dict[bytes, _Process] = {}
        self._silent: dict[bytes, float] = {}
        self.left: Callable[[bytes], None] = lambda id: None
        self.vanished: Callable[[], None] = lambda: None

    @property
    def ids(self) -> frozenset[bytes]:
        """The processes that are present."""
        return frozenset(self._present)

    @property
    def silent(self) -> frozenset[bytes]:
        """The processes that have become silent in the last minute: they may only hang."""
        since = time.monotonic() - _DOUBT
        return frozenset(id for id, when in self._silent.items() if when > since)

    def __len__(self) -> int:
        return len(self._present)

    def number(self, id: bytes, topic: str, number: int) -> int | None:
        """Note the *number* of a message of *id*.

        Returns:
            How many messages are missing before it; None if it was received before.
        """
        process = self._processes.pop(id, None) or _Process()
        self._processes[id] = process  # the last one is the youngest
        if len(self._processes) > _MOST:
            del self._processes[next(iter(self._processes))]
        last = process.numbers.get(topic)
        if last is not None and number <= last:
            return None
        process.numbers[topic] = number
        return 0 if last is None else number - last - 1

    def heard(self, id: bytes, now: float) -> None:
        """Note a heartbeat of *id*, of which a message was received."""
        process = self._processes[id]
        process.heard = now
        self._present[id] = process
        self._silent.pop(id, None)

    def leave(self, id: bytes) -> None:
        """Regard *id* as ended."""
        self._silent.pop(id, None)
        if self._present.pop(id, None) is not None:
            self.left(id)

    def expire(self, before: float) -> None:
        """Regard the processes as ended that were not heard since *before*."""
        expired = [id for id, one in self._present.items() if one.heard < before]
        for id in expired:
            self.leave(id)
            self._silent[id] = time.monotonic()
        if len(self._silent) > len(silent := self.silent):
            self._silent = {id: self._silent[id] for id in silent}
        if expired:
            self.vanished()
