"""The server of tasks, which starts and stops with the other servers of the application."""

from collections.abc import Mapping

from injector import inject

from bundles.tasks.background import Background
from bundles.tasks.pool.worker_pool import WorkerPool
from bundles.tasks.queue.execution import TaskExecution
from bundles.tasks.queue.task import problems_of_options
from bundles.tasks.queue.task_queue import TaskQueue
from bundles.tasks.scheduler.plan import problems_of_plan
from bundles.tasks.scheduler.planner import Planner
from bundles.tasks.transport import TASKS
from bundles.tasks.watchers import Watchers
from rxkernel import Compiled, ConfigurationError, Kernel, Server


class TasksServer(Server):
    """A server without a port: its messages are the tasks that are due."""

    name = "tasks"
    transport = TASKS
    label = "tasks"

    @inject
    def __init__(
        self,
        planner: Planner,
        watchers: Watchers,
        background: Background,
        queue: TaskQueue,
        execution: TaskExecution,
        pool: WorkerPool,
    ) -> None:
        self._planner = planner
        self._watchers = watchers
        self._counted = (planner, background, queue, execution, pool)

    @property
    def counts(self) -> Mapping[str, int]:
        """The counts of scheduled tasks, of `Background`, `TaskQueue` and `WorkerPool`."""
        return {name: value for one in self._counted for name, value in one.counts.items()}

    def check(self, compiled: Compiled) -> None:
        problems = [
            f"the task {definition.name!r} ({definition.metadata.place}) is invalid: {problem}"
            for definition in compiled.definitions[TASKS]
            for problem in (*problems_of_plan(definition), *problems_of_options(definition))
        ]
        if problems:
            raise ConfigurationError(*problems)

    def configure(self, kernel: Kernel) -> None:
        pass  # the planner has the kernel

    def recompiled(self, compiled: Compiled) -> None:
        self._planner.recompiled(compiled)

    async def start(self) -> None:
        await self._planner.begin()
        await self._watchers.start()

    async def drain(self) -> None:
        await self._watchers.stop()
        await self._planner.drain()

    async def stop(self) -> None:
        await self._watchers.stop()
        await self._planner.end()
