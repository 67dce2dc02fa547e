"""The group ``rxkernel db``; Alembic is a tenth of the time to import an application."""

from importlib import import_module

import click


class RevisionCommands(click.Group):
    """Imports its commands, and so Alembic, when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return _commands().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _commands().get_command(ctx, cmd_name)


@click.group("db", cls=RevisionCommands)
def db() -> None:
    """Change the tables of a database by revisions: files in the folder migrations.

    REVISION is an id or the begin of one, head, base, or a step such as +1 or -1.
    """


def _commands() -> click.Group:
    group: click.Group = import_module("bundles.resources.migrations.commands").db
    return group
