"""Processes that tests start, and that must end."""

import asyncio
import os
from pathlib import Path

from tests.waiting import until


def is_running(pid: int) -> bool:
    """Whether the process exists, and has not ended (a zombie has)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    try:
        return not stat.parent.parent.joinpath("self").exists() or _state(stat) not in "ZX"
    except FileNotFoundError:
        return False


def _state(stat: Path) -> str:
    return stat.read_text().rpartition(")")[2].split()[0]


def children() -> set[int]:
    """Return the running child processes of this process."""
    tasks = Path("/proc/self/task").glob("*/children")
    pids = {int(word) for task in tasks for word in task.read_text().split()}
    return {pid for pid in pids if is_running(pid)}


async def pid_in(file: Path) -> int:
    """Return the process id that a function writes to *file*."""
    await until(file.exists, seconds=60.0)  # a process with an application starts slowly
    return int(await asyncio.to_thread(file.read_text))


async def ended(pid: int) -> None:
    await until(lambda: not is_running(pid))
