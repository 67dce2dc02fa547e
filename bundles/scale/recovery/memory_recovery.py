"""Recovery in the memory of one process."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Collection
from itertools import islice
from secrets import token_hex
from typing import Any, NamedTuple

import attrs
from injector import inject

from bundles.scale.bus.broadcasts import Rooms
from bundles.scale.bus.packing import pack, unpack
from bundles.scale.recovery.states import MissedLog, pack_state, unpack_state
from bundles.scale.settings import ScaleSettings
from rxkernel import ConnectionState, Kernel, LogPosition, MissedEvents


class _Recorded(NamedTuple):
    at: float
    body: bytes
    rooms: Rooms
    namespace: str
    skip: frozenset[str]


class _Kept(NamedTuple):
    at: float
    body: bytes


class MemoryRecovery:
    """Positions are the numbers of events. An offset consists of the random name of this log and
    the number, so that an offset of another process is recognized.

    Args:
        clock: returns monotonic seconds.
    """

    @inject
    def __init__(self, kernel: Kernel, settings: ScaleSettings) -> None:
        self._kernel = kernel
        self._settings = settings
        self._clock: Callable[[], float] = time.monotonic
        self._name = token_hex(4)
        self._last = 0
        self._log: deque[_Recorded] = deque()
        self._log_size = 0
        self._states: OrderedDict[str, _Kept] = OrderedDict()
        self._states_size = 0

    @property
    def position(self) -> LogPosition:
        return self._last

    @property
    def offset(self) -> str:
        return f"{self._name}.{self._last}"

    def record(
        self,
        event: str,
        args: tuple[Any, ...],
        rooms: Rooms,
        namespace: str,
        skip: Collection[str],
        *,
        is_local: bool,
    ) -> None:
        self._append(rooms, namespace, skip, event, args)

    async def record_change(
        self,
        rooms: tuple[str, ...],
        namespace: str,
        *,
        join: tuple[str, ...] = (),
        leave: tuple[str, ...] = (),
        disconnect: bool = False,
        is_local: bool,
    ) -> bool:
        self._append(rooms, namespace, (), None, (join, leave, disconnect))
        return True

    def _append(
        self,
        rooms: Rooms,
        namespace: str,
        skip: Collection[str],
        event: str | None,
        args: tuple[Any, ...],
    ) -> None:
        body = pack(self._kernel.serializer, event, args)
        now = self._clock()
        self._log.append(_Recorded(now, body, rooms, namespace, frozenset(skip)))
        self._log_size += len(body)
        self._last += 1
        self._trim(now)

    def _trim(self, now: float) -> None:
        settings, log = self._settings, self._log
        oldest = now - settings.recovery.max_disconnection_duration
        while log and (
            log[0].at < oldest
            or len(log) > settings.recovery.max_events
            or self._log_size > settings.recovery.max_bytes
        ):
            self._log_size -= len(log.popleft().body)

    async def keep(self, pid: str, state: ConnectionState) -> None:
        settings, now = self._settings, self._clock()
        body = pack_state(self._kernel.serializer, state, state.since, state.until)
        self._expire(now)
        if len(body) > settings.recovery.max_session_size:
            return
        self._states[pid] = _Kept(now, body)
        self._states_size += len(body)
        while (
            len(self._states) > settings.recovery.max_sessions
            or self._states_size > settings.recovery.max_bytes
        ):
            self._drop(next(iter(self._states)))

    def _expire(self, now: float) -> None:
        oldest = now - self._settings.recovery.max_disconnection_duration
        while self._states and (first := next(iter(self._states.items())))[1].at < oldest:
            self._drop(first[0])

    def _drop(self, pid: str) -> bytes | None:
        kept = self._states.pop(pid, None)
        if kept is None:
            return None
        self._states_size -= len(kept.body)
        return kept.body

    async def take(self, pid: str, offset: str | None, namespace: str) -> ConnectionState | None:
        self._expire(self._clock())
        body = self._drop(pid)
        if body is None:
            return None
        state = unpack_state(body)
        if state.namespace != namespace:
            return None
        since = self._read(offset)
        if since is None or since > self._last:
            return None
        return attrs.evolve(state, since=max(since, state.since))

    def _read(self, offset: str | None) -> int | None:
        """The number in *offset*; 0 if it is missing or of another log; None if it is invalid."""
        if offset is None:
            return 0
        name, _, digits = offset.partition(".")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= 16):
            return None
        return int(digits) if name == self._name else 0

    async def missed(self, state: ConnectionState) -> MissedEvents | None:
        last, first = self._last, self._last - len(self._log)
        if state.since < first:
            return None
        missed = MissedLog(state)
        entries = islice(self._log, state.since - first, None)
        for number, one in enumerate(entries, state.since + 1):
            event, args = unpack(one.body)
            if event is not None:
                offset = f"{self._name}.{number}"
                missed.add_event(event, args, offset, one.rooms, one.namespace, one.skip)
            elif number > state.until:
                missed.add_change(args, one.rooms, one.namespace)
        if missed.was_disconnected:
            return None
        rooms = frozenset(missed.rooms)
        return MissedEvents(missed.events, rooms, lambda position: position <= last, state.since)
