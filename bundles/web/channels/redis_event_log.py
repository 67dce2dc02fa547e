"""The events of all channels in a stream of Redis, which every process reads from the
beginning."""

import asyncio
import logging
from collections.abc import Sequence
from contextvars import Context
from random import uniform
from secrets import token_hex
from types import TracebackType
from typing import Any, Self

from injector import inject
from redis.exceptions import RedisError

from bundles.redis import Redis, RedisSettings
from bundles.redis.outage import Outage
from bundles.web.channels import redis_log_scripts
from bundles.web.channels.event_log import EventLog
from bundles.web.channels.settings import ChannelSettings
from rxkernel import ServerSentEvent

logger = logging.getLogger(__name__)

_BATCH = 100
_FIRST_DELAY, _LONGEST_DELAY = 0.1, 2.0
"""Seconds between two attempts while Redis cannot be used; partly random."""

_LONGEST_WAIT = 1.0
"""Seconds for which one command waits for an event."""

_SHORTEST_AGE = 60.0
"""Least seconds for which events are kept, for a process that reconnects meanwhile."""


class RedisEventLog(EventLog):
    """Each process has the same events with the same numbers, and replays them from its memory.

    An error of redis-py at `append` becomes a 503 in the bundle `redis`.
    """

    @inject
    def __init__(
        self, client: Redis, redis: RedisSettings, outage: Outage, settings: ChannelSettings
    ) -> None:
        super().__init__(is_shared=True)
        self._client = client
        self._outage = outage
        self._block = max(1, round(min(_LONGEST_WAIT, redis.command_timeout / 2) * 1000))
        prefix = redis.key(redis_log_scripts.PREFIX)
        self._keys = [f"{prefix}:{name}" for name in redis_log_scripts.NAMES]
        self._sent = f"{prefix}:sent:"
        age = round(max(settings.replay_age, _SHORTEST_AGE) * 1000)
        again = round(redis.command_timeout * 5000)
        self._limits = [settings.max_stored, settings.max_stored_size, age, again]
        self._append = client.register_script(redis_log_scripts.APPEND)
        self._read = client.register_script(redis_log_scripts.READ)
        self._reading: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()

    async def append(self, key: str, event: str, body: bytes) -> None:
        ServerSentEvent(event=event)  # raises if the name is invalid: the readers would reject it
        id = token_hex(8)
        keys = [*self._keys, f"{self._sent}{id}"]
        await self._append(keys=keys, args=[id, key, event, body, *self._limits])

    async def __aenter__(self) -> Self:
        """Return when the kept events have been read, or Redis cannot be used."""
        self._tried.clear()
        self._reading = asyncio.create_task(self._run(), context=Context())
        await self._tried.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})
            self._reading = None

    async def _run(self) -> None:
        delay = _FIRST_DELAY
        while True:
            try:
                while await self._take():
                    pass
                delay = _FIRST_DELAY
                self._tried.set()
                await self._wait()
                continue
            except RedisError as exc:
                self._report(exc)
            except Exception:  # a bug must not end the attempts
                logger.exception("the events of channels could not be read; trying again")
            self._tried.set()
            await asyncio.sleep(uniform(delay / 2, delay))
            delay = min(2 * delay, _LONGEST_DELAY)

    async def _wait(self) -> None:
        """Return when there may be an event, at the latest after `_LONGEST_WAIT`: the next read
        then shows whether it is still the same run."""
        await self._client.xread({self._keys[1]: f"0-{self.ids.last}"}, 1, self._block)

    async def _take(self) -> bool:
        """Read the next events and pass them to the receiver; return whether there may be more."""
        args: list[str | int] = [token_hex(8), self.ids.run, self.ids.last, _BATCH]
        run, last, first, now, entries = await self._read(keys=self._keys, args=args)
        before = _number(first) - 1 if first else int(last)
        if run.decode() != self.ids.run or before > self.ids.last:
            self._restart(run.decode(), before)
        offset = asyncio.get_running_loop().time() - now / 1000
        for id, fields in entries:
            self._pass(_number(id), fields, offset)
        return len(entries) == _BATCH

    def _pass(self, number: int, fields: Sequence[bytes], offset: float) -> None:
        if number != self.ids.last + 1:
            self._restart(self.ids.run, number - 1)
        found: dict[bytes, Any] = dict(zip(fields[::2], fields[1::2], strict=True))
        try:
            self.receiver.received(
                found[b"key"].decode(),
                found[b"event"].decode(),
                found[b"data"],
                sequence=number,
                sent_at=int(found[b"time"]) / 1000 + offset,
            )
        except (KeyError, TypeError, ValueError):
            logger.exception("an event of a channel in Redis is invalid; it is skipped")
        self.ids.last = number

    def _restart(self, run: str, last: int) -> None:
        self.ids.run, self.ids.last = run, last
        self.receiver.restarted()

    def _report(self, exc: RedisError) -> None:
        if not self._outage.report_error(exc):
            logger.error("Redis rejects a command of the channels; trying again: %s", exc)


def _number(id: bytes) -> int:
    """The number of the event with *id* in the stream."""
    return int(id.rpartition(b"-")[2])
