"""``rxkernel service``: an application as a service of systemd."""

import os
import pwd
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout
from pathlib import Path

import click

from rxkernel.cli.options import debug_option, is_debugging, targets_argument
from rxkernel.cli.serve_options import ServeOptions, host_option, port_option, workers_option
from rxkernel.cli.service_needs import VARIABLES, ServiceNeeds, needs_as_user
from rxkernel.cli.unit_file import UnitFile
from rxkernel.exceptions import ConfigurationError

_SYSTEM = Path("/etc/systemd/system")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@click.group
def service() -> None:
    """Run an application as a service of systemd."""


@service.command
@targets_argument
@host_option
@port_option
@workers_option
@debug_option
@click.option(
    "--user", "of_user", is_flag=True, help="A service of the current user, not of root."
)
@click.option("--run-as", metavar="USER", help="Its user. Default: the owner of the directory.")
@click.option("--name", help="Name of the service. Default: the name of the directory.")
@click.option("--print", "is_printed", is_flag=True, help="Print the unit file instead.")
@click.option("--force", is_flag=True, help="Overwrite the unit file if it exists.")
@click.pass_context
def install(
    ctx: click.Context,
    targets: tuple[str, ...],
    host: str | None,
    port: int | None,
    workers: int,
    of_user: bool,
    run_as: str | None,
    name: str | None,
    is_printed: bool,
    force: bool,
) -> None:
    """Write a unit file that serves TARGET in the current directory, with this Python.

    It repeats --host, --port, --workers, --debug and the RXKERNEL_… variables of this command.
    """
    if of_user and run_as is not None:
        raise click.UsageError("--user and --run-as cannot be combined; remove one")
    directory = Path.cwd()
    name = _checked_name(name or directory.name)
    options = _options(ctx, targets, host, port, workers)
    user = None if of_user else _user(directory, run_as)
    needs = _needs(options, user)
    unit = UnitFile(
        name=name,
        python=sys.executable,
        directory=directory,
        arguments=options.arguments(),
        user=None if user is None else user.pw_name,
        needs=needs,
        environment=_public_variables(needs),
    )
    if user is not None:
        _check_owner(unit.folders(), user)
    if is_printed:
        click.echo(unit.text(), nl=False)
        return
    path = (_user_directory() if of_user else _SYSTEM) / f"{unit.name}.service"
    _write(path, unit.text(), force=force)
    systemctl = "systemctl --user" if of_user else "systemctl"
    click.echo(f"Written: {path}")
    click.echo(f"Start it: {systemctl} daemon-reload && {systemctl} enable --now {unit.name}")


@service.command("needs", hidden=True)
@targets_argument
@host_option
@port_option
@workers_option
@debug_option
@click.pass_context
def print_needs(
    ctx: click.Context, targets: tuple[str, ...], host: str | None, port: int | None, workers: int
) -> None:
    """Print the `ServiceNeeds` that `install` reads in a process of the user of the service."""
    with redirect_stdout(sys.stderr):  # code of the application may print
        needs = ServiceNeeds.of(_options(ctx, targets, host, port, workers).load())
    click.echo(needs.to_json())


def _options(
    ctx: click.Context, targets: tuple[str, ...], host: str | None, port: int | None, workers: int
) -> ServeOptions:
    return ServeOptions(
        targets=targets, host=host, port=port, debug=is_debugging(ctx), workers=workers
    )


def _needs(options: ServeOptions, user: pwd.struct_passwd | None) -> ServiceNeeds:
    """Read the needs of the applications. Root does not run code of another user's service."""
    if user is not None and os.geteuid() == 0 and user.pw_uid != 0:
        return needs_as_user(options, user)
    return ServiceNeeds.of(options.load())


def _public_variables(needs: ServiceNeeds) -> Mapping[str, str]:
    """The variables with settings, which every user can read in the unit file.

    Raises:
        ConfigurationError: a variable holds a secret.
    """
    found = {name: os.environ[name] for name in sorted(os.environ) if name.startswith(VARIABLES)}
    if secret := [name for name in needs.secrets if name in found]:
        raise ConfigurationError(
            *(
                f"{name} is secret, but every user can read a unit file; write the value into a "
                f"file that only the service can read, and set {name}_FILE to its path"
                for name in secret
            )
        )
    return found


def _check_owner(folders: Iterable[Path], user: pwd.struct_passwd) -> None:
    """Check that *folders* belong to *user*: systemd changes the owner of all their files."""
    for folder in folders:
        try:
            owner = folder.stat().st_uid
        except OSError:
            continue
        if owner != user.pw_uid:
            raise ConfigurationError(
                f"{folder} belongs to another user, but systemd would make {user.pw_name!r}, who "
                f"runs the service, its owner; use --name NAME, or change the owner of the folder"
            )


def _checked_name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise ConfigurationError(
            f"invalid name of a service {name!r}: only letters, digits and . _ - are allowed; "
            f"use --name NAME"
        )
    return name


def _user(directory: Path, run_as: str | None) -> pwd.struct_passwd:
    """The user of the service: *run_as*, or the owner of *directory*, unless that is root."""
    try:
        if run_as is not None:
            return pwd.getpwnam(run_as)
        owner = pwd.getpwuid(directory.stat().st_uid)
    except KeyError as exc:
        who = f"user {run_as!r}" if run_as is not None else f"the owner of {str(directory)!r}"
        raise ConfigurationError(
            f"{who} does not exist on this machine; create the user, or use --run-as USER"
        ) from exc
    if owner.pw_uid == 0:
        raise ConfigurationError(
            f"{str(directory)!r} belongs to root, but the service should not run as root; use "
            f"--run-as USER"
        )
    return owner


def _user_directory() -> Path:
    """The directory with the unit files of a user (systemd.unit(5))."""
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(config) / "systemd" / "user"


def _write(path: Path, text: str, *, force: bool) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if force else "x") as file:
            file.write(text)
    except FileExistsError as exc:
        raise ConfigurationError(
            f"{path} exists; use --force to overwrite it, or --name NAME for another service"
        ) from exc
    except OSError as exc:
        raise ConfigurationError(
            f"cannot write {path}: {exc.strerror}; run this as root, or use --user for a service "
            f"of the current user, or --print"
        ) from exc
