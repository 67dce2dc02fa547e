"""``python -m benchmarks [COMMAND]``, or ``make bench ARGS="COMMAND"``.

Servers run on one core and their client on another. The machines are small and noisy, so
servers are measured in turns, and the ratios are more reliable than the figures.
"""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click
import uvloop

from benchmarks.aims import instructions_command
from benchmarks.boot import boot
from benchmarks.broadcast import broadcast
from benchmarks.buses import bus_broadcasts, bus_hangs
from benchmarks.buses import found as buses
from benchmarks.churn import churn
from benchmarks.clusters import cluster_calls
from benchmarks.clusters import found as clusters
from benchmarks.contracts import contracts
from benchmarks.databases import databases
from benchmarks.documents import documents
from benchmarks.drain import drain
from benchmarks.endpoints import endpoints
from benchmarks.gateways import broker_calls, found, gateway_calls
from benchmarks.hosts import hosts
from benchmarks.http.commands import finish, goals_command, http_command, quick_command
from benchmarks.http.comparison import complete
from benchmarks.http.run import Load as HttpLoad
from benchmarks.http.tables import tables
from benchmarks.instructions import check_command
from benchmarks.kernel import kernel
from benchmarks.logins import logins
from benchmarks.memory import memory
from benchmarks.metacom import OWN as METACOM
from benchmarks.metacom import found as metacom_peers
from benchmarks.metacom import metacom_calls
from benchmarks.peers import PEERS, chosen
from benchmarks.proxies import proxies
from benchmarks.reloads import reloads
from benchmarks.report import Table, publish
from benchmarks.roundtrips import Load, roundtrips
from benchmarks.router import router
from benchmarks.schedules import schedules
from benchmarks.states import states
from benchmarks.templates import templates
from benchmarks.web import web
from benchmarks.worker_pool import worker_pool
from benchmarks.workers import workers

F = TypeVar("F", bound=Callable[..., Any])

_json_option = click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the results to this file too.",
)


def _peer_option(*default: str) -> Callable[[F], F]:
    return click.option(
        "--peer",
        "names",
        multiple=True,
        type=click.Choice(list(PEERS)),
        default=default,
        help="A server to measure; may be repeated. The first is the baseline.",
    )


def _run(json_file: Path | None, *measurements: Coroutine[Any, Any, Table]) -> None:
    publish([uvloop.run(measurement) for measurement in measurements], json_file)


@click.group(invoke_without_command=True)
@_json_option
@click.pass_context
def main(context: click.Context, json_file: Path | None) -> None:
    """Measure rxkernel and its peers. Without a command: all but churn, in a short form."""
    if context.invoked_subcommand is None:
        peers = chosen(())
        awaited = (
            kernel(rounds=7),
            contracts(rounds=20),
            logins(times=10),
            schedules(seconds=5.0),
            endpoints(),
            reloads(times=5),
            worker_pool(rounds=3),
            documents(),
            roundtrips(peers, Load(seconds=1.0)),
            broadcast(peers, rounds=5, times=5),
            gateway_calls(found(), Load(seconds=1.0)),
            broker_calls(rounds=7),
            cluster_calls(clusters(), rounds=3),
            metacom_calls(metacom_peers(), Load(seconds=1.0)),
            memory(peers, steps=(1000, 3000)),
            drain(chosen(["rxkernel"])),
        )
        some = [router(rounds=7), templates(rounds=7), boot(starts=5), *map(uvloop.run, awaited)]
        run = complete(HttpLoad(rounds=3), (), (), ())
        some += [*web(seconds=1, rounds=3), bus_broadcasts(buses(), rounds=3)]
        publish([*some, *tables(run)], json_file)
        finish(run)


def _add_command(name: str, measure: Callable[[], Coroutine[Any, Any, Table]], help: str) -> None:
    """Add a command without options of its own."""

    @main.command(name, help=help)
    @_json_option
    def command(json_file: Path | None) -> None:
        _run(json_file, measure())


_add_command("documents", documents, "The documents of 1,000 definitions.")
_add_command("endpoints", endpoints, "The boot of 1,000 endpoints of the bundle autoload.")
_add_command("kernel", kernel, "The kernel alone, in process.")
_add_command("contracts", contracts, "What a contract adds to a call, in process.")
_add_command("databases", databases, "Sessions of messages, beside those written by hand.")
_add_command("schedules", schedules, "Memory and CPU of scheduled tasks that are not due.")
_add_command("reloads", reloads, "From saving a file of an application to its first new response.")
_add_command("states", states, "Values that two processes share over Redis.")
_add_command(
    "worker-pool", worker_pool, "A call in a worker process, beside `ProcessPoolExecutor`."
)


@main.command("router")
@_json_option
def _router(json_file: Path | None) -> None:
    """Finding a route, by the number of templates."""
    publish([router()], json_file)


@main.command("templates")
@_json_option
def _templates(json_file: Path | None) -> None:
    """Pages in Impress's notation, and by hand in Jinja2."""
    publish([templates()], json_file)


@main.command("web")
@_json_option
def _web(json_file: Path | None) -> None:
    """A handler directory beside a controller, templates, and a static file."""
    publish([*web(), templates()], json_file)


@main.command("boot")
@_json_option
def _boot(json_file: Path | None) -> None:
    """An application without accounts, and the sample: import, boot, start, idle memory."""
    publish([boot()], json_file)


@main.command("workers")
@_json_option
def _workers(json_file: Path | None) -> None:
    """Instructions of a message in a worker of a supervisor, beside one process."""
    publish([workers()], json_file)


@main.command("hosts")
@_json_option
def _hosts(json_file: Path | None) -> None:
    """A request to one of ten applications on one port, beside one application."""
    publish([hosts()], json_file)


@main.command("logins")
@click.option("--times", default=40, show_default=True, help="Logins in each case.")
@_json_option
def _logins(json_file: Path | None, times: int) -> None:
    """Logins with passwords: how long they block the event loop."""
    _run(json_file, logins(times=times))


@main.command("roundtrips")
@_peer_option()
@click.option("--connections", default=50, show_default=True)
@click.option("--in-flight", default=1, show_default=True, help="Events, on each connection.")
@click.option("--seconds", default=2.0, show_default=True, help="One window of one server.")
@click.option("--rounds", default=7, show_default=True, help="Windows of each server.")
@_json_option
def _roundtrips(json_file: Path | None, names: tuple[str, ...], **load: Any) -> None:
    """Acknowledged events: how many, how fast, at what cost."""
    _run(json_file, roundtrips(chosen(names), Load(**load)))


@main.command("gateways")
@click.option("--connections", default=50, show_default=True)
@click.option("--in-flight", default=1, show_default=True, help="Calls, on each connection.")
@click.option("--seconds", default=2.0, show_default=True, help="One window of one server.")
@click.option("--rounds", default=7, show_default=True, help="Windows of each server.")
@_json_option
def _gateways(json_file: Path | None, **load: Any) -> None:
    """Calls of an action: over Socket.IO, compared with moleculer-io, and in process."""
    _run(json_file, gateway_calls(found(), Load(**load)), broker_calls())


@main.command("cluster")
@click.option("--rounds", default=7, show_default=True, help="Rounds of each pair of nodes.")
@click.option("--calls", default=8000, show_default=True, help="In one round.")
@_json_option
def _cluster(json_file: Path | None, **options: Any) -> None:
    """Calls of an action on another node over NATS, compared with Moleculer."""
    _run(json_file, cluster_calls(clusters(), **options))


@main.command("bus")
@click.option("--listeners", default=1000, show_default=True, help="At both processes together.")
@click.option("--rounds", default=7, show_default=True, help="Rounds of each pair of processes.")
@click.option("--times", default=20, show_default=True, help="Broadcasts in each round.")
@_json_option
def _bus(json_file: Path | None, **options: int) -> None:
    """Broadcasts of two processes over Redis, compared with Node, and while Redis hangs."""
    tables = [bus_broadcasts(buses(), **options), uvloop.run(bus_hangs(buses()))]
    publish(tables, json_file)


@main.command("metacom")
@click.option("--connections", default=50, show_default=True)
@click.option("--in-flight", default=1, show_default=True, help="Calls, on each connection.")
@click.option("--seconds", default=2.0, show_default=True, help="One window of one server.")
@click.option("--rounds", default=7, show_default=True, help="Windows of each server.")
@_json_option
def _metacom(json_file: Path | None, **load: Any) -> None:
    """Calls of Metacom, compared with impress, and the memory of idle connections."""
    calls = metacom_calls(metacom_peers(), Load(**load))
    _run(json_file, calls, memory([METACOM], steps=(1000, 5000)))


@main.command("proxy")
@click.option("--seconds", default=2.0, show_default=True, help="One window of one server.")
@click.option("--rounds", default=5, show_default=True, help="Windows of each server.")
@_json_option
def _proxy(json_file: Path | None, **load: Any) -> None:
    """Requests through the reverse proxy, compared with nginx."""
    _run(json_file, proxies(**load))


@main.command("broadcast")
@_peer_option()
@click.option("--listeners", default=1000, show_default=True)
@click.option("--rounds", default=7, show_default=True)
@click.option("--times", default=10, show_default=True, help="Broadcasts in each round.")
@_json_option
def _broadcast(json_file: Path | None, names: tuple[str, ...], **options: Any) -> None:
    """One event to all clients."""
    _run(json_file, broadcast(chosen(names), **options))


@main.command("memory")
@_peer_option()
@click.option("--step", "steps", type=int, multiple=True, default=(1000, 5000, 9000))
@_json_option
def _memory(json_file: Path | None, names: tuple[str, ...], steps: tuple[int, ...]) -> None:
    """Memory of an idle connection, for each number of open connections (--step, ascending)."""
    _run(json_file, memory(chosen(names), steps=steps))


@main.command("churn")
@_peer_option("rxkernel")
@click.option("--rate", default=100.0, show_default=True, help="Clients per second.")
@click.option("--seconds", default=600.0, show_default=True)
@_json_option
def _churn(json_file: Path | None, names: tuple[str, ...], **options: Any) -> None:
    """Clients that connect and disconnect: does memory grow, are objects left?"""
    _run(json_file, churn(chosen(names), **options))


@main.command("drain")
@_peer_option("rxkernel")
@click.option("--sockets", default=1000, show_default=True)
@click.option("--rate", default=500.0, show_default=True, help="Events per second in all.")
@click.option("--seconds", default=3.0, show_default=True, help="Load before the signal.")
@_json_option
def _drain(json_file: Path | None, names: tuple[str, ...], **options: Any) -> None:
    """SIGTERM under load: is an acknowledgement lost?"""
    _run(json_file, drain(chosen(names), **options))


main.add_command(http_command)
main.add_command(goals_command)
main.add_command(quick_command)
main.add_command(check_command)
main.add_command(instructions_command)


if __name__ == "__main__":
    main()
