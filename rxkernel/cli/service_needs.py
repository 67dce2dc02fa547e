"""The facts about the applications that a unit file needs, read as the user of the service."""

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import msgspec

from rxkernel.application.settings_sources import secret_variables
from rxkernel.cli.serve_options import ServeOptions
from rxkernel.cli.shared_applications import Served, applications_of
from rxkernel.exceptions import ConfigurationError
from rxkernel.settings import Settings

VARIABLES = "RXKERNEL_"
"""The beginning of the variables with settings."""

_SPARE = 15.0
"""Seconds after the timeouts of the settings until systemd kills the process."""


@attrs.frozen(kw_only=True)
class ServiceNeeds:
    """Facts about the applications of one service. They are plain values, because another process
    may have read them.

    Attributes:
        stop_timeout: seconds after which systemd may kill the process.
        ports: the ports on which they listen.
        log_directories: the directories of log files, relative to the working directory.
        secrets: variables whose values are secret.
    """

    stop_timeout: float
    ports: list[int]
    log_directories: list[str]
    secrets: list[str]

    @classmethod
    def of(cls, served: Served) -> "ServiceNeeds":
        applications = applications_of(served)
        settings = served.settings
        directories = [one.settings.logging.directory for one in applications]
        secrets: set[str] = set()
        for one in applications:
            secrets |= secret_variables(one.settings, one.sections(), one.settings_class)
        return cls(
            stop_timeout=settings.shutdown_delay + 2 * settings.shutdown_timeout + _SPARE,
            ports=[*_ports(settings)],
            log_directories=[*dict.fromkeys(str(path) for path in directories if path)],
            secrets=sorted(secrets),
        )

    def to_json(self) -> str:
        return msgspec.json.encode(self).decode()


def needs_as_user(options: ServeOptions, user: pwd.struct_passwd) -> ServiceNeeds:
    """Return `ServiceNeeds.of` for the applications of *options*. They are loaded in a process of
    *user*, so that their code does not run as root. That process writes its errors to stderr.

    Raises:
        ConfigurationError: *user* cannot run this Python, or the process has failed.
    """
    command = [sys.executable, "-m", "rxkernel", "service", "needs", *options.arguments()]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=_environment(user),
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=os.getgrouplist(user.pw_name, user.pw_gid),
            start_new_session=True,  # otherwise it could type into the terminal of root (TIOCSTI)
            check=True,
        )
        return msgspec.json.decode(done.stdout, type=ServiceNeeds)
    except OSError as exc:
        raise ConfigurationError(
            f"the user {user.pw_name!r} cannot run {sys.executable} in {str(Path.cwd())!r}: "
            f"{exc.strerror}; let this user read both, or use --run-as USER"
        ) from exc
    except (subprocess.CalledProcessError, msgspec.DecodeError) as exc:
        raise ConfigurationError(
            f"the application cannot be loaded as the user {user.pw_name!r}; correct the errors "
            f"above, let this user read {sys.prefix} and {str(Path.cwd())!r}, or use "
            f"--run-as USER"
        ) from exc


def _environment(user: pwd.struct_passwd) -> dict[str, str]:
    """An environment like the service's (systemd.exec(5)), without other variables of root."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "LANG") or name.startswith(VARIABLES)
    }
    return {**kept, "HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name}


def _ports(settings: Settings) -> Iterator[int]:
    workers = settings.workers
    yield from workers.ports or (settings.http.port,)
    if workers.balancer is not None:
        yield workers.balancer
    if settings.http.tls is not None and settings.http.tls.redirect_port is not None:
        yield settings.http.tls.redirect_port
    if settings.socketio.port is not None:
        yield settings.socketio.port
