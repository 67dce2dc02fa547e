"""One window: a server under wrk's load for a while, and its cost."""

import json
import resource
import shutil
import subprocess
import time
from pathlib import Path

import attrs

from benchmarks.http.work import Work
from benchmarks.processes import ServerProcess, client_core, machine_time

_SCRIPT = Path(__file__).parent / "load.lua"


class LoadError(RuntimeError):
    """wrk is missing, or a request failed."""


@attrs.frozen
class Window:
    """``cost``: seconds of the server's processor time for each request; latencies in seconds.

    ``busy``: the share of a core that the server used; ``others``: the share of other processes
    than the server and wrk. If that is large, run again.
    """

    rate: float
    cost: float
    p50: float
    p99: float
    busy: float
    others: float


def wrk() -> str:
    """Return the path of the program.

    Raises:
        LoadError: it is missing.
    """
    found = shutil.which("wrk")
    if found is None:
        raise LoadError("wrk is not installed (on Debian: apt-get install wrk, or make wrk)")
    return found


def window(server: ServerProcess, work: Work, *, seconds: int, connections: int) -> Window:
    """Load *server* for whole *seconds*; wrk runs on the other core.

    Raises:
        LoadError: a response was not 2xx, a connection failed or a request timed out.
    """
    options = ("-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(_SCRIPT))
    url = f"http://127.0.0.1:{server.port}{work.path}"
    command = (wrk(), *options, url, "--", work.method, work.body.decode())
    clocks = (time.monotonic, server.processor_time, machine_time, _children_time)
    with client_core():
        before = [clock() for clock in clocks]
        client = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=seconds + 30
        )
        after = [clock() for clock in clocks]
    elapsed, own, machine, load = (now - then for now, then in zip(after, before, strict=True))
    found = _summary(client.stdout)
    if client.returncode or found["errors"] or not found["requests"]:
        raise LoadError(f"{work.method} {url}: {client.stderr}{client.stdout}{server.errors()}")
    number = found["requests"]
    return Window(
        rate=round(number / elapsed, 1),
        cost=round(own / number, 10),
        p50=found["p50"] / 1e6,
        p99=found["p99"] / 1e6,
        busy=round(own / elapsed, 3),
        others=round(max(0.0, machine - own - load) / elapsed, 3),
    )


def _children_time() -> float:
    """Processor time of ended children of this process: wrk, if no other child ends."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _summary(output: str) -> dict[str, int]:
    _, found, line = output.rpartition("\nsummary ")
    summary: dict[str, int] = json.loads(line) if found else {"requests": 0, "errors": 0}
    return summary
