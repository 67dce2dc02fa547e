"""``make bench ARGS="http"`` and ``make bench-quick``."""

from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from benchmarks.http.comparison import complete, quick
from benchmarks.http.goals import goals, race
from benchmarks.http.page import publish, publish_goals
from benchmarks.http.peers import PEERS
from benchmarks.http.run import Load, Run
from benchmarks.http.tables import tables
from benchmarks.http.work import ALL

_file = click.Path(dir_okay=False, path_type=Path)
_json_option = click.option(
    "--json", "json_file", type=_file, help="Write every window and all versions to this file."
)


def _load_options(
    seconds: int, rounds: int
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def add(command: Callable[..., None]) -> Callable[..., None]:
        for option in (
            click.option("--connections", default=64, show_default=True),
            click.option("--rounds", default=rounds, show_default=True, help="Windows of each."),
            click.option("--seconds", default=seconds, show_default=True, help="One window."),
        ):
            command = option(command)
        return command

    return add


_work_option = click.option(
    "--work", "works", multiple=True, type=click.Choice(list(ALL)), help="Only this."
)


def show(run: Run, json_file: Path | None = None) -> None:
    """Write the run to stdout, and its raw data to *json_file*."""
    for table in tables(run):
        click.echo(table.markdown())
    if json_file is not None:
        json_file.write_bytes(msgspec.json.encode(run) + b"\n")


def finish(run: Run) -> None:
    """Fail the command if a peer has failed, after everything is written."""
    if run.failures:
        raise click.ClickException(f"not measured: {', '.join(run.failures)}")


@click.command("http")
@click.option("--peer", "names", multiple=True, type=click.Choice(list(PEERS)), help="Only these.")
@_work_option
@click.option(
    "--python",
    "pythons",
    multiple=True,
    help="Another interpreter for rxkernel and the baseline, such as python3.13.",
)
@_load_options(seconds=1, rounds=5)
@_json_option
@click.option(
    "--from", "source", type=_file, help="Do not measure; read the file that --json wrote."
)
@click.option(
    "--publish",
    "is_published",
    is_flag=True,
    help="Write benchmarks/README.md, with its figures.",
)
def http_command(
    names: tuple[str, ...],
    works: tuple[str, ...],
    pythons: tuple[str, ...],
    json_file: Path | None,
    source: Path | None,
    is_published: bool,
    **load: int,
) -> None:
    """Compare HTTP servers: the cost of a request, with listeners and without."""
    if source is not None:
        run = msgspec.json.decode(source.read_bytes(), type=Run)
    else:
        run = complete(Load(**load), pythons, names, works)
    show(run, json_file)
    if is_published:
        publish(run)
    finish(run)


@click.command("goals")
@click.option(
    "--python", "pythons", multiple=True, help="Another interpreter, such as python3.13."
)
@_load_options(seconds=1, rounds=15)
@_json_option
@click.option(
    "--publish",
    "is_published",
    is_flag=True,
    help="Write benchmarks/README.md, with its figures.",
)
def goals_command(
    pythons: tuple[str, ...], json_file: Path | None, is_published: bool, **load: int
) -> None:
    """The goals for HTTP; all compared servers run in turns."""
    run = race(Load(**load), pythons)
    click.echo(goals(run).markdown())
    show(run, json_file)
    if is_published:
        publish_goals(run)
    finish(run)


@click.command("quick")
@_work_option
@_load_options(seconds=1, rounds=5)
@_json_option
def quick_command(works: tuple[str, ...], json_file: Path | None, **load: int) -> None:
    """HTTP in under three minutes: rxkernel compared with raw aiohttp."""
    run = quick(Load(**load), works)
    show(run, json_file)
    finish(run)
