"""``rxkernel tasks worker``: runs queued tasks that are in Redis."""

import asyncio
from importlib import import_module

import click

from bundles.tasks.queue.backend import TaskBackend
from bundles.tasks.queue.local_backend import LocalTasks
from rxkernel import Application, ConfigurationError
from rxkernel.cli import run_until_stopped


@click.command("worker")
@click.pass_obj
def worker(application: Application) -> None:
    """Run queued tasks until SIGTERM or Ctrl-C. Any number of workers may run,
    on any number of machines.

    Requires tasks.queue.store = "redis". The worker opens no port. When it is
    stopped, tasks that do not end within shutdown_timeout are put back.
    """

    async def work(stop: asyncio.Event) -> None:
        injector = application.injector
        if isinstance(injector.get(TaskBackend), LocalTasks):  # type: ignore[type-abstract]
            raise ConfigurationError(
                'tasks.queue.store is "memory", so each process runs its own tasks; set it to '
                '"redis" in the settings of all processes'
            )
        found = import_module("bundles.tasks.queue.task_worker").TaskWorker
        await injector.get(found).run(stop)

    run_until_stopped(application, work)
