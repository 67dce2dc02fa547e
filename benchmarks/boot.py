"""Applications with and without accounts: the time until the process serves, and its memory."""

import json
import os
import subprocess
import sys
from statistics import median

from benchmarks.processes import ROOT, ServerProcess, client_core
from benchmarks.report import Table

_ALONE = "import sys; sys.modules['redis'] = None; "
"""python-socketio imports redis if it is installed, as it is for the developers of rxkernel; most
applications do not have it."""

_BOOT = (
    _ALONE
    + """
import time
begin = time.perf_counter()
import asyncio, json
from {module} import {create}
imported = time.perf_counter()
async def main():
    async with {create}():
        return time.perf_counter()
booted = asyncio.run(main())
print(json.dumps([imported - begin, booted - imported, time.process_time()]))
"""
)
_RUN = _ALONE + "import runpy; runpy.run_module('{module}', run_name='__main__', alter_sys=True)"

APPLICATIONS = {
    "without accounts": "benchmarks.servers.tasks_app:create",
    "the sample application, with accounts": "app:create_application",
}
LIBRARIES = "the libraries alone"
_LIBRARIES = (sys.executable, "-c", _RUN.format(module="benchmarks.servers.libraries_app"))
_COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}
"""Lets Python store compiled files, as an installer does; otherwise each start compiles again."""

_MIB = 1024 * 1024


def _boot(application: str) -> list[float]:
    """Seconds to import it, to boot it, and both, in a new process; then its processor time."""
    module, _, create = application.partition(":")
    command = (sys.executable, "-c", _BOOT.format(module=module, create=create))
    environment = {**os.environ, **_COMPILED}
    output = subprocess.check_output(command, cwd=ROOT, env=environment, text=True)
    imported, booted, processor = json.loads(output)
    return [imported, booted, imported + booted, processor]


def _serving(application: str) -> tuple[str, ...]:
    run = _RUN.format(module="rxkernel")
    return (sys.executable, "-c", run, "serve", application, "--port", "0")


def _serve(command: tuple[str, ...]) -> list[float]:
    """Seconds until it listens; RSS and PSS after that, in MiB."""
    with ServerProcess(command, environment=_COMPILED) as server:
        return [
            server.starting,
            server.memory() / _MIB,
            server.proportional_memory() / _MIB,
        ]


_SERVED = (
    "from the start of the process until it listens, s",
    "idle server, RSS in MiB",
    "idle server, PSS in MiB",
)
_FIGURES = (
    "import, s",
    "boot, s",
    "import and boot, s",
    "processor time of the process until then, s",
    *_SERVED,
)


def boot(*, starts: int = 15, warm_up: int = 1) -> Table:
    """Start each application *starts* times, after *warm_up* starts that compile its files."""
    table = Table(
        "Starting an application",
        {"application": "", "what": "", "median": ".3f", "least": ".3f", "most": ".3f"},
        f"{starts} starts, each of a new process, without the package redis; its files are "
        f"compiled and in the cache of the system. The libraries alone: a server of aiohttp and "
        f"python-socketio with the others imported.",
    )
    runs: dict[str, list[list[float]]] = {name: [] for name in (*APPLICATIONS, LIBRARIES)}
    with client_core():
        for turn in range(warm_up + starts):
            for name, application in APPLICATIONS.items():
                run = [*_boot(application), *_serve(_serving(application))]
                runs[name] += [run] if turn >= warm_up else []
            run = _serve(_LIBRARIES)
            runs[LIBRARIES] += [run] if turn >= warm_up else []
    for name, found in runs.items():
        titles = _SERVED if name == LIBRARIES else _FIGURES
        for title, values in zip(titles, zip(*found, strict=True), strict=True):
            table.add(name, title, median(values), min(values), max(values))
    return table
