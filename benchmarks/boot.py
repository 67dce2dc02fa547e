"""The sample application: how long a process takes until it is there, and what it holds then."""

import json
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
print(json.dumps([imported - begin, booted - imported]))
"""
_SERVE = (sys.executable, "-m", "rxkernel", "serve", "--port", "0")
_MIB = 1024 * 1024


def _boot() -> list[float]:
    """Seconds to import it and to boot it, in a new process."""
    output = subprocess.check_output((sys.executable, "-c", _BOOT), cwd=ROOT, text=True)
    seconds: list[float] = json.loads(output)
    return seconds


def _serve() -> list[float]:
    """Seconds until it listens; then RSS and PSS, in MiB."""
    with ServerProcess(_SERVE) as server:
        return [
            server.starting,
            server.memory() / _MIB,
            server.proportional_memory() / _MIB,
        ]


def boot(*, starts: int = 15) -> Table:
    table = Table(
        "The sample application",
        {"what": "", "median": ".3f", "least": ".3f", "most": ".3f"},
        f"{starts} starts, each of a new process; its files are in the cache of the system.",
    )
    with client_core():
        booted = [_boot() for _ in range(starts)]
        served = [_serve() for _ in range(starts)]
    figures = {
        "import, s": [imported for imported, _ in booted],
        "boot, s": [seconds for _, seconds in booted],
        "import and boot, s": [sum(both) for both in booted],
        "from the start of the process until it listens, s": [one[0] for one in served],
        "idle server, RSS in MiB": [one[1] for one in served],
        "idle server, PSS in MiB": [one[2] for one in served],
    }
    for title, values in figures.items():
        table.add(title, median(values), min(values), max(values))
    return table
