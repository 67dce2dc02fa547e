"""Queued tasks in Redis: any process puts them there, workers on any machine run them."""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial

import attrs
import msgspec
from injector import inject

from bundles.redis import Redis, RedisSettings
from bundles.tasks.queue import redis_scripts
from bundles.tasks.queue.backend import TaskBackend, Waiter
from bundles.tasks.queue.exceptions import TaskQueueFullException
from bundles.tasks.queue.message import TaskMessage, TaskOutcome
from bundles.tasks.queue.settings import TaskQueueSettings

Argument = str | bytes | float

_FIRST_DELAY, _LONGEST_DELAY = 0.01, 0.25
"""Seconds between two looks for a result."""


@attrs.frozen
class TakenTask:
    """A task that this worker runs.

    Attributes:
        take: proves that no other worker has taken it since.
        losses: how many workers have ended while they ran it.
    """

    message: TaskMessage
    take: bytes
    losses: int


class RedisTasks(TaskBackend):
    """One script for each method. An error of redis-py is a 503 by the bundle `redis`."""

    @inject
    def __init__(self, client: Redis, settings: TaskQueueSettings, redis: RedisSettings) -> None:
        self._client = client
        self._settings = settings
        self._block = min(1.0, redis.command_timeout / 2)
        prefix = f"{{{settings.prefix}}}"
        self._keys = [f"{prefix}:{name}" for name in redis_scripts.NAMES]
        self._signal = self._keys[-1]
        self._result = f"{prefix}:result:"
        self._put = client.register_script(redis_scripts.PUT)
        self._take = client.register_script(redis_scripts.TAKE)
        self._keep = client.register_script(redis_scripts.KEEP)
        self._finish = client.register_script(redis_scripts.FINISH)
        self._again = client.register_script(redis_scripts.AGAIN)

    async def put(self, message: TaskMessage) -> Waiter:
        args: list[Argument] = [self._settings.size, message.id, msgspec.json.encode(message)]
        if not await self._put(keys=self._keys, args=args):
            text = "too many tasks wait; try again later"
            raise TaskQueueFullException(text, code="task_queue_full")
        return partial(self._outcome, message.id)

    # --- for workers

    async def take(self, count: int) -> Sequence[TakenTask]:
        """Take at most *count* tasks that are due, also those of workers that have ended."""
        found = await self._take(keys=self._keys, args=[count, self._settings.lost_after])
        return [
            TakenTask(msgspec.json.decode(message, type=TaskMessage), take, int(losses))
            for message, take, losses in found
        ]

    async def wait(self) -> None:
        """Return when a task may have been put, after one second at the latest."""
        await self._client.blpop([self._signal], timeout=self._block)

    async def keep(self, tasks: Iterable[TakenTask]) -> Sequence[str]:
        """Report that *tasks* still run, and return the ids of those that another worker has."""
        args: list[Argument] = [self._settings.lost_after]
        for one in tasks:
            args += [one.message.id, one.take]
        return [id.decode() for id in await self._keep(keys=self._keys, args=args)]

    async def finish(self, task: TakenTask, outcome: TaskOutcome) -> bool:
        """Store the outcome and remove the task; False if another worker has taken it."""
        id, ttl = task.message.id, max(1, round(self._settings.result_ttl * 1000))
        keys = [*self._keys, self._result + id]
        args: list[Argument] = [id, task.take, msgspec.json.encode(outcome), ttl]
        return bool(await self._finish(keys=keys, args=args))

    async def again(self, task: TakenTask, message: TaskMessage, delay: float) -> bool:
        """Let a worker run *message* after *delay* seconds; False as for `finish`."""
        args: list[Argument] = [message.id, task.take, msgspec.json.encode(message), delay]
        return bool(await self._again(keys=self._keys, args=args))

    async def _outcome(self, id: str) -> TaskOutcome:
        delay = _FIRST_DELAY
        while (found := await self._client.get(self._result + id)) is None:
            await asyncio.sleep(delay)
            delay = min(1.5 * delay, _LONGEST_DELAY)
        return msgspec.json.decode(found, type=TaskOutcome)
