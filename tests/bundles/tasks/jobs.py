"""Functions that the tests run in worker processes. The module imports little, so these start
fast."""

import ctypes
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path


def add(first: int, second: int) -> int:
    return first + second


def pid() -> int:
    return os.getpid()


def total(numbers: list[int]) -> int:
    return sum(numbers)


def reverse(data: bytes) -> bytes:
    return data[::-1]


def divide(number: int) -> float:
    return number / 0


class PickyError(Exception):
    """Cannot be unpickled: its constructor has two arguments, but its ``args`` only one."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__(f"{name} {number}")


def picky() -> None:
    raise PickyError("tea", 3)


def leave() -> None:
    sys.exit(3)


def stop_iteration() -> None:
    raise StopIteration


def lock() -> object:
    return threading.Lock()


async def coroutine() -> None: ...


class OneWay:
    """Can be pickled, but not unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return divide, (1,)


def one_way() -> OneWay:
    return OneWay()


def kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def exit_with(status: int) -> None:
    os._exit(status)


def crash() -> None:
    ctypes.string_at(0)


def begin(file: Path) -> None:
    """Write the id of the process to *file*."""
    file.with_suffix(".new").write_text(str(os.getpid()))
    file.with_suffix(".new").rename(file)


def wait_for(begun: Path, go: Path) -> int:
    """Write *begun*; return when *go*, a FIFO, has been written to."""
    begin(begun)
    go.read_bytes()
    return os.getpid()


def hang(begun: Path) -> None:
    begin(begun)
    while True:
        signal.pause()


def hold_interpreter(begun: Path) -> None:
    """Never return from C code, which does not release the lock of the interpreter."""
    begin(begun)
    re.match(r"(a+)+$", "a" * 64 + "b")


def start_program(begun: Path) -> None:
    """Wait for another program, which writes its own process id."""
    shell = f"echo $$ > {begun}.new; mv {begun}.new {begun}; exec sleep 600"
    subprocess.run(["sh", "-c", shell], check=True)


def log(text: str) -> None:
    logging.getLogger("jobs").info("%s from a worker", text, extra={"lock": threading.Lock()})
    logging.getLogger("jobs").debug("not logged")
    try:
        divide(1)
    except ZeroDivisionError:
        logging.getLogger("jobs").exception("failed")
