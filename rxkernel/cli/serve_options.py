"""The options of ``serve`` that a child process or a unit file repeats."""

from collections.abc import Iterator

import attrs
import click

from rxkernel.cli.loading import load
from rxkernel.cli.shared_applications import Served, SharedApplications, applications_of
from rxkernel.exceptions import ConfigurationError

host_option = click.option("--host", help="Address to listen on.")

port_option = click.option("--port", type=int, help="TCP port; 0 selects a free one.")


class _Count(click.IntRange):
    name = "number"


workers_option = click.option("--workers", type=_Count(min=1), default=1, help="Processes.")


@attrs.frozen(kw_only=True)
class ServeOptions:
    """The options of ``serve`` that select the applications and the port."""

    targets: tuple[str, ...]
    host: str | None
    port: int | None
    debug: bool
    workers: int = 1
    reuse_port: bool = False
    is_child: bool = False

    def overrides(self) -> dict[str, object]:
        """The settings that were given, by dotted name."""
        given = {
            "http.host": self.host,
            "http.port": self.port,
            "debug": self.debug or None,
            "http.reuse_port": self.reuse_port or None,
        }
        return {name: value for name, value in given.items() if value is not None}

    def arguments(self) -> list[str]:
        """The same options and targets as words of a command."""
        arguments = [] if self.host is None else ["--host", self.host]
        arguments += [] if self.port is None else ["--port", str(self.port)]
        arguments += ["--debug"] if self.debug else []
        arguments += [] if self.workers == 1 else ["--workers", str(self.workers)]
        arguments += ["--reuse-port"] if self.reuse_port else []
        is_option = any(target.startswith("-") for target in self.targets)
        return [*arguments, *(["--"] if is_option else []), *self.targets]

    def load(self) -> Served:
        """Find the applications, and read their settings.

        Raises:
            ConfigurationError: an application does not exist, a setting is invalid, or several
                workers cannot serve it.
        """
        if len(self.targets) > 1:
            served: Served = SharedApplications.load(self.targets, self.overrides())
        else:
            served = load(self.targets[0] if self.targets else None, self.overrides())
        if problems := [*self._problems(served)]:
            raise ConfigurationError(*problems)
        return served

    def _problems(self, served: Served) -> Iterator[str]:
        ports = served.settings.workers.ports
        if not self.is_child and ports:
            where = "workers.ports has a port for each worker"
            if self.workers > 1:
                yield f"{where}, but --workers is given; remove one"
            if self.port is not None:
                yield f"{where}, but --port is given; remove one"
        elif self.workers == 1:
            return
        if any(
            one.settings.socketio.enabled and one.settings.socketio.port is not None
            for one in applications_of(served)
        ):
            source = "workers.ports" if ports else "--workers"
            yield (
                f"{source} serves Socket.IO on the port of HTTP only, but socketio.port is set; "
                f"remove socketio.port, or remove {source}"
            )
