"""The state of this machine and process: the result of ``$node.health``."""

import os
import platform
import resource
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_BEGIN = time.monotonic()
_STATM = Path("/proc/self/statm")


def health() -> dict[str, Any]:
    """Return the figures: memory in bytes, times in seconds; None if the system has no such
    figure."""
    return {
        "cpu": _cpu(),
        "mem": _memory(),
        "os": {
            "type": platform.system(),
            "release": platform.release(),
            "hostname": platform.node(),
            "arch": platform.machine(),
            "platform": sys.platform,
        },
        "process": {
            "pid": os.getpid(),
            "memory": {"rss": _resident()},
            "uptime": time.monotonic() - _BEGIN,
        },
        "client": {"type": "python", "lang_version": platform.python_version()},
        "time": {"now": time.time(), "iso": datetime.now(UTC).isoformat()},
    }


def _cpu() -> dict[str, Any]:
    load1, load5, load15 = os.getloadavg()
    cores = os.cpu_count() or 1
    return {
        "load1": load1,
        "load5": load5,
        "load15": load15,
        "cores": cores,
        "utilization": min(100, int(load1 * 100 / cores)),
    }


def _memory() -> dict[str, Any]:
    total, free = _pages("SC_PHYS_PAGES"), _pages("SC_AVPHYS_PAGES")
    percent = None if total is None or free is None else free * 100 / total
    return {"total": total, "free": free, "percent": percent}


def _pages(name: str) -> int | None:
    if name not in os.sysconf_names:
        return None
    return os.sysconf(name) * os.sysconf("SC_PAGE_SIZE")


def _resident() -> int:
    """Return the memory of this process; on systems other than Linux, its maximum so far."""
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
