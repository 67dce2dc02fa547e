"""``rxkernel new``: a small project that serves, and passes its own test."""

import re
import shlex
from pathlib import Path

import click

from rxkernel.exceptions import ConfigurationError

_TEMPLATE = Path(__file__).parent / "template"
_PROJECT = "__project__"
"""Stands for the name of the project in the files of the template."""


@click.command
@click.argument("directory", type=click.Path(path_type=Path))
def new(directory: Path) -> None:
    """Make a project in a new or empty DIRECTORY."""
    name = _project_name(directory)
    try:
        _copy(directory, name)
    except OSError as exc:
        raise ConfigurationError(
            f"{directory} cannot be written: {exc.strerror}; choose another directory"
        ) from exc
    click.echo(f"{name} is in {directory}. Now:")
    click.echo(f"  cd {shlex.quote(str(directory))}")
    click.echo("  python -m rxkernel serve")
    click.echo("  python -m pytest")


def _project_name(directory: Path) -> str:
    """The directory's name, with ``-`` for what the name of a distribution cannot hold."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", directory.resolve().name).strip("._-")
    if not name:
        raise ConfigurationError(
            f"{str(directory)!r} makes no name of a project; give it a letter or a digit"
        )
    return name


def _copy(directory: Path, name: str) -> None:
    if directory.is_dir() and any(directory.iterdir()):
        raise ConfigurationError(f"{directory} is not empty; choose another directory")
    for source in sorted(_TEMPLATE.rglob("*")):
        if source.is_dir() or "__pycache__" in source.parts:
            continue
        file = directory / source.relative_to(_TEMPLATE)
        file.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding="utf-8").replace(_PROJECT, name)
        file.write_text(text, encoding="utf-8")
