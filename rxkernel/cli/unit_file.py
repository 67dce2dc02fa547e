"""The unit file of systemd for an application."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from rxkernel.cli.service_needs import ServiceNeeds
from rxkernel.exceptions import ConfigurationError

_START_TIMEOUT = 900
"""Seconds; set-up scripts run before the service is ready."""

_STATE, _LOGS = Path("/var/lib"), Path("/var/log")
"""systemd gives a service the folders with its name in them (systemd.exec(5))."""

_HARDENING = """\
PrivateTmp=true
PrivateDevices=true
ProtectSystem=strict
ProtectHome=read-only
ProtectControlGroups=true
ProtectKernelModules=true
ProtectKernelTunables=true
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictSUIDSGID=true
LockPersonality=true
"""

_BIND = "CAP_NET_BIND_SERVICE"


@attrs.frozen(kw_only=True)
class UnitFile:
    """The unit of a service.

    Attributes:
        name: the name of the service, for its description and its folder in ``/var/lib``.
        python: the interpreter, usually of a virtual environment.
        directory: the working directory, in which the service may write.
        arguments: the arguments of ``serve``.
        user: the user that runs it; None for a unit of the user's own service manager, which
            cannot restrict a service further.
        needs: the facts about the applications.
        environment: variables of the service. Every user of the machine can read them.
    """

    name: str
    python: str
    directory: Path
    arguments: Sequence[str]
    user: str | None
    needs: ServiceNeeds
    environment: Mapping[str, str] = {}

    def text(self) -> str:
        """The content of the file."""
        return "\n".join(self._lines()) + "\n"

    def folders(self) -> Iterator[Path]:
        """The folders that systemd creates, and whose owner becomes the user of the service."""
        if self.user is not None:
            yield _STATE / self.name
            if _LOGS / self.name in self._log_directories():
                yield _LOGS / self.name

    def _log_directories(self) -> list[Path]:
        return [self.directory / each for each in self.needs.log_directories]

    def _lines(self) -> Iterator[str]:
        yield "[Unit]"
        yield f"Description={_escaped(self.name)}, served by rxkernel"
        if self.user is not None:
            yield "Wants=network-online.target"
            yield "After=network-online.target"
        yield from ("", "[Service]", "Type=notify", "NotifyAccess=main")
        if self.user is not None:
            yield f"User={_escaped(self.user)}"
        yield f"WorkingDirectory={_whole_line(str(self.directory))}"
        for name, value in self.environment.items():
            yield f"Environment={_quoted(f'{name}={value}')}"
        yield f"ExecStart={' '.join(self._command())}"
        yield "ExecReload=kill -HUP $MAINPID"
        yield from ("KillMode=mixed", "Restart=on-failure", "RestartSec=2", "WatchdogSec=30")
        yield f"TimeoutStartSec={_START_TIMEOUT}"
        yield f"TimeoutStopSec={math.ceil(self.needs.stop_timeout)}"
        yield from ("LimitNOFILE=65536", "NoNewPrivileges=true")
        if self.user is not None:
            yield from self._restrictions()
        target = "default" if self.user is None else "multi-user"
        yield from ("", "[Install]", f"WantedBy={target}.target")

    def _command(self) -> Iterator[str]:
        """The words of the command. ``$`` begins a variable, except in the first word, the path of
        the program; after ``@`` the next word is ``argv[0]``."""
        if "$" in self.python:
            yield _quoted(f"@{self.python}")
        for word in (self.python, "-m", "rxkernel", "serve", *self.arguments):
            yield _quoted(word.replace("$", "$$"))

    def _restrictions(self) -> Iterator[str]:
        needed = _BIND if any(0 < port < 1024 for port in self.needs.ports) else ""
        yield f"CapabilityBoundingSet={needed}"
        if needed:
            yield f"AmbientCapabilities={needed}"
        yield from _HARDENING.splitlines()
        for folder in self.folders():
            yield f"{'State' if folder.parent == _STATE else 'Logs'}Directory={self.name}"
        yield f"ReadWritePaths={_quoted(str(self.directory))}"
        for path in self._log_directories():
            if path != _LOGS / self.name:
                yield f"ReadWritePaths={_quoted(f'-{path}')}"  # it may not exist yet


def _quoted(text: str) -> str:
    """*text* as one word (systemd.syntax(7))."""
    plain = _escaped(text)
    if not any(c in plain for c in " \t\"'\\;"):
        return plain
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _whole_line(text: str) -> str:
    """Escape the path of a folder for the end of a line, where systemd removes spaces."""
    return f"{_escaped(text)}/" if text.endswith(" ") else _escaped(text)


def _escaped(text: str) -> str:
    """Escape specifiers, which begin with ``%``, in *text*.

    Raises:
        ConfigurationError: *text* would begin another line of the file, or continue this one.
    """
    if not text.isprintable() or text.endswith("\\"):
        raise ConfigurationError(
            f"{text!r} cannot be written into a unit file of systemd; remove control characters, "
            f"and a backslash at its end"
        )
    return text.replace("%", "%%")
