"""Stores tasks in Redis, which processes on several machines share."""

import logging
from collections.abc import Awaitable, Collection, Sequence
from secrets import token_hex
from typing import Any

import attrs
from injector import inject
from redis.exceptions import RedisError

from bundles.clock import Clock
from bundles.redis import Redis, RedisSettings
from bundles.redis.outage import Outage
from bundles.tasks.exceptions import TasksUnavailableException
from bundles.tasks.scheduler import redis_scripts
from bundles.tasks.scheduler.entry import TaskEntry, TaskRecord
from bundles.tasks.scheduler.plan import Plan
from bundles.tasks.scheduler.store import NotRunnerError, TaskStore
from bundles.tasks.settings import TasksSettings
from rxkernel import BadRequestException, decode_json, encode_json

logger = logging.getLogger(__name__)

Argument = str | bytes | int

_REMOVED_AT_ONCE = 1000
"""The maximum number of ids of one script: a script blocks Redis, and ``unpack`` of Lua has a
limit."""


class RedisTaskStore(TaskStore):
    """The process that runs the tasks has a lease, which expires in Redis.

    Redis measures the time of the lease by its own clock. This process measures by its monotonic
    clock, from before it asked for the lease, so it never assumes a lease that has expired. `save`
    checks the lease and changes the task in one step: a process that was paused or disconnected,
    and has lost the lease meanwhile, starts no runs.
    """

    is_leased = True

    @inject
    def __init__(
        self,
        client: Redis,
        outage: Outage,
        settings: TasksSettings,
        clock: Clock,
        redis: RedisSettings,
    ) -> None:
        self.poll_interval = settings.lease / 4
        self._ttl = settings.lease * 0.75
        self._clock = clock
        self._outage = outage
        self._client = client
        self._token = ""
        self._held_until = 0.0
        self._waits_for_lease = False
        self._version: int | None = None
        self._changed_by_others = True
        prefix = redis.key(redis_scripts.PREFIX)
        self._keys = [f"{prefix}:{name}" for name in redis_scripts.NAMES]
        self._acquire = client.register_script(redis_scripts.ACQUIRE)
        self._keep = client.register_script(redis_scripts.KEEP)
        self._release = client.register_script(redis_scripts.RELEASE)
        self._add = client.register_script(redis_scripts.ADD)
        self._save = client.register_script(redis_scripts.SAVE)
        self._save_record = client.register_script(redis_scripts.SAVE_RECORD)
        self._remove = client.register_script(redis_scripts.REMOVE)

    async def acquire(self) -> bool:
        token, began = token_hex(16), self._clock.monotonic()
        args: list[Argument] = [token, self._token, self._milliseconds]
        is_acquired = bool(await self._reply(self._acquire(keys=self._keys, args=args)))
        if is_acquired:
            self._token = token
            self._held_until = began + self._ttl
        elif not self._waits_for_lease:
            logger.info("another process is running the tasks in Redis (%s)", self._keys[0])
        self._waits_for_lease = not is_acquired
        return is_acquired

    @property
    def is_held(self) -> bool:
        return self._clock.monotonic() < self._held_until

    async def keep(self) -> bool:
        began = self._clock.monotonic()
        args: list[Argument] = [self._token, self._milliseconds]
        is_kept = bool(await self._reply(self._keep(keys=self._keys, args=args)))
        self._held_until = began + self._ttl if is_kept else 0.0
        return is_kept

    async def release(self) -> None:
        self._held_until = 0.0
        await self._reply(self._release(keys=self._keys, args=[self._token]))

    @property
    def _milliseconds(self) -> int:
        return max(1, round(self._ttl * 1000))

    async def load(self) -> Sequence[TaskEntry]:
        plans, dues, records = await self._reply(self._load())
        return [
            entry
            for id, plan in plans.items()
            if (entry := _entry(id, plan, dues.get(id, b""), records.get(id, b""))) is not None
        ]

    async def _load(self) -> Any:
        async with self._client.pipeline(transaction=True) as pipeline:
            for key in self._keys[2:]:
                pipeline.hgetall(key)
            return await pipeline.execute()

    async def has_changed(self) -> bool:
        version = int(await self._reply(self._client.get(self._keys[1])) or 0)
        before, self._version = self._version, version
        is_changed = self._changed_by_others or version != before
        self._changed_by_others = False
        return is_changed

    def _wrote(self, version: int) -> None:
        """Note a change of this process, so that `has_changed` does not report it."""
        if self._version is None or version != self._version + 1:
            self._changed_by_others = True
        self._version = max(version, self._version or 0)

    async def add(self, entry: TaskEntry) -> None:
        args: list[Argument] = [entry.id, *_parts(entry)]
        self._wrote(await self._reply(self._add(keys=self._keys, args=args)))

    async def save(self, entry: TaskEntry) -> bool:
        args: list[Argument] = [self._token, entry.id, int(entry.is_declared), *_parts(entry)]
        version = await self._reply(self._save(keys=self._keys, args=args))
        if version < 0:
            self._held_until = 0.0
            raise NotRunnerError("the lease has expired; another process may run the tasks")
        if version:
            self._wrote(version)
        return bool(version)

    async def save_record(self, entry: TaskEntry) -> None:
        args: list[Argument] = [entry.id, int(entry.is_declared), *_parts(entry)]
        version = await self._reply(self._save_record(keys=self._keys, args=args))
        if version:
            self._wrote(version)

    async def remove(self, ids: Collection[str]) -> int:
        all_ids, number = list(ids), 0
        for begin in range(0, len(all_ids), _REMOVED_AT_ONCE):
            some: list[Argument] = [*all_ids[begin : begin + _REMOVED_AT_ONCE]]
            removed, version = await self._reply(self._remove(keys=self._keys, args=some))
            self._wrote(version)
            number += removed
        return number

    async def _reply(self, command: Awaitable[Any]) -> Any:
        """Await *command*.

        Raises:
            TasksUnavailableException: Redis cannot be used; the outage is logged once.
        """
        try:
            return await command
        except RedisError as exc:
            if not self._outage.report_error(exc):
                raise
            raise TasksUnavailableException from exc


def _parts(entry: TaskEntry) -> tuple[bytes, str, bytes]:
    """Return the values of *entry* in the three hashes."""
    plan = entry.plan
    definition = {
        "task": entry.task,
        "name": entry.name,
        "plan": [plan.kind, plan.text(), plan.timezone, plan.jitter, plan.misfire],
        "params": entry.params,
        "body": entry.body,
        "is_declared": entry.is_declared,
    }
    record = attrs.asdict(entry.record, recurse=False)
    due = record.pop("due")
    return encode_json(definition), "" if due is None else repr(due), encode_json(record)


def _entry(id: bytes, definition: bytes, due: bytes, record: bytes) -> TaskEntry | None:
    """Return the entry with *id*; None if it cannot be read."""
    try:
        found = decode_json(definition)
        return TaskEntry(
            id=id.decode(),
            task=found["task"],
            name=found["name"],
            plan=Plan(*found["plan"]),
            params=found["params"],
            body=found["body"],
            is_declared=found["is_declared"],
            record=TaskRecord(due=float(due) if due else None, **decode_json(record)),
        )
    except (BadRequestException, ValueError, TypeError, KeyError) as exc:
        logger.error("the stored task %r cannot be read, so it does not run: %s", id, exc)
        return None
