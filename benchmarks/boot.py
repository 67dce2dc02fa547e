"""The sample application: the time until its process serves, and its memory then."""

import json
import os
import subprocess
import sys
from statistics import median

from benchmarks.processes import ROOT, ServerProcess, client_core
from benchmarks.report import Table

_BOOT = """
import time
begin = time.perf_counter()
import asyncio, json
from pathlib import Path
from app import create_application
imported = time.perf_counter()
async def main():
    async with create_application(Path(":memory:")):
        return time.perf_counter()
booted = asyncio.run(main())
print(json.dumps([imported - begin, booted - imported, time.process_time()]))
"""
_SERVE = (sys.executable, "-m", "rxkernel", "serve", "--port", "0")
_LIBRARIES = (sys.executable, "-m", "benchmarks.servers.libraries_app")
_COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}
"""Lets Python store compiled files, as an installer does; otherwise each start compiles again."""

_MIB = 1024 * 1024


def _boot() -> list[float]:
    """Seconds to import and to boot it in a new process, and the processor time of both."""
    command = (sys.executable, "-c", _BOOT)
    environment = {**os.environ, **_COMPILED}
    output = subprocess.check_output(command, cwd=ROOT, env=environment, text=True)
    seconds: list[float] = json.loads(output)
    return seconds


def _serve(command: tuple[str, ...]) -> list[float]:
    """Seconds until it listens; RSS and PSS after that, in MiB."""
    with ServerProcess(command, environment=_COMPILED) as server:
        return [
            server.starting,
            server.memory() / _MIB,
            server.proportional_memory() / _MIB,
        ]


def boot(*, starts: int = 15) -> Table:
    table = Table(
        "The sample application",
        {"what": "", "median": ".3f", "least": ".3f", "most": ".3f"},
        f"{starts} starts, each of a new process; its files are compiled and in the cache of the "
        f"system. The libraries alone: a server of aiohttp and python-socketio with the others "
        f"imported.",
    )
    with client_core():
        for command in (_SERVE, _LIBRARIES):
            _serve(command)  # compiles it
        runs = [(_boot(), _serve(_SERVE), _serve(_LIBRARIES)) for _ in range(starts)]
    booted, served, libraries = zip(*runs, strict=True)
    figures = {
        "import, s": [imported for imported, _, _ in booted],
        "boot, s": [seconds for _, seconds, _ in booted],
        "import and boot, s": [imported + seconds for imported, seconds, _ in booted],
        "processor time of the process until then, s": [cpu for *_, cpu in booted],
        "from the start of the process until it listens, s": [one[0] for one in served],
        "the libraries alone, s": [one[0] for one in libraries],
        "idle server, RSS in MiB": [one[1] for one in served],
        "the libraries alone, RSS in MiB": [one[1] for one in libraries],
        "idle server, PSS in MiB": [one[2] for one in served],
        "the libraries alone, PSS in MiB": [one[2] for one in libraries],
    }
    for title, values in figures.items():
        table.add(title, median(values), min(values), max(values))
    return table
