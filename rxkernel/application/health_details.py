"""Figures of the process, the machine and the servers for ``/readyz`` (``health_details``).

They are read at each request, from the standard library and ``/proc`` of Linux. A figure that the
system does not provide is None.
"""

import asyncio
import gc
import os
import platform
import shutil
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rxkernel.host_patterns import EVERY_HOST
from rxkernel.messages.request import Request
from rxkernel.networks import Networks, is_network
from rxkernel.servers.http.allowed_hosts import host_and_port
from rxkernel.servers.manager import ServerManager
from rxkernel.settings import Settings

_HOSTS = ("Host", "X-Forwarded-Host")

_OF_PROXIES = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")

_PROC = Path("/proc")


class DetailsAccess:
    """Decides which clients get details: those whose address is in ``health_details``.

    Without ``http.trusted_proxies`` a request with a header of a proxy gets no details: the
    address of the client is not known, and that of the proxy may be a loopback address.

    If ``http.allowed_hosts`` allows every host, the host must be an address or ``localhost``;
    otherwise a page whose name resolves to this machine (DNS rebinding) could get the details.
    """

    def __init__(self, settings: Settings) -> None:
        self._networks = Networks(settings.health_details)
        self._trusts_proxies = bool(settings.http.trusted_proxies)
        allowed = settings.http.allowed_hosts
        self._checks_hosts = not allowed or EVERY_HOST in allowed

    def allows(self, request: Request) -> bool:
        if not self._networks or request.client is None:
            return False
        if not self._trusts_proxies and any(name in request.headers for name in _OF_PROXIES):
            return False
        if self._checks_hosts and not _names_this_machine(request):
            return False
        return request.client.host in self._networks


def _names_this_machine(request: Request) -> bool:
    lines = [line for name in _HOSTS for line in request.headers.getall(name, ())]
    return all(_is_own(part.strip()) for line in lines for part in line.split(","))


def _is_own(authority: str) -> bool:
    if (found := host_and_port(authority)) is None:
        return False
    name = found[0]
    return name == "localhost" or is_network(name.strip("[]"))


async def health_details(servers: ServerManager, started: float) -> dict[str, Any]:
    """Return the figures of ``process``, ``system``, ``servers`` and ``limits``, in bytes and
    seconds, and those of `ServerManager.more_details`.

    Args:
        started: the time of `time.monotonic` when the application was booted.
    """
    loop = asyncio.get_running_loop()
    asked = loop.time()
    await asyncio.sleep(0)
    delay = loop.time() - asked
    process = {
        "uptime": round(time.monotonic() - started, 3),
        "event_loop_delay": round(delay, 6),
        **await asyncio.to_thread(_process),
    }
    return {
        "process": process,
        "system": await asyncio.to_thread(_system),
        **figures_of(servers),
        **{name: await ask() for name, ask in servers.more_details.items()},
    }


def figures_of(servers: ServerManager) -> dict[str, dict[str, Any]]:
    """Return ``servers`` and ``limits``: by the name of each server, its figures, such as open
    connections, and how often its limits were reached."""
    return {
        "servers": {server.name: dict(server.figures) for server in servers.values()},
        "limits": {server.name: dict(server.counts) for server in servers.values()},
    }


def resident_memory() -> int | None:
    """The memory of this process in bytes."""
    pages = _words(_PROC / "self" / "statm")
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") if pages else None


def _process() -> dict[str, Any]:
    times = os.times()
    return {
        "pid": os.getpid(),
        "python": platform.python_version(),
        "rss": resident_memory(),
        "cpu_time": round(times.user + times.system, 2),
        "threads": threading.active_count(),
        "open_files": _count_files(_PROC / "self" / "fd"),
        "gc_collections": [generation["collections"] for generation in gc.get_stats()],
    }


def _system() -> dict[str, Any]:
    lines = _lines(_PROC / "meminfo")
    split = (line.partition(":") for line in lines)
    memory = {name: int(rest.split()[0]) * 1024 for name, _, rest in split}
    disk = shutil.disk_usage(os.curdir)
    return {
        "platform": sys.platform,
        "cpus": os.cpu_count(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "memory_total": memory.get("MemTotal"),
        "memory_available": memory.get("MemAvailable"),
        "disk_total": disk.total,
        "disk_free": disk.free,
    }


def _words(path: Path) -> list[str]:
    return [word for line in _lines(path) for word in line.split()]


def _lines(path: Path) -> Iterable[str]:
    """The lines of *path*; empty on a system without it."""
    try:
        return path.read_text().splitlines()
    except OSError:
        return ()


def _count_files(directory: Path) -> int | None:
    try:
        return len(os.listdir(directory)) - 1  # without that of the listing itself
    except OSError:
        return None
