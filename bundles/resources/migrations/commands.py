"""``rxkernel db``: creates, applies and compares revisions of the tables."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import attrs
import click
from alembic import command
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from bundles.resources.migrations.environment_options import offline
from bundles.resources.migrations.failures import readable
from bundles.resources.migrations.migrations import Migrations
from bundles.resources.migrations.target import Target, target_of
from bundles.resources.settings import DEFAULT
from rxkernel import Application
from rxkernel.cli import json_option, print_json, print_table

T = TypeVar("T")

_HEADS = ("REVISION", "STATE", "FOLLOWS", "MESSAGE", "FILE")

_database_option = click.option(
    "--database",
    default=DEFAULT,
    metavar="NAME",
    help="A database of [resources.databases]; by default that of resources.url.",
)
_sql_option = click.option(
    "--sql", is_flag=True, help="Print the statements, without connecting to the database."
)


@click.group("db")
def db() -> None:
    """The commands of `bundles.resources.migrations.group`, whose help users see."""


@db.command("revision")
@click.option(
    "-m", "--message", required=True, help="The purpose of the change; a part of the file name."
)
@click.option("--empty", is_flag=True, help="Write a revision without a change, to be filled in.")
@_database_option
@click.pass_obj
def revision(application: Application, message: str, empty: bool, database: str) -> None:
    """Write a revision that changes the tables to match the models.

    The database must be at the newest revision. Check the new file: a renamed column appears as
    one that was removed and one that was added.
    """
    target = target_of(application, database)
    made = _read(target, lambda migrations: migrations.revise(message, empty=empty))
    click.echo("No differences." if made is None else f"Created {made}.")


@db.command("upgrade")
@click.argument("revision", default="head")
@_sql_option
@_database_option
@click.pass_obj
def upgrade(application: Application, revision: str, sql: bool, database: str) -> None:
    """Apply the revisions up to REVISION, by default all.

    If another process is changing the database, this command waits for it. With --sql, REVISION
    may be FROM:TO.
    """
    target = target_of(application, database)
    if sql:
        _print_sql(target, command.upgrade, revision)
    else:
        _change(target, lambda migrations: migrations.upgrade(revision))


@db.command("downgrade", context_settings={"ignore_unknown_options": True})
@click.argument("revision")
@_sql_option
@_database_option
@click.pass_obj
def downgrade(application: Application, revision: str, sql: bool, database: str) -> None:
    """Revert the revisions after REVISION. The contents of their columns and tables are lost.

    With --sql, REVISION is FROM:TO.
    """
    target = target_of(application, database)
    if sql:
        _print_sql(target, command.downgrade, revision)
    else:
        _change(target, lambda migrations: migrations.downgrade(revision))


@db.command("stamp")
@click.argument("revision")
@_database_option
@click.pass_obj
def stamp(application: Application, revision: str, database: str) -> None:
    """Record that the database is at REVISION, without changing tables.

    Use it for a database whose tables were not created by revisions.
    """
    _change(target_of(application, database), lambda migrations: migrations.stamp(revision))


@db.command("check")
@_database_option
@click.pass_obj
def check(application: Application, database: str) -> None:
    """Print the differences between tables and models; exit with status 1 if there are any.

    The database must be at the newest revision.
    """
    differences = _read(target_of(application, database), Migrations.differences)
    for line in differences:
        click.echo(line)
    if differences:
        click.echo(
            "The tables differ from the models; write a revision: python -m rxkernel db revision"
        )
        raise SystemExit(1)
    click.echo("No differences.")


@db.command("current")
@_database_option
@click.pass_obj
def current(application: Application, database: str) -> None:
    """Print the revision of the database."""
    click.echo(_read(target_of(application, database), _current))


@db.command("history")
@json_option
@_database_option
@click.pass_obj
def history(application: Application, as_json: bool, database: str) -> None:
    """List the revisions, the newest first."""
    found = _read(target_of(application, database), Migrations.history)
    if as_json:
        print_json([attrs.asdict(item) for item in found])
        return
    rows = [(item.id, item.state, item.follows or "", item.message, item.file) for item in found]
    print_table(_HEADS, rows, "No revisions.")


def _current(migrations: Migrations) -> str:
    pending = migrations.pending()
    name = migrations.current() or "no revision"
    return f"{name}, {pending} pending" if pending else f"{name}, no revisions are pending"


def _read(target: Target, work: Callable[[Migrations], T]) -> T:
    return asyncio.run(_run(target, target.reading(), work))


def _change(target: Target, work: Callable[[Migrations], None]) -> None:
    """Do *work* with the lock, then print the revision of the database."""

    def change(migrations: Migrations) -> str:
        work(migrations)
        return _current(migrations)

    place = target.changing(
        lambda: click.echo("Waiting: another process is changing the database.")
    )
    click.echo(f"The database is at {asyncio.run(_run(target, place, change))}.")


async def _run(
    target: Target,
    place: AbstractAsyncContextManager[AsyncConnection],
    work: Callable[[Migrations], T],
) -> T:
    def run(connection: Connection) -> T:
        return work(Migrations(connection, target.files, target.models, click.echo))

    async with place as connection:
        return await connection.run_sync(run)


def _print_sql(target: Target, move: Callable[..., None], revision: str) -> None:
    target.files.newest_first()
    config = target.files.config(offline(target.url, target.models), sys.stdout)
    with readable(target.files.folder):
        move(config, revision, sql=True)
