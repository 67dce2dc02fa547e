"""SIGHUP: ``serve`` reads its settings again, and ends only with its terminal."""

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.conftest import Start
from tests.cli.processes import DEADLINE, Process, get
from tests.cli.test_serve import SHOP

WITHOUT_SOCKETS = "[socketio]\nenabled = false\n"


@pytest.fixture
def toml(project: Path) -> Path:
    (project / "app.py").write_text(SHOP)
    return project / "rxkernel.toml"


@pytest.mark.parametrize(
    ("options", "number"), [([], 1), (["--workers", "2"], 2), (["--reload"], 1)], ids=str
)
def test_sighup_reads_the_settings_again(
    start: Start, toml: Path, options: list[str], number: int
) -> None:
    toml.write_text(WITHOUT_SOCKETS)
    process = start("serve", "--port", "0", *options)
    url = process.line(r"^Listening on (http://\S+)")[1]
    pid = get(f"{url}/pid")

    if "--reload" not in options:  # with --reload, the change itself starts another process
        toml.write_text(WITHOUT_SOCKETS + "[logging]\nlevel = 'WARNING'\n[http]\nbody_limit = 5\n")
    process.send(signal.SIGHUP)

    if "--reload" in options:
        process.line("INFO .*: the settings were read again: no changes")
        assert get(f"{url}/pid") == pid
    else:
        process.line(
            "WARNING .*: changed settings that need a restart: http.body_limit", number=number
        )
    process.send(signal.SIGTERM)
    assert process.code() == 0


def test_sighup_changes_log_level_and_ignores_invalid_settings(start: Start, toml: Path) -> None:
    process = start("serve", "--port", "0")
    url = process.url()

    toml.write_text("[logging]\nlevel = 'DEBUG'\n")
    process.send(signal.SIGHUP)
    process.line("INFO .*: the settings were read again: logging.level")
    get(f"{url}/pid")
    toml.write_text("debug = 1\n[logging]\nlevel = 'LOUD'\n")
    process.send(signal.SIGHUP)

    line = process.line("ERROR .*: the settings are not changed: ")
    assert "debug from" in line.string
    assert "logging.level from" in line.string
    process.send(signal.SIGTERM)
    assert process.code() == 0


def test_server_ends_when_its_terminal_is_closed(project: Path, toml: Path) -> None:
    terminal, other = pty.openpty()

    def take_terminal() -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        [sys.executable, "-m", "rxkernel", "serve", "--port", "0"],
        cwd=project,
        stdin=other,
        stdout=other,
        stderr=other,
        preexec_fn=take_terminal,
    )
    os.close(other)
    written = b""
    while b"Listening on" not in written:
        written += os.read(terminal, 4096)

    os.close(terminal)

    try:
        assert process.wait(DEADLINE) == 0
    finally:
        with suppress(ProcessLookupError):
            process.kill()


def test_server_started_with_sighup_ignored_reads_its_settings_too(
    start: Start, toml: Path
) -> None:
    """As under ``nohup``."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = start("serve", "--port", "0")
    finally:
        signal.signal(signal.SIGHUP, before)
    process.url()

    process.send(signal.SIGHUP)

    process.line("INFO .*: the settings were read again: no changes")
    process.send(signal.SIGTERM)
    assert process.code() == 0


def test_sighup_in_run_until_stopped_reads_the_settings_again(project: Path) -> None:
    """Like ``tasks worker``."""
    (project / "work.py").write_text(
        "from rxkernel import Application\n"
        "from rxkernel.cli import run_until_stopped\n\n\n"
        "async def work(stop):\n"
        "    print('works', flush=True)\n"
        "    await stop.wait()\n\n\n"
        "application = Application()\n"
        "application.load_settings()\n"
        "run_until_stopped(application, work)\n"
    )
    process = Process([sys.executable, "work.py"], project)
    process.line("works")

    (project / "rxkernel.toml").write_text("[logging]\nlevel = 'DEBUG'\n")
    process.send(signal.SIGHUP)

    process.line("INFO .*: the settings were read again: logging.level")
    process.send(signal.SIGTERM)
    assert process.code() == 0
