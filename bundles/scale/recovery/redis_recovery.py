"""Recovery on Redis: a client may also recover in another process."""

import logging
from collections.abc import Collection
from hashlib import sha256
from typing import Any

import attrs
from injector import inject
from redis.exceptions import RedisError

from bundles.redis import Redis
from bundles.redis.outage import Outage
from bundles.scale.bus.broadcasts import Rooms
from bundles.scale.bus.cluster_log import ClusterLog
from bundles.scale.bus.link import Link, NoLink
from bundles.scale.bus.ordered_jobs import OrderedJobs
from bundles.scale.bus.packing import pack
from bundles.scale.bus.seal import Kind, Message, RejectedError, Seal
from bundles.scale.recovery.positions import StreamId, StreamPosition
from bundles.scale.recovery.scripts import KEEP
from bundles.scale.recovery.states import MissedLog, pack_state, unpack_state
from bundles.scale.recovery.stream_log import Entry, StreamLog
from bundles.scale.settings import CHANNEL, ScaleSettings, secret_of
from rxkernel import (
    Broadcaster,
    ConfigurationError,
    ConnectionState,
    Kernel,
    LogPosition,
    MissedEvents,
    Peers,
)

logger = logging.getLogger(__name__)

_NO_SENDER = bytes(8)


class RedisRecovery(ClusterLog):
    """Broadcasts to other processes are published by the log, together with their ids.

    While Redis cannot be used, clients are connected as new ones.
    """

    @inject
    def __init__(
        self,
        client: Redis,
        outage: Outage,
        link: Link,
        kernel: Kernel,
        broadcaster: Broadcaster,
        peers: Peers,
        settings: ScaleSettings,
    ) -> None:
        if isinstance(link, NoLink):
            raise ConfigurationError(
                'scale.recovery.store is "redis", but scale.bus is "memory", which does not '
                'connect processes; set scale.bus to "redis"'
            )
        secret = secret_of(settings)
        self._client = client
        self._outage = outage
        self._link = link
        self._kernel = kernel
        self._broadcaster = broadcaster
        self._settings = settings
        self._states = f"{link.prefix}{CHANNEL}.recovery"
        self._seal = Seal(secret, settings.recovery.max_session_size)
        self._keep = client.register_script(KEEP)
        self._log = StreamLog(client, link, settings, secret)
        self._jobs = OrderedJobs()
        self._published = 0
        self._numbers: dict[str, int] = {}
        for channel in self._log.channels:
            link.channels[channel] = self._received
        peers.when_missed(self._log.publish_end)

    # --- events

    @property
    def position(self) -> LogPosition:
        return self._log.position

    @property
    def offset(self) -> str:
        return str(self._log.position or "")

    @property
    def is_reachable(self) -> bool:
        """Whether broadcasts reach the other processes, as far as is known."""
        return self._link.problem is None and not self._log.is_slow

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
        if self._log.is_arriving:
            return
        number = 0 if is_local else self._published + 1
        values = (event, args, rooms, namespace, list(skip), number)
        self._published = max(self._published, number)
        self._log.add(pack(self._kernel.serializer, *values), is_published=not is_local)

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
        """Record a change of all processes; only the process that began it does so."""
        if not is_local:
            values = (None, (join, leave, disconnect), rooms, namespace, (), 0)
            self._log.add(pack(self._kernel.serializer, *values), is_published=False)
            return await self._log.flush()
        return True

    def _received(self, data: bytes) -> None:
        arrived = self._log.arrived(data)
        if isinstance(arrived, Entry):
            self._start("a broadcast of another process", self._emit(arrived), len(data))
        elif arrived is not None and self._jobs.is_idle:
            self._log.mark_seen(arrived)
        elif arrived is not None:
            self._start("the id of an event", self._mark_seen(arrived), len(data))

    def _start(self, what: str, work: Any, size: int) -> None:
        if not self._jobs.start(what, work, size):
            self._link.dropped("overloaded")

    async def _mark_seen(self, id: StreamId) -> None:
        self._log.mark_seen(id)

    async def _emit(self, entry: Entry) -> None:
        event, args, rooms, namespace, skip, number = entry.body
        before = self._numbers.get(entry.node, number - 1)
        if number <= before:
            self._link.dropped("replayed")
            return
        if number > before + 1:
            self._link.dropped("lost", number - before - 1)
        self._numbers[entry.node] = number
        self._log.mark_seen(entry.id)
        with self._log.arriving():
            await self._broadcaster.emit(
                event, *args, room=rooms, namespace=namespace, skip=skip, local=True
            )

    # --- the link

    async def start(self) -> None:
        """Find the end of the log, after the link has started."""
        try:
            await self._log.find_end()
        except RedisError as exc:
            self._report(exc)

    async def stop(self) -> None:
        """Write the waiting events, before the link stops."""
        await self._log.flush()
        await self._jobs.drain()
        self._log.close()

    def _report(self, exc: RedisError) -> None:
        if not self._outage.report_error(exc):
            logger.error("an operation of recovery failed", exc_info=exc)

    # --- states

    async def keep(self, pid: str, state: ConnectionState) -> None:
        if state.since is None or not await self._log.flush():
            return
        position: StreamPosition = state.since
        keeper = position.keeper or self._log.node
        since = (keeper, position.seen, position.node, position.number)
        body = pack_state(self._kernel.serializer, state, since, state.until[:3])
        key = self._key(pid)
        try:
            frame = self._seal.close(key, Message(_NO_SENDER, Kind.STATE, 0, body))
        except RejectedError:
            return
        settings = self._settings
        duration = int(settings.recovery.max_disconnection_duration * 1000)
        try:
            await self._keep(
                [key, self._states], [frame, duration, settings.recovery.max_sessions]
            )
        except RedisError as exc:
            self._report(exc)

    def _key(self, pid: str) -> str:
        """The key of a state: a hash, so that Redis does not store the private id itself."""
        return f"{self._states}.{sha256(pid.encode()).hexdigest()}"

    async def take(self, pid: str, offset: str | None, namespace: str) -> ConnectionState | None:
        if self._outage.problem is not None:
            return None
        key = self._key(pid)
        try:
            pipeline = self._client.pipeline(transaction=False)
            pipeline.getdel(key)
            pipeline.zrem(self._states, key)
            frame, _ = await pipeline.execute()
            if frame is None:
                return None
            state = unpack_state(self._seal.open(key, frame, is_live=False).body)
        except RedisError as exc:
            self._report(exc)
            return None
        except (RejectedError, ValueError):
            logger.warning(
                "the state of a client in Redis is invalid; it is connected as a new client",
                exc_info=True,
            )
            return None
        return None if state.namespace != namespace else self._since(state, offset)

    def _since(self, state: ConnectionState, offset: str | None) -> ConnectionState | None:
        keeper, *since = state.since
        start, until = _position_of(since), _position_of(state.until)
        if offset is not None:
            sent = StreamPosition.read(offset)
            if sent is None:
                return None
            if not sent.is_before(start):
                start = sent
        return attrs.evolve(state, since=start._replace(keeper=keeper), until=until)

    async def missed(self, state: ConnectionState) -> MissedEvents | None:
        try:
            is_whole = await self._log.flush()
            own = self._log.number if is_whole else 0
            pages = await self._log.after(state.since) if is_whole else None
            if pages is None or not await self._log.catch_up(pages.last):
                return None
        except RedisError as exc:
            self._report(exc)
            return None
        except (RejectedError, ValueError):
            logger.warning(
                "an event in the log of recovery is invalid; a client is connected as a new one",
                exc_info=True,
            )
            return None
        return self._missed(state, pages.entries, pages.last, own)

    def _missed(
        self, state: ConnectionState, entries: list[Entry], last: StreamId, own: int
    ) -> MissedEvents | None:
        position: StreamPosition = state.since
        missed = MissedLog(state)
        for entry in entries:
            event, args, rooms, namespace, skip, published = entry.body
            if entry.node == self._log.node:
                own = max(own, entry.number)
            position = position.after(entry.id, entry.node, entry.number)
            is_near = published or entry.node == position.keeper or rooms == [state.id]
            if event is None:
                if not state.until.has(entry.id, entry.node, entry.number):
                    missed.add_change(args, rooms, namespace)
            elif is_near:
                missed.add_event(event, args, str(position), rooms, namespace, skip)
        if missed.was_disconnected:
            return None

        def covers(of: StreamPosition) -> bool:
            return of.number <= own if of.is_own else of.seen <= last

        since = state.since._replace(keeper="")
        return MissedEvents(missed.events, frozenset(missed.rooms), covers, since)


def _position_of(values: Any) -> StreamPosition:
    seen, node, number = values
    return StreamPosition(tuple(seen), node, number)
