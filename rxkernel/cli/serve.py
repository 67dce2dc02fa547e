"""``rxkernel serve``: one process, or a supervisor of others."""

import asyncio
import logging
from pathlib import Path

import attrs
import click

from rxkernel.cli.logs import configure_logging
from rxkernel.cli.loop import run
from rxkernel.cli.options import debug_option, is_debugging, targets_argument
from rxkernel.cli.reload import serve_and_reload
from rxkernel.cli.serve_options import (
    ServeOptions,
    host_option,
    port_option,
    workers_option,
)
from rxkernel.cli.serving import WorkerPlace, serve_until_stopped
from rxkernel.cli.shared_applications import Served, applications_of
from rxkernel.cli.watched_files import WatchedFiles
from rxkernel.cli.workers.balancer import Balancer
from rxkernel.cli.workers.port import check_redirect_port, opened_port, opened_ports, shared_port
from rxkernel.cli.workers.request_heads import RequestHeads
from rxkernel.cli.workers.supervisor import Accepting, WorkerPlan, supervise
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.workers.socket_channel import socket_pair
from rxkernel.settings import LoggingSettings, WorkersSettings

logger = logging.getLogger(__name__)


@click.command
@targets_argument
@host_option
@port_option
@click.option("--reload", is_flag=True, help="Restart when a source file changes.")
@click.option(
    "--reload-dir",
    "reload_dirs",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Another directory to watch; may be repeated.",
)
@click.option(
    "--reload-include",
    "reload_patterns",
    multiple=True,
    metavar="PATTERN",
    help="More files to watch, such as '*.sql'; may be repeated.",
)
@workers_option
@debug_option
@click.option("--supervised", is_flag=True, hidden=True, help="stdin is a link to a supervisor.")
@click.option("--reuse-port", is_flag=True, hidden=True, help="http.reuse_port = true")
@click.option(
    "--passed-sockets",
    type=(int, int),
    hidden=True,
    help="The descriptor of a supervisor that passes connections; the number of the process.",
)
@click.option(
    "--listening",
    type=int,
    multiple=True,
    hidden=True,
    help="The descriptor of a socket that listens; for each address of the host.",
)
@click.option("--worker", type=int, hidden=True, help="Which worker of the supervisor it is.")
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
    passed_sockets: tuple[int, int] | None,
    listening: tuple[int, ...],
    worker: int | None,
) -> None:
    """Serve until SIGTERM or Ctrl-C.

    After the signal, requests in flight get their responses, and it exits with 0. A second
    signal ends it at once, with 1.

    Several TARGETs share one port: each gets the requests for the hosts of its setting
    http.allowed_hosts. Other settings are read from RXKERNEL_… variables and from rxkernel.toml
    or pyproject.toml.

    --debug does not change the event loop. The variable PYTHONASYNCIODEBUG=1 sets the debug mode
    of asyncio, which logs code that blocks the loop for longer than 0.1 s, and is slower.
    """
    if reload and workers > 1:
        raise click.UsageError("--reload and --workers cannot be combined; remove one")
    if (reload_dirs or reload_patterns) and not reload:
        raise click.UsageError("--reload-dir and --reload-include need --reload; add it")
    given = ServeOptions(
        targets=targets,
        host=host,
        port=port,
        debug=is_debugging(ctx),
        workers=workers,
        reuse_port=reuse_port,
        is_child=supervised,
    )
    if reload:
        configure_logging(LoggingSettings())
        watched = WatchedFiles((Path.cwd(), *reload_dirs), reload_patterns)
        asyncio.run(serve_and_reload(_child(given), watched))
        return
    application = given.load()
    every = applications_of(application)
    logs = (one.settings.logging for one in every)
    configure_logging(application.settings.logging, *logs, worker=worker)
    if not supervised and workers == 1:
        warn_of_unused_limits(application.settings.workers)
    if supervised or (workers == 1 and not application.settings.workers.ports):
        place = None
        if worker is not None:
            place = WorkerPlace(number=worker, passed=passed_sockets, listening=listening)
        run(serve_until_stopped(application, supervised=supervised, place=place))
    elif application.settings.workers.ports:
        ctx.exit(_serve_ports(application, given))
    else:
        ctx.exit(_serve_with_workers(application, given, workers))


def warn_of_unused_limits(settings: WorkersSettings) -> None:
    """Log that a process without a supervisor is not replaced."""
    has_limits = settings.max_requests is not None or settings.max_memory is not None
    if has_limits and not settings.ports:
        logger.warning(
            "workers.max_requests and workers.max_memory have no effect without --workers, "
            "because no other process can replace this one"
        )


def _serve_with_workers(application: Served, given: ServeOptions, count: int) -> int:
    """Run workers that all listen on the port; with Socket.IO, the supervisor listens instead, see
    `Acceptor`."""
    http = application.settings.http
    check_redirect_port(http)
    given = attrs.evolve(given, workers=1, reuse_port=True)
    if not _has_socketio(application):
        with shared_port(http, count) as every:
            child = _child(attrs.evolve(given, port=every[0][0].getsockname()[1]))
            plans = [WorkerPlan(arguments=child, listening=opened) for opened in every]
            return asyncio.run(supervise(plans, restarts_on_hangup=False))
    for end in socket_pair():  # an error of the system, before anything starts
        end.close()
    with opened_port(http) as listening:
        child = _child(attrs.evolve(given, port=listening[0].getsockname()[1]))
        forwarded = ForwardedHeaders(http.trusted_proxies)
        heads = None if http.tls is not None else RequestHeads(forwarded)
        accepting = Accepting(listening=listening, heads=heads)
        plans = count * [WorkerPlan(arguments=child)]
        return asyncio.run(supervise(plans, accepting, restarts_on_hangup=True))


def _serve_ports(application: Served, given: ServeOptions) -> int:
    """Run one worker for each of ``workers.ports``, and the balancer."""
    settings = application.settings
    ports, balancer = settings.workers.ports, settings.workers.balancer
    given = attrs.evolve(given, workers=1, reuse_port=True)
    every = ports if balancer is None else (*ports, balancer)
    with opened_ports(settings.http.host, every) as opened:
        check_redirect_port(settings.http)  # after the wait for a process that is about to end
        plans = [
            WorkerPlan(arguments=_child(attrs.evolve(given, port=port)), listening=listening)
            for port, listening in zip(ports, opened, strict=False)
        ]
        supervising = supervise(
            plans,
            restarts_on_hangup=_has_socketio(application),
            balancer=None if balancer is None else Balancer(settings, opened[-1]),
        )
        return asyncio.run(supervising)


def _has_socketio(application: Served) -> bool:
    return any(one.settings.socketio.enabled for one in applications_of(application))


def _child(given: ServeOptions) -> list[str]:
    """The arguments of a child with the same options."""
    return ["serve", "--supervised", *given.arguments()]
