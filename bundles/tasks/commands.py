"""``rxkernel tasks``: lists, runs and removes tasks."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import attrs
import click

from bundles.tasks.queue.worker_command import worker
from bundles.tasks.scheduler.entry import TaskEntry, TaskRecord
from bundles.tasks.scheduler.scheduler import Scheduler
from rxkernel import Application, ConfigurationError, encode_json
from rxkernel.cli import configure_logging, json_option, print_json, print_table

_HEADS = ("ID", "TASK", "TIMES", "DUE", "RUNS", "FAILED", "LAST END", "LAST ERROR")
_WIDTH = 60


@click.group("tasks")
def tasks() -> None:
    """List, run and remove tasks."""


tasks.add_command(worker)


@tasks.command("list")
@json_option
@click.pass_obj
def list_tasks(application: Application, as_json: bool) -> None:
    """List the tasks with their next times and their records. Times have the
    UTC offset of the task's time zone."""
    entries = asyncio.run(_entries(application))
    if as_json:
        print_json([_plain(entry) for entry in entries])
    else:
        print_table(_HEADS, [_row(entry) for entry in entries], "No tasks.")


@tasks.command("run")
@click.argument("name")
@click.pass_obj
def run_task(application: Application, name: str) -> None:
    """Run the task NAME now, in this process, and print its record.

    NAME is an id that `list` prints, or the name of a procedure without a schedule. The server
    need not run. `rxkernel call NAME TARGET --param KEY=VALUE` runs a task with parameters.
    Exits with status 1 if the task fails.
    """
    configure_logging(application.settings.logging)
    record, zone = asyncio.run(_run(application, name))
    click.echo(encode_json(_plain_record(record, zone)))
    if record.error is not None:
        raise SystemExit(1)


@tasks.command("remove")
@click.argument("id")
@click.pass_obj
def remove_task(application: Application, id: str) -> None:
    """Remove the task ID, which Scheduler.add has added."""
    asyncio.run(_remove(application, id))
    click.echo(f"Removed the task {id}.")


async def _entries(application: Application) -> Sequence[TaskEntry]:
    async with application:
        return await application.injector.get(Scheduler).entries()


async def _run(application: Application, name: str) -> tuple[TaskRecord, tzinfo]:
    async with application:
        scheduler = application.injector.get(Scheduler)
        entries = await scheduler.entries()
        zone = next((entry.plan.zone for entry in entries if entry.id == name), UTC)
        try:
            return await scheduler.run(name), zone
        except KeyError as exc:
            raise ConfigurationError(
                f"unknown task {name!r}; the command `tasks list` prints all tasks"
            ) from exc


async def _remove(application: Application, id: str) -> None:
    async with application:
        try:
            is_removed = await application.injector.get(Scheduler).remove(id)
        except ValueError as exc:
            raise ConfigurationError(str(exc)) from exc
        if not is_removed:
            raise ConfigurationError(
                f"unknown task {id!r}; the command `tasks list` prints all tasks"
            )


def _plain(entry: TaskEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "task": entry.task,
        "name": entry.name,
        "times": str(entry.plan),
        "params": entry.params,
        "body": entry.body,
        **_plain_record(entry.record, entry.plan.zone),
    }


def _plain_record(record: TaskRecord, zone: tzinfo) -> dict[str, Any]:
    names = ("due", "last_start", "last_end")
    times = {name: _time(getattr(record, name), zone) for name in names}
    return {**attrs.asdict(record, recurse=False), **times}


def _row(entry: TaskEntry) -> tuple[str, ...]:
    record, zone = entry.record, entry.plan.zone
    error = record.error or ""
    return (
        *(entry.id, entry.task, str(entry.plan), _time(record.due, zone) or "never"),
        *(str(record.runs), str(record.failures), _time(record.last_end, zone) or ""),
        error if len(error) <= _WIDTH else f"{error[: _WIDTH - 1]}…",
    )


def _time(moment: float | None, zone: tzinfo) -> str | None:
    """Return *moment* in ISO 8601 format, with the UTC offset of *zone*."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, zone).isoformat(timespec="seconds")
