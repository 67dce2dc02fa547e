"""``rxkernel service``: an application as a service of systemd."""

import os
import pwd
import re
import sys
from pathlib import Path

import click

from rxkernel.cli.loading import load
from rxkernel.cli.options import TARGET, overrides_of
from rxkernel.cli.unit_file import UnitFile
from rxkernel.exceptions import ConfigurationError

_SYSTEM = Path("/etc/systemd/system")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@click.group
def service() -> None:
    """Run an application as a service of systemd."""


@service.command
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@click.option("--user", "of_user", is_flag=True, help="A service of your own, without root.")
@click.option("--run-as", metavar="USER", help="Who runs it. Default: the owner of the directory.")
@click.option("--name", help="Name of the service. Default: that of the directory.")
@click.option("--print", "is_printed", is_flag=True, help="Print the unit file instead.")
@click.option("--force", is_flag=True, help="Overwrite the unit file if it exists.")
@click.pass_context
def install(
    ctx: click.Context,
    targets: tuple[str, ...],
    of_user: bool,
    run_as: str | None,
    name: str | None,
    is_printed: bool,
    force: bool,
) -> None:
    """Write a unit file that serves TARGET in the current directory, with this Python."""
    if of_user and run_as is not None:
        raise click.UsageError("--user and --run-as cannot be combined; remove one")
    if not targets and TARGET in ctx.meta:
        targets = (ctx.meta[TARGET],)
    directory = Path.cwd()
    applications = [load(target, overrides_of(ctx)) for target in targets or (None,)]
    unit = UnitFile(
        name=_checked_name(name or directory.name),
        python=sys.executable,
        directory=directory,
        targets=targets,
        user=None if of_user else _user(directory, run_as),
        settings=[application.settings for application in applications],
    )
    if is_printed:
        click.echo(unit.text(), nl=False)
        return
    path = (_user_directory() if of_user else _SYSTEM) / f"{unit.name}.service"
    _write(path, unit.text(), force=force)
    systemctl = "systemctl --user" if of_user else "systemctl"
    click.echo(f"Written: {path}")
    click.echo(f"Start it: {systemctl} daemon-reload && {systemctl} enable --now {unit.name}")


def _checked_name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise ConfigurationError(
            f"invalid name of a service {name!r}: only letters, digits and . _ - are allowed; "
            f"write --name NAME"
        )
    return name


def _user(directory: Path, run_as: str | None) -> str:
    """The user of the service: *run_as*, or the owner of *directory*, unless that is root."""
    try:
        if run_as is not None:
            return pwd.getpwnam(run_as).pw_name
        owner = pwd.getpwuid(directory.stat().st_uid)
    except KeyError as exc:
        who = f"user {run_as!r}" if run_as is not None else f"the owner of {str(directory)!r}"
        raise ConfigurationError(
            f"{who} does not exist on this machine; create a user, or write --run-as USER"
        ) from exc
    if owner.pw_uid == 0:
        raise ConfigurationError(
            f"{str(directory)!r} belongs to root, and the service should not run as root; write "
            f"--run-as USER"
        )
    return owner.pw_name


def _user_directory() -> Path:
    """Where the service manager of a user looks (systemd.unit(5))."""
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(config) / "systemd" / "user"


def _write(path: Path, text: str, *, force: bool) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if force else "x") as file:
            file.write(text)
    except FileExistsError as exc:
        raise ConfigurationError(
            f"{path} exists; write --force to overwrite it, or --name NAME for another service"
        ) from exc
    except OSError as exc:
        raise ConfigurationError(
            f"{path} cannot be written: {exc.strerror}; run this as root, or write --user for a "
            f"service of your own, or --print"
        ) from exc
