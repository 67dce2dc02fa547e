"""Compares handler directories with a controller, and static files with other servers."""

import shutil
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from getpass import getuser
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import sites
from benchmarks.http.load import Window, window
from benchmarks.http.work import Work
from benchmarks.processes import ServerProcess, reserve_port
from benchmarks.report import Table

_SITE = "benchmarks.servers.site_app:create"

_NGINX = """
daemon off;
user {user};
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    types {{ text/plain txt; }}
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port} reuseport; root {folder}/files; }}
}}
"""


def web(seconds: int = 2, rounds: int = 7) -> list[Table]:
    """Measure each server in turns, for *seconds* each, in *rounds*."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        (folder / "files").mkdir()
        (folder / "files" / sites.FILE).write_text(sites.FILE_TEXT)
        site = stack.enter_context(_site())
        aiohttp = stack.enter_context(_aiohttp(folder))
        pairs = [
            ("page", site, "/controller/page", "/page/"),
            ("JSON", site, "/controller/hello", "/hello.json"),
        ]
        hello = _table(
            "Hello of a handler directory",
            "*Ratio* is the server CPU of the controller in the same round, divided by that of "
            "the row. The goal for directories is 0.9.",
        )
        for name, server, controller, directory in pairs:
            targets = {
                f"a controller, {name}": (server, controller),
                f"a directory, {name}": (server, directory),
            }
            _measure(hello, targets, seconds, rounds)
        files = _table(
            "A static file of 10 KB",
            "*Ratio* is the server CPU of aiohttp in the same round, divided by that of the row. "
            "The goal for rxkernel is 2.",
        )
        path = f"/{sites.FILE}"
        targets = {"aiohttp, `add_static`": (aiohttp, path), "rxkernel": (site, path)}
        if shutil.which("nginx"):
            nginx = stack.enter_context(_nginx(folder))
            targets["nginx, one worker"] = (nginx, path)
        else:
            files.note += " nginx is not installed."
        _measure(files, targets, seconds, rounds)
    return [hello, files]


def _table(title: str, note: str) -> Table:
    columns = {"server": "", "requests/s": ",.0f", "CPU each, µs": ".1f", "ratio": ".2f"}
    return Table(title, {**columns, "ratio in the rounds": ""}, note)


def _measure(
    table: Table, targets: Mapping[str, tuple[ServerProcess, str]], seconds: int, rounds: int
) -> None:
    """Add a row for each of *targets*; the first is the baseline."""
    windows: dict[str, list[Window]] = {name: [] for name in targets}
    for _ in range(rounds):
        for name, (server, path) in targets.items():
            work = Work(name, name, path, {})
            windows[name].append(window(server, work, seconds=seconds, connections=64))
    baseline = next(iter(windows.values()))
    for name, own in windows.items():
        ratios = [base.cost / each.cost for base, each in zip(baseline, own, strict=True)]
        table.add(
            name,
            median(each.rate for each in own),
            1e6 * median(each.cost for each in own),
            median(ratios),
            f"{min(ratios):.2f} to {max(ratios):.2f}",
        )


def _site() -> ServerProcess:
    reservation = reserve_port()
    port = str(reservation.getsockname()[1])
    command = (sys.executable, "-m", "rxkernel", "serve", "--port", port, _SITE)
    return ServerProcess(command, reservation=reservation)


def _aiohttp(folder: Path) -> ServerProcess:
    reservation = reserve_port()
    port = str(reservation.getsockname()[1])
    module = "benchmarks.servers.static_app"
    command = (sys.executable, "-m", module, str(folder / "files"), port)
    return ServerProcess(command, reservation=reservation)


def _nginx(folder: Path) -> ServerProcess:
    reservation = reserve_port()
    port = reservation.getsockname()[1]
    configuration = folder / "nginx.conf"
    configuration.write_text(_NGINX.format(folder=folder, port=port, user=getuser()))
    command = ("nginx", "-p", str(folder), "-c", str(configuration))
    return ServerProcess(command, reservation=reservation)
