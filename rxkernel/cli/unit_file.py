"""The unit file of systemd for an application."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from rxkernel.exceptions import ConfigurationError
from rxkernel.settings import Settings

_START_TIMEOUT = 900
"""Seconds; set-up scripts run before the service is ready."""

_SPARE = 15.0
"""Seconds after the timeouts of the settings until systemd kills the process."""

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
    """What a unit needs to know.

    Attributes:
        name: the name of the service, for its description.
        python: the interpreter, usually of a virtual environment.
        directory: the working directory, in which the service may write.
        targets: the arguments of ``serve``.
        user: who runs it; None for a unit of the user's own service manager, which cannot restrict
            a service further.
        settings: those of each target.
    """

    name: str
    python: str
    directory: Path
    targets: Sequence[str]
    user: str | None
    settings: Sequence[Settings]

    def text(self) -> str:
        """The content of the file."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        command = (self.python, "-m", "rxkernel", "serve", *self.targets)
        yield "[Unit]"
        yield f"Description={_escaped(self.name)}, served by rxkernel"
        if self.user is not None:
            yield "Wants=network-online.target"
            yield "After=network-online.target"
        yield from ("", "[Service]", "Type=notify", "NotifyAccess=main")
        if self.user is not None:
            yield f"User={self.user}"
        yield f"WorkingDirectory={_escaped(str(self.directory))}"
        yield f"ExecStart={' '.join(_argument(each) for each in command)}"
        yield "ExecReload=kill -HUP $MAINPID"
        yield from ("KillMode=mixed", "Restart=on-failure", "RestartSec=2", "WatchdogSec=30")
        yield f"TimeoutStartSec={_START_TIMEOUT}"
        yield f"TimeoutStopSec={self._stop_timeout()}"
        yield from ("LimitNOFILE=65536", "NoNewPrivileges=true")
        if self.user is not None:
            yield from self._restrictions()
        target = "default" if self.user is None else "multi-user"
        yield from ("", "[Install]", f"WantedBy={target}.target")

    def _stop_timeout(self) -> int:
        longest = max(s.shutdown_delay + 2 * s.shutdown_timeout for s in self.settings)
        return math.ceil(longest + _SPARE)

    def _restrictions(self) -> Iterator[str]:
        ports = [port for each in self.settings for port in _ports(each)]
        needed = _BIND if any(0 < port < 1024 for port in ports) else ""
        yield f"CapabilityBoundingSet={needed}"
        if needed:
            yield f"AmbientCapabilities={needed}"
        yield from _HARDENING.splitlines()
        yield f"ReadWritePaths={_quoted(str(self.directory))}"
        for path in dict.fromkeys(self._log_directories()):
            yield f"ReadWritePaths={_quoted(f'-{path}')}"  # it may not exist yet

    def _log_directories(self) -> Iterator[Path]:
        for each in self.settings:
            if each.logging.directory is not None:
                yield self.directory / each.logging.directory


def _ports(settings: Settings) -> Iterator[int]:
    yield settings.http.port
    if settings.http.tls is not None and settings.http.tls.redirect_port is not None:
        yield settings.http.tls.redirect_port
    if settings.socketio.port is not None:
        yield settings.socketio.port


def _argument(text: str) -> str:
    """*text* as one word of a command; ``$`` would be a variable."""
    return _quoted(text.replace("$", "$$"))


def _quoted(text: str) -> str:
    """*text* as one word (systemd.syntax(7))."""
    plain = _escaped(text)
    if not any(c in plain for c in " \t\"'\\;"):
        return plain
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escaped(text: str) -> str:
    """*text* without specifiers, which begin with ``%``.

    Raises:
        ConfigurationError: it would begin another line of the file, or continue this one.
    """
    if not text.isprintable() or text.endswith("\\"):
        raise ConfigurationError(
            f"{text!r} cannot be written into a unit of systemd; rename it, without control "
            f"characters and without a backslash at its end"
        )
    return text.replace("%", "%%")
