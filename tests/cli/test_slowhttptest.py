"""Debian's slowhttptest against ``serve``, with deadlines short enough to wait for."""

import csv
import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Start, Write
from tests.cli.processes import DEADLINE, get, until

APPLICATION = """
from rxkernel import Application, http


class Home:
    @http("GET", "/", "home")
    async def home(self, request):
        return {"served": True}

    @http("GET", "/big", "big")
    async def big(self, request):
        return bytes(8_000_000)


application = Application(controllers=[Home])
"""


@pytest.fixture(params=[20, pytest.param(100, marks=pytest.mark.soak)])
def clients(request: pytest.FixtureRequest) -> int:
    """The number of connections that the tool opens, within a fifth of a second."""
    number: int = request.param
    return number


def attack(slowhttptest: Path, clients: int, *options: str) -> list[str]:
    """Return the command, which writes ``report.csv``."""
    common = ["-c", str(clients), "-r", str(5 * clients), "-l", str(int(DEADLINE)), "-g"]
    return [str(slowhttptest), *options, *common, "-o", "report"]


@pytest.fixture
def url_and_pid(start: Start, write: Write, monkeypatch: pytest.MonkeyPatch) -> tuple[str, int]:
    for name in "HEADER_TIMEOUT", "BODY_TIMEOUT", "SEND_TIMEOUT", "KEEPALIVE_TIMEOUT":
        monkeypatch.setenv(f"RXKERNEL_HTTP_{name}", "1")
    served = start("serve", f"{write(APPLICATION)}:application", "--port", "0")
    return served.url(), served.pid


@pytest.mark.slowhttptest
@pytest.mark.parametrize(
    ("mode", "path"),
    [
        pytest.param("-H", "/", id="slow-head"),
        pytest.param("-B", "/nothing", id="slow-unread-body"),
    ],
)
def test_slow_connection_is_closed_at_its_timeout(
    url_and_pid: tuple[str, int],
    slowhttptest: Path,
    tmp_path: Path,
    clients: int,
    mode: str,
    path: str,
) -> None:
    url, _ = url_and_pid
    command = attack(slowhttptest, clients, mode, "-i", "1", "-u", url + path)

    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as attacker:
        assert get(url + "/") == {"served": True}
        assert attacker.wait(2 * DEADLINE) == 0

    with (tmp_path / "report.csv").open(newline="") as file:
        *_, last = csv.DictReader(file)
    assert int(last["Seconds"]) < DEADLINE  # the tool ends when no connection is open
    assert get(url + "/") == {"served": True}


@pytest.mark.slowhttptest
def test_slow_reader_is_closed_at_its_timeout(
    url_and_pid: tuple[str, int], slowhttptest: Path, tmp_path: Path, clients: int
) -> None:
    """The tool does not read, so it does not notice that its connections were closed."""
    url, pid = url_and_pid
    before = open_files(pid)
    window = ["-w", "512", "-y", "1024", "-n", "20", "-z", "1"]
    command = attack(slowhttptest, clients, "-X", *window, "-u", url + "/big")

    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as attacker:
        until(lambda: open_files(pid) >= before + clients / 2)
        assert get(url + "/") == {"served": True}
        until(lambda: open_files(pid) <= before + 1)
        attacker.terminate()


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))
