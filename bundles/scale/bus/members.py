"""The other processes, by the heartbeats that arrive."""

import time
from collections.abc import Callable

import attrs

_MOST = 10_000
"""Most processes whose last message numbers are kept, even after they have ended."""

_DOUBT = 60.0
"""Seconds for which a silent process may only hang, and still have its connections. When it goes
on, it drops messages that are older."""


@attrs.define(eq=False)
class _Process:
    """The last numbers of its messages to all and to this process, by topic, and the time of its
    last heartbeat."""

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
        self._processes[id] = process  # at the end: the first one is the least recently heard
        if len(self._processes) > _MOST:
            del self._processes[next(iter(self._processes))]
        last = process.numbers.get(topic)
        if last is not None and number <= last:
            return None
        process.numbers[topic] = number
        return 0 if last is None else number - last - 1

    def heard(self, id: bytes, now: float) -> None:
        """Note a heartbeat of *id*, after `number` was called for its message."""
        process = self._processes[id]
        process.heard = now
        self._present[id] = process
        self._silent.pop(id, None)

    def leave(self, id: bytes) -> None:
        """Remove *id*, which has ended."""
        self._silent.pop(id, None)
        if self._present.pop(id, None) is not None:
            self.left(id)

    def expire(self, before: float) -> None:
        """Remove the processes that were not heard since *before*, and note them as silent."""
        expired = [id for id, one in self._present.items() if one.heard < before]
        for id in expired:
            self.leave(id)
            self._silent[id] = time.monotonic()
        if len(self._silent) > len(silent := self.silent):
            self._silent = {id: self._silent[id] for id in silent}
        if expired:
            self.vanished()
