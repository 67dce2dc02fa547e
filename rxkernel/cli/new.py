"""``rxkernel new``: a small project, of an application or of a bundle, that passes its tests."""

import re
import shlex
from pathlib import Path

import click

from rxkernel.application.bundle_rules import SETTING_NAMES, is_bundle_name
from rxkernel.cli.missing_extras import missing_extras
from rxkernel.exceptions import ConfigurationError

_TEMPLATES = Path(__file__).parent / "template"

_COMMANDS = {
    "application": ("python -m pytest", "python -m rxkernel serve"),
    "bundle": ("python -m pip install --editable .", "python -m pytest"),
    "metarhia": ("python -m pytest", "python -m rxkernel serve --debug"),
    "site": ("python -m pytest", "python -m rxkernel serve --debug"),
}
"""The next commands for the user, by template."""

_REQUESTS = {
    "application": "curl -X POST http://127.0.0.1:8000/greetings/Ada",
    "metarhia": "curl 'http://127.0.0.1:8000/api/geo/findCity?name=Rome'",
    "site": "curl http://127.0.0.1:8000/messages.json",
}
"""A request to the application, by template, on the port of its ``rxkernel.toml``."""

_OPTIONAL_EXTRAS = {"fast"}
"""The extras that a project lists, but works without."""


@click.command
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@click.option("--bundle", metavar="NAME", help="Create the project of a bundle with this name.")
@click.option(
    "--layout",
    type=click.Choice(sorted(_REQUESTS)),
    help="Create another application, from a directory of files: metarhia with endpoints, site "
    "with pages.",
)
def new(directory: Path | None, bundle: str | None, layout: str | None) -> None:
    """Create a project in a new or empty DIRECTORY.

    The project contains an application, or with --bundle an installable bundle; then the default
    of DIRECTORY is rxkernel-NAME.
    """
    if bundle is not None:
        if layout is not None:
            raise click.UsageError("--layout is for applications; remove it, or --bundle")
        words = _words_of_bundle(bundle)
        _make("bundle", directory or Path(words["__project__"]), words)
        return
    if directory is None:
        raise click.UsageError("DIRECTORY is missing; run: python -m rxkernel new DIRECTORY")
    layout = layout or "application"
    _make(layout, directory, {"__project__": _project_name(directory)})
    click.echo(f"Then, in a second terminal:\n  {_REQUESTS[layout]}")


def _make(template: str, directory: Path, words: dict[str, str]) -> None:
    try:
        _copy(_TEMPLATES / template, directory, words)
    except OSError as exc:
        raise ConfigurationError(
            f"cannot write {directory}: {exc.strerror}; choose another directory"
        ) from exc
    is_here = directory.resolve() == Path.cwd()
    click.echo(
        f"Created {words['__project__']} in {'this directory' if is_here else directory}. Next:"
    )
    if extras := missing_extras(_extras_of(directory)):
        quoted = f"'.[{','.join(extras)}]'"
        click.echo(f"  python -m pip install {quoted}  # in the clone of rxkernel, it is missing")
    enter = () if is_here else (f"cd {shlex.quote(str(directory))}",)
    for command in (*enter, *_COMMANDS[template]):
        click.echo(f"  {command}")


def _extras_of(directory: Path) -> set[str]:
    """The extras of rxkernel that the new project needs."""
    text = (directory / "pyproject.toml").read_text(encoding="utf-8")
    lists = re.findall(r"rxkernel\[([\w,-]+)\]", text)
    return {extra for names in lists for extra in names.split(",")} - _OPTIONAL_EXTRAS


def _project_name(directory: Path) -> str:
    """The directory's name, with ``-`` for characters that a distribution name cannot have."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", directory.resolve().name).strip("._-")
    if not name:
        raise ConfigurationError(
            f"cannot make a project name from {str(directory)!r}; the name of the directory must "
            f"contain a letter or a digit"
        )
    return name


def _words_of_bundle(name: str) -> dict[str, str]:
    """Return the texts for the placeholders in the files and paths of a bundle's project."""
    if not is_bundle_name(name):
        raise ConfigurationError(
            f"{name!r} cannot be the name of a bundle; use lower-case letters, digits, '-' and "
            f"'_', starting with a letter"
        )
    if name in SETTING_NAMES:
        raise ConfigurationError(
            f"{name!r} cannot be the name of a bundle, because a setting has this name; choose "
            f"another"
        )
    plain = name.replace("-", "_").strip("_")
    return {
        "__project__": f"rxkernel-{plain.replace('_', '-')}",
        "__bundle__": name,
        "__folder__": f"rxkernel_{plain}",
        "Placeholder": "".join(part.capitalize() for part in plain.split("_")),
        "__VARIABLE__": name.replace("-", "_").upper(),
    }


def _copy(template: Path, directory: Path, words: dict[str, str]) -> None:
    if directory.is_dir() and any(directory.iterdir()):
        raise ConfigurationError(f"{directory} is not empty; choose another directory")
    for source in sorted(template.rglob("*")):
        if source.is_dir() or "__pycache__" in source.parts:
            continue
        file = directory / _filled(str(source.relative_to(template)), words)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_filled(source.read_text(encoding="utf-8"), words), encoding="utf-8")


def _filled(text: str, words: dict[str, str]) -> str:
    for placeholder, word in words.items():
        text = text.replace(placeholder, word)
    return text
