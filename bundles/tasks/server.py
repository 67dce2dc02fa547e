"""The transport of tasks, which starts and stops with the servers of the application."""

from collections.abc import Mapping

from injector import inject

from bundles.tasks.plan import OPTION
from bundles.tasks.planner import Planner
from bundles.tasks.transport import TASKS
from rxkernel import Compiled, ConfigurationError, Kernel, Server


class TasksServer(Server):
    """Has no port: its messages are the tasks that are due."""

    name = "tasks"
    transport = TASKS
    label = "tasks"

    @inject
    def __init__(self, planner: Planner) -> None:
        self._planner = planner

    @property
    def counts(self) -> Mapping[str, int]:
        return self._planner.counts

    def check(self, compiled: Compiled) -> None:
        problems = [
            f"the task {definition.name!r} ({definition.metadata.place}) is invalid: {problem}"
            for definition in compiled.definitions[TASKS]
            if (plan := definition.options.get(OPTION)) is not None
            for problem in plan.problems()
        ]
        if problems:
            raise ConfigurationError(*problems)

    def configure(self, kernel: Kernel) -> None:
        pass  # the planner has the kernel

    def recompiled(self, compiled: Compiled) -> None:
        self._planner.recompiled(compiled)

    async def start(self) -> None:
        await self._planner.begin()

    async def drain(self) -> None:
        await self._planner.drain()

    async def stop(self) -> None:
        await self._planner.end()
