"""``rxkernel serve``: one process, or a supervisor of others."""

import asyncio
from pathlib import Path

import attrs
import click

from rxkernel.cli.loading import load
from rxkernel.cli.logs import configure_logging
from rxkernel.cli.loop import run
from rxkernel.cli.options import debug_option, is_debugging, targets_argument
from rxkernel.cli.port import reserved_port
from rxkernel.cli.reload import serve_and_reload
from rxkernel.cli.serving import serve_until_stopped
from rxkernel.cli.shared_applications import Served, SharedApplications, applications_of
from rxkernel.cli.watched_files import WatchedFiles
from rxkernel.cli.workers import supervise
from rxkernel.exceptions import ConfigurationError
from rxkernel.settings import LoggingSettings


@attrs.frozen(kw_only=True)
class _Given:
    """The options of one serving process."""

    targets: tuple[str, ...]
    host: str | None
    port: int | None
    debug: bool
    reuse_port: bool

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
        """The arguments of a child with the same options."""
        arguments = ["serve", "--supervised"]
        arguments += [] if self.host is None else ["--host", self.host]
        arguments += [] if self.port is None else ["--port", str(self.port)]
        arguments += ["--debug"] if self.debug else []
        arguments += ["--reuse-port"] if self.reuse_port else []
        return [*arguments, "--", *self.targets] if self.targets else arguments

    def load(self) -> Served:
        """Find the applications, and read their settings.

        Raises:
            ConfigurationError: one does not exist, or a setting is invalid.
        """
        if len(self.targets) > 1:
            return SharedApplications.load(self.targets, self.overrides())
        return load(self.targets[0] if self.targets else None, self.overrides())


@click.command
@targets_argument
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="TCP port; 0 selects a free one.")
@click.option("--reload", is_flag=True, help="Restart when a source file changes.")
@click.option(
    "--reload-dir",
    "reload_dirs",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A directory to watch besides the working directory; may be repeated.",
)
@click.option(
    "--reload-include",
    "reload_patterns",
    multiple=True,
    metavar="PATTERN",
    help="More files to watch, such as '*.sql'; may be repeated.",
)
@click.option("--workers", type=click.IntRange(min=1), default=1, help="Processes, for HTTP only.")
@debug_option
@click.option("--supervised", is_flag=True, hidden=True, help="stdin is a link to a supervisor.")
@click.option("--reuse-port", is_flag=True, hidden=True, help="http.reuse_port = true")
@click.pass_context
def serve(
    ctx: click.Context,
    targets: tuple[str, ...],
    host: str | None,
    port: int | None,
    reload: bool,
    reload_dirs: tuple[Path, ...],
    reload_patterns: tuple[str, ...],
    workers: int,
    supervised: bool,
    reuse_port: bool,
) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Several TARGETs share one port: each gets the requests for the hosts of its setting
    http.allowed_hosts.

    Then requests in flight get their responses, and it exits with 0. A second signal ends it at
    once, with 1. Other settings are read from RXKERNEL_… variables and from rxkernel.toml or
    pyproject.toml.
    """
    if reload and workers > 1:
        raise click.UsageError("--reload and --workers cannot be combined; remove one")
    if (reload_dirs or reload_patterns) and not reload:
        raise click.UsageError("--reload-dir and --reload-include need --reload; add it")
    given = _Given(
        targets=targets, host=host, port=port, debug=is_debugging(ctx), reuse_port=reuse_port
    )
    if reload:
        configure_logging(LoggingSettings())
        watched = WatchedFiles((Path.cwd(), *reload_dirs), reload_patterns)
        asyncio.run(serve_and_reload(given.arguments(), watched))
        return
    application = given.load()
    every = applications_of(application)
    configure_logging(application.settings.logging, *(one.settings.logging for one in every))
    if workers == 1:
        run(serve_until_stopped(application, supervised=supervised))
    else:
        ctx.exit(_serve_with_workers(application, given, workers))


def _serve_with_workers(application: Served, given: _Given, workers: int) -> int:
    if any(one.settings.socketio.enabled for one in applications_of(application)):
        raise ConfigurationError(
            "--workers serves HTTP only, and Socket.IO is enabled: its clients must reach the "
            "same process each time, which a shared port cannot ensure; set "
            "socketio.enabled = false, or remove --workers"
        )
    with reserved_port(application.settings.http) as port:
        child = attrs.evolve(given, port=port, reuse_port=True)
        return asyncio.run(supervise(child.arguments(), workers))
