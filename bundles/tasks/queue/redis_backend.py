"""Queued tasks in Redis: any process adds them, workers on any machine run them."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial

import attrs
import msgspec
from injector import inject
from redis.exceptions import RedisError

from bundles.redis import Redis, RedisSettings
from bundles.tasks.queue import redis_scripts
from bundles.tasks.queue.backend import TaskBackend, Waiter
from bundles.tasks.queue.exceptions import TaskQueueFullException
from bundles.tasks.queue.message import TaskMessage, TaskOutcome
from bundles.tasks.queue.settings import TaskQueueSettings

logger = logging.getLogger(__name__)

Argument = str | bytes | float

_FIRST_DELAY, _LONGEST_DELAY = 0.01, 0.25
"""Seconds between two checks for a result."""


@attrs.frozen
class TakenTask:
    """A task that this worker runs.

    Attributes:
        take: how often the task was taken; another number in Redis means that another worker has
            taken it since.
        losses: the number of runs that did not end, because their worker did.
    """

    message: TaskMessage
    take: bytes
    losses: int


class RedisTasks(TaskBackend):
    """Each method is one script. The bundle `redis` responds to errors of redis-py with 503."""

    @inject
    def __init__(self, client: Redis, settings: TaskQueueSettings, redis: RedisSettings) -> None:
        self._client = client
        self._settings = settings
        self._block = min(1.0, redis.command_timeout / 2)
        prefix = redis.key(redis_scripts.PREFIX)
        self._keys = [f"{prefix}:{name}" for name in redis_scripts.NAMES]
        self._messages = self._keys[redis_scripts.NAMES.index("messages")]
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
            text = "the task queue is full; try again later"
            raise TaskQueueFullException(text, code="task_queue_full")
        return partial(self._outcome, message.id)

    # --- for workers

    async def take(self, count: int) -> Sequence[TakenTask]:
        """Take at most *count* tasks that are due, including those of workers that have ended."""
        found = await self._take(keys=self._keys, args=[count, self._settings.lost_after])
        taken: list[TakenTask] = []
        for id, message, take, losses in found:
            try:
                read = msgspec.json.decode(message or b"", type=TaskMessage)
            except msgspec.MsgspecError as exc:
                await self._reject(id.decode(), take, exc)
            else:
                taken.append(TakenTask(read, take, int(losses)))
        return taken

    async def wait(self) -> None:
        """Return when a task may have been added, after one second at the latest."""
        await self._client.blpop([self._signal], timeout=self._block)

    async def keep(self, tasks: Iterable[TakenTask]) -> Sequence[str]:
        """Extend the claim of this worker to *tasks*, and return the ids of those that another
        worker has taken."""
        args: list[Argument] = [self._settings.lost_after]
        for one in tasks:
            args += [one.message.id, one.take]
        return [id.decode() for id in await self._keep(keys=self._keys, args=args)]

    async def finish(self, task: TakenTask, outcome: TaskOutcome) -> bool:
        """Store the outcome and remove the task; False if another worker has taken it."""
        return await self._store(task.message.id, task.take, outcome)

    async def again(self, task: TakenTask, message: TaskMessage, delay: float) -> bool:
        """Queue *message* again, to run after *delay* seconds; return False as `finish` does."""
        args: list[Argument] = [message.id, task.take, msgspec.json.encode(message), delay]
        return bool(await self._again(keys=self._keys, args=args))

    async def _reject(self, id: str, take: bytes, exc: msgspec.MsgspecError) -> None:
        """End a task whose message cannot be read, so that it does not stop the workers. During an
        outage of Redis it stays in the queue, and is taken again."""
        error = f"its message in Redis cannot be read: {exc}"
        logger.error("the queued task %s was removed: %s", id, error)
        with suppress(RedisError):
            await self._store(id, take, TaskOutcome(error=error, status_code=500))

    async def _store(self, id: str, take: bytes, outcome: TaskOutcome) -> bool:
        keys, ttl = [*self._keys, self._result + id], round(self._settings.result_ttl * 1000)
        args: list[Argument] = [id, take, msgspec.json.encode(outcome), max(1, ttl)]
        return bool(await self._finish(keys=keys, args=args))

    async def _outcome(self, id: str) -> TaskOutcome:
        delay = _FIRST_DELAY
        while True:
            is_there, found = await self._look(id)
            if found is not None:
                return msgspec.json.decode(found, type=TaskOutcome)
            if not is_there:
                return TaskOutcome(error="its result is not in Redis any more", status_code=410)
            await asyncio.sleep(delay)
            delay = min(1.5 * delay, _LONGEST_DELAY)

    async def _look(self, id: str) -> tuple[bool, bytes | None]:
        """Return whether the task is waiting or running, and its outcome, in one transaction."""
        async with self._client.pipeline(transaction=True) as pipeline:
            pipeline.hexists(self._messages, id)
            pipeline.get(self._result + id)
            is_there, found = await pipeline.execute()
        return bool(is_there), found
