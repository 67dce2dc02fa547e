"""The log of all processes that use one Redis."""

import asyncio
import logging
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from random import uniform

from injector import inject
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from bundles.redis import RedisSettings
from bundles.redis.cancellable_connection import options_of
from bundles.state.entries import Logged
from bundles.state.log import StateLog
from bundles.state.pending import Outgoing
from bundles.state.redis_store import BrokenLogError, ForeignDataError, RedisStore, reason_of
from bundles.state.replica import Course, GapError, Head, Replica

logger = logging.getLogger(__name__)

_KEY = "rxkernel:state"
"""Begins the names of the two keys, after ``redis.prefix``."""

_FIRST_DELAY = 0.1
_LONGEST_DELAY = 2.0
_UNEXPECTED = "an error, see the log"
_MOST_GAPS = 3
"""Times that the log is loaded again, one after the other, since an entry did not fit."""


class _OtherLogError(Exception):
    """The log is not the one that this process follows."""


class RedisLog(StateLog):
    """One task reads the log with a connection of its own, and one writes with the shared pool.

    An entry whose reply was lost is written again, with the same number.
    """

    @inject
    def __init__(self, client: Redis, redis: RedisSettings) -> None:
        self._client = client
        self._redis = redis
        self._key = redis.key(_KEY)
        self._wait = redis.command_timeout / 2
        self._problems: dict[str, str] = {}
        self._outage = 0.0
        self._due: float | None = None
        self._wake = asyncio.Event()
        self._ending = asyncio.Event()
        self._tried: Outgoing | None = None
        self._in_flight: Outgoing | None = None
        self._is_following = False
        self._gaps = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def problem(self) -> str | None:
        return next(iter(self._problems.values()), None)

    async def start(self, replica: Replica) -> None:
        self._replica = replica
        pool = ConnectionPool(
            **options_of(self._redis.url),
            max_connections=1,
            socket_timeout=self._wait + self._redis.command_timeout,
            socket_connect_timeout=self._redis.connect_timeout,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        self._reader = Redis.from_pool(pool)
        self._store = RedisStore(self._client, self._reader, self._key)
        tried = asyncio.Event()
        self._tasks = {
            asyncio.create_task(self._follow(tried)),
            asyncio.create_task(self._write()),
        }
        await tried.wait()

    def changed(self, delay: float) -> None:
        due = time.monotonic() + delay
        if self._due is None or due < self._due:
            self._due = due
            if delay:
                asyncio.get_running_loop().call_later(delay, self._wake.set)
            else:
                self._wake.set()

    async def stop(self) -> None:
        if self._replica.own.is_pending:
            self._ending.set()
            self.changed(0.0)
            with suppress(TimeoutError):  # it is logged below
                async with asyncio.timeout(self._redis.command_timeout):
                    await self._written()
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self._reader.aclose()
        self._report_lost()

    async def _written(self) -> None:
        while self._replica.own.is_pending:  # noqa: ASYNC110 - once, at the end
            await asyncio.sleep(0.01)

    def _report_lost(self) -> None:
        reason = self.problem or "Redis is slow"
        outgoing = self._replica.own.outgoing
        unknown = outgoing.size if outgoing is not None and outgoing is self._tried else 0
        lost = self._replica.own.size - unknown
        if unknown:
            logger.error(
                "changes of the state, of %d bytes, may be lost: they were sent, without a reply; "
                "%s",
                *(unknown, reason),
            )
        if lost:
            logger.error("changes of the state, of %d bytes, are lost: %s", lost, reason)

    # Reading

    async def _follow(self, tried: asyncio.Event) -> None:
        delay = _FIRST_DELAY
        while True:
            try:
                await self._synchronize()
                delay = _FIRST_DELAY
                self._recover("read")
                tried.set()
                await self._read()
            except (_OtherLogError, GapError):
                self._is_following = False
                await asyncio.sleep(uniform(0, _FIRST_DELAY))
                continue
            except (RedisError, ForeignDataError) as exc:
                self._report("read", reason_of(exc))
            except Exception:  # it must be tried again nevertheless
                logger.exception("the state cannot be read from Redis")
                self._note("read", _UNEXPECTED)
            self._is_following = False
            tried.set()
            await self._pause(delay)
            delay = min(2 * delay, _LONGEST_DELAY)

    async def _synchronize(self) -> None:
        """Follow the log that there is, or begin one."""
        replica = self._replica
        head = await self._store.head()
        course = replica.course(head)
        if course is Course.SEED:
            await self._seed(head)
        elif course is Course.LOAD or self._gaps:
            await self._load()
        while entries := await self._store.read(replica.position, None):
            self._receive(entries)
        replica.caught_up()
        self._gaps = 0
        self._in_flight = None  # it may have been written to another log
        self._is_following = True
        self._wake.set()

    async def _load(self) -> None:
        replica = self._replica
        try:
            found = await self._store.load()
        except BrokenLogError as exc:
            logger.error("Redis has lost changes of the state; it gets those of this process")
            if replica.epoch != exc.epoch or replica.position < exc.image.position:
                replica.load(exc.epoch, exc.parent, exc.image)
            await self._seed(exc)
            return
        if found is None:
            raise _OtherLogError
        replica.load(*found)

    async def _seed(self, found: Head | BrokenLogError | None) -> None:
        epoch = uuid.uuid4().hex
        if not await self._store.seed(self._replica, epoch, found):
            raise _OtherLogError
        replica = self._replica
        if replica.epoch and (replica.position or replica.tree.root):
            logger.warning("Redis had lost the state; it has got that of this process")
        self._replica.seed(epoch)

    async def _read(self) -> None:
        """Pass entries to the replica until there is another log."""
        replica = self._replica
        while True:
            entries = await self._store.read(replica.position, self._wait)
            if not entries or not self._is_following:
                head = await self._store.head()
                if not self._is_following or replica.course(head) is not Course.FOLLOW:
                    raise _OtherLogError
                continue
            self._receive(entries)
            self._wake.set()
            if replica.needs_image and entries[-1].entry.process == replica.own.process:
                await self._save_image()

    def _receive(self, entries: Sequence[Logged]) -> None:
        try:
            self._replica.receive(entries)
        except GapError:
            self._gaps += 1
            if self._gaps > _MOST_GAPS:
                raise ForeignDataError(
                    f"the stream {self._key}:log has entries that do not follow each other"
                ) from None
            raise
        finally:
            skipped, self._replica.skipped = self._replica.skipped, 0
            if skipped:
                logger.warning(
                    "%d increments of the state had no effect: other processes have set values "
                    "that are not numbers, or numbers that are too large",
                    skipped,
                )

    async def _save_image(self) -> None:
        try:
            replica = self._replica
            if await self._store.save_image(replica.epoch, replica.snapshot()):
                replica.imaged()
        except RedisError as exc:
            logger.debug("an image of the state was not saved: %s", exc)

    # Writing

    async def _write(self) -> None:
        delay = _FIRST_DELAY
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._write_next()
                delay = _FIRST_DELAY
                continue
            except (RedisError, ForeignDataError) as exc:
                self._report("write", reason_of(exc))
            except Exception:  # it must be tried again nevertheless
                logger.exception("the state cannot be written to Redis")
                self._note("write", _UNEXPECTED)
            await self._pause(delay)
            delay = min(2 * delay, _LONGEST_DELAY)
            self._wake.set()

    async def _write_next(self) -> None:
        outgoing = self._next()
        if outgoing is None:
            if self._is_following and self._replica.own.outgoing is None:
                self._recover("write")  # the reply was lost, and the entry arrived
            return
        self._tried = outgoing
        is_written = await self._store.append(
            self._replica.epoch, outgoing.entry.name, outgoing.data
        )
        self._recover("write")
        if not is_written:
            self._is_following = False
        elif self._is_following:  # the log may be loaded again meanwhile
            self._in_flight = outgoing

    def _next(self) -> Outgoing | None:
        """What can be written now: one entry at a time, and no earlier than it has to be."""
        if not self._is_following:
            return None
        outgoing = self._replica.own.outgoing
        if outgoing is None and self._due is not None and self._due <= time.monotonic():
            outgoing = self._replica.own.next()
            if not self._replica.own.is_queued:
                self._due = None
        return None if outgoing is self._in_flight else outgoing

    # Outages

    async def _pause(self, delay: float) -> None:
        """Wait for about *delay* seconds before the next try. There is little time at the end: it
        interrupts a pause, and later ones are short."""
        if self._ending.is_set():
            await asyncio.sleep(_FIRST_DELAY)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(uniform(delay / 2, delay)):
                await self._ending.wait()

    def _report(self, what: str, reason: str) -> None:
        if not self._problems:
            logger.error(
                "the state is not shared: %s; changes are kept in this process until it is", reason
            )
        self._note(what, reason)

    def _note(self, what: str, reason: str) -> None:
        if not self._problems:
            self._outage = time.monotonic()
        self._problems[what] = reason

    def _recover(self, what: str) -> None:
        if self._problems.pop(what, None) is not None and not self._problems:
            seconds = time.monotonic() - self._outage
            logger.info("the state is shared again, after %.1f seconds", seconds)
