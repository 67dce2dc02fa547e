"""Log files by day and type (`logging.directory`)."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from rxkernel import Application, HttpSettings, Request, Settings, http
from rxkernel.application.application import current_application
from rxkernel.cli.daily_files import DailyFiles, FileKey, day_of, remove_old
from rxkernel.cli.log_files import LogFiles
from rxkernel.cli.logs import configure_logging
from rxkernel.exceptions import ConfigurationError
from rxkernel.settings import LoggingSettings
from tests.cli.conftest import Run, Start, Write
from tests.cli.processes import until
from tests.cli.test_logs import SHOP, ask
from tests.waiting import until as wait_until

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def restore_logging() -> Iterator[None]:
    """Remove the handlers that a test adds, and reset the level."""
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    yield
    for handler in root.handlers[:]:
        if handler not in handlers:
            root.removeHandler(handler)
            handler.close()
    root.setLevel(level)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[LogFiles]:
    handler = LogFiles(LoggingSettings(directory=tmp_path / "log", keep_days=3))
    yield handler
    handler.close()


def log(
    files: LogFiles, message: str, *, name: str = "shop", level: int = 20, at: float = NOON
) -> None:
    record = logging.LogRecord(name, level, "", 0, message, (), None)
    record.created = at
    files.handle(record)


async def test_write_error_other_than_oserror_does_not_end_the_thread(
    files: LogFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """System calls reject a path with NUL; Python raises ValueError, not OSError."""
    broken = Application(settings=Settings(logging=LoggingSettings(directory=Path("a\0b"))))
    token = current_application.set(broken)
    log(files, "lost")
    current_application.reset(token)
    await wait_until(lambda: "cannot write log files" in capsys.readouterr().err)

    log(files, "kept")
    path = tmp_path / "log" / "2026-11-30-server.log"
    await wait_until(lambda: path.exists() and path.read_text() == "kept\n")


def test_directory_with_nul_in_its_path_is_a_configuration_error(restore_logging: None) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot create logging.directory 'a\\x00b'"):
        configure_logging(LoggingSettings(directory=Path("a\0b")))


def contents(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir()}


def test_records_go_to_files_by_logger_and_level(files: LogFiles, tmp_path: Path) -> None:
    log(files, "asked", name="rxkernel.access")
    log(files, "probed", name="rxkernel.access", level=logging.DEBUG)
    log(files, "late", name="rxkernel.slow", level=logging.WARNING)
    log(files, "low", level=logging.WARNING)
    log(files, "broken", level=logging.ERROR)
    log(files, "burning", level=logging.CRITICAL)
    log(files, "started")
    log(files, "detail", level=logging.DEBUG)
    files.flush()

    assert contents(tmp_path / "log") == {
        "2026-11-30-access.log": "asked\nprobed\n",
        "2026-11-30-slow.log": "late\n",
        "2026-11-30-warning.log": "low\n",
        "2026-11-30-error.log": "broken\nburning\n",
        "2026-11-30-server.log": "started\n",
        "2026-11-30-debug.log": "detail\n",
    }


# T77
def test_record_after_midnight_begins_a_new_file_and_removes_old_files(
    files: LogFiles, tmp_path: Path
) -> None:
    """The date of a record selects its file; files are kept ``keep_days`` days, here three."""
    midnight = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
    directory = tmp_path / "log"
    directory.mkdir()
    kept = (
        "2026-11-28-error.log",
        "2026-11-27-backup.log",
        "notes.txt",
        "2026-11-01-error.log.gz",
    )
    for name in ("2026-11-27-error.log", *kept):
        (directory / name).touch()

    log(files, "before", at=midnight - 0.001)
    files.flush()
    assert "2026-11-27-error.log" not in contents(directory)
    assert "2026-11-28-error.log" in contents(directory)

    log(files, "after", at=midnight)
    files.flush()
    found = contents(directory)
    assert (found["2026-11-30-server.log"], found["2026-12-01-server.log"]) == (
        "before\n",
        "after\n",
    )
    assert sorted(set(found) - set(kept)) == ["2026-11-30-server.log", "2026-12-01-server.log"]
    assert set(kept[1:]) < set(found)


def test_records_of_two_days_in_one_batch_go_to_two_files(files: LogFiles, tmp_path: Path) -> None:
    midnight = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
    log(files, "before", at=midnight - 1)
    log(files, "after", at=midnight)
    files.flush()

    assert contents(tmp_path / "log") == {
        "2026-11-30-server.log": "before\n",
        "2026-12-01-server.log": "after\n",
    }


def test_old_file_that_is_a_directory_or_missing_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "2026-11-01-error.log").mkdir()
    remove_old(tmp_path, "2026-11-30", 1)
    remove_old(tmp_path / "missing", "2026-11-30", 1)

    assert (tmp_path / "2026-11-01-error.log").is_dir()


def test_thread_writes_without_a_flush(files: LogFiles, tmp_path: Path) -> None:
    path = tmp_path / "log" / "2026-11-30-server.log"
    log(files, "first")
    until(lambda: path.exists() and path.read_text() == "first\n")
    log(files, "second")
    until(lambda: path.read_text() == "first\nsecond\n")


def test_close_writes_all_lines_and_ends_the_thread(files: LogFiles, tmp_path: Path) -> None:
    log(files, "last")
    files.close()

    assert contents(tmp_path / "log") == {"2026-11-30-server.log": "last\n"}
    assert "log files" not in [thread.name for thread in threading.enumerate()]


def test_log_file_on_full_disk_is_reported_once_until_written_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``/dev/full`` raises the error of a full disk for each write."""
    daily, key = DailyFiles(), FileKey(tmp_path, "2026-11-30", "server")
    key.path.symlink_to("/dev/full")
    daily.append({key: ["lost"]}, 3)
    daily.append({key: ["lost"]}, 3)
    assert capsys.readouterr().err.count("No space left on device") == 1

    key.path.unlink()
    daily.append({key: ["kept"]}, 3)
    assert capsys.readouterr().err == f"rxkernel: log files are written again: {key.path}\n"
    assert key.path.read_text() == "kept\n"


def test_log_file_that_cannot_be_written_is_reported_once_and_others_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    daily = DailyFiles()
    bad, good = (FileKey(tmp_path, "2026-11-30", name) for name in ("server", "error"))
    bad.path.mkdir()
    for _ in range(3):
        daily.append({bad: ["lost"], good: ["kept"]}, 3)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "cannot write" in lines[0]


def test_lines_above_the_limit_of_waiting_lines_are_dropped_and_counted(
    files: LogFiles,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.modules[LogFiles.__module__], "_MOST_WAITING", 2)
    with files._writing:  # a write that does not end
        for number in range(5):
            log(files, str(number))
    files.flush()
    files.flush()

    assert contents(tmp_path / "log") == {"2026-11-30-server.log": "0\n1\n"}
    assert "lost 3 lines of log files" in capsys.readouterr().err


def test_record_that_cannot_be_formatted_is_reported(
    files: LogFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files.handle(logging.LogRecord("shop", 20, "", 0, "%d", ("x",), None))
    files.flush()

    assert "--- Logging error ---" in capsys.readouterr().err
    assert not (tmp_path / "log").exists()


def test_record_without_a_directory_is_not_written(tmp_path: Path) -> None:
    files = LogFiles(LoggingSettings())
    log(files, "nowhere")
    files.close()

    assert not list(tmp_path.iterdir())


def test_child_of_fork_does_not_write_lines_of_its_parent(files: LogFiles, tmp_path: Path) -> None:
    with files._writing:
        log(files, "of the parent")
        pid = os.fork()
        if pid == 0:
            log(files, "of the child")
            files.flush()
            os._exit(0)
        os.waitpid(pid, 0)
    files.flush()

    text = contents(tmp_path / "log")["2026-11-30-server.log"]
    assert sorted(text.splitlines()) == ["of the child", "of the parent"]


APPENDER = """
import sys
from pathlib import Path
from rxkernel.application.application import current_application
from rxkernel.cli.daily_files import DailyFiles, FileKey

daily, key = DailyFiles(), FileKey(Path("."), "2026-11-30", "server")
for number in range(200):
    daily.append({key: [sys.argv[1] * 3000, sys.argv[1] * 2]}, 3)
"""


def test_two_processes_append_whole_lines(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", APPENDER, letter], cwd=tmp_path) for letter in "ab"
    ]
    assert [process.wait() for process in processes] == [0, 0]

    lines = (tmp_path / "2026-11-30-server.log").read_text().splitlines()
    assert sorted(set(lines)) == ["aa", "a" * 3000, "bb", "b" * 3000]
    assert len(lines) == 800


def test_directory_that_cannot_be_created_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    with pytest.raises(ConfigurationError, match=r"cannot create logging\.directory '.*log'"):
        configure_logging(LoggingSettings(directory=tmp_path / "log"))


def test_directory_that_is_not_writable_is_a_configuration_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(ConfigurationError, match="is not writable for this user"):
        configure_logging(LoggingSettings(directory=tmp_path))


class Shop:
    @http("GET", "/", "home")
    async def home(self, request: Request) -> None:
        async def later() -> None:
            logging.getLogger("shop").warning("sold at %s", request.headers["Host"])

        await asyncio.create_task(later())


async def test_two_applications_of_a_process_write_to_their_own_directories(
    restore_logging: None, tmp_path: Path
) -> None:
    def make(name: str) -> Application:
        logs = LoggingSettings(directory=tmp_path / name)
        settings = Settings(http=HttpSettings(port=0), logging=logs)
        return Application(controllers=[Shop], settings=settings)

    applications = [make("one"), make("other")]
    logs = [application.settings.logging for application in applications]
    configure_logging(LoggingSettings(directory=tmp_path / "common"), *logs)
    logging.getLogger("shop").warning("of nobody")
    for application in applications:
        await application.start()
    async with aiohttp.ClientSession() as session:
        for application in applications:
            async with session.get(f"{application.servers['http'].url}/") as response:
                assert response.status == 200
    for application in applications:
        await application.stop()
    for handler in logging.getLogger().handlers:
        handler.flush()

    day = day_of(datetime.now(UTC).timestamp())
    for name, application in zip(("one", "other"), applications, strict=True):
        [sold] = (tmp_path / name / f"{day}-warning.log").read_text().splitlines()
        assert "sold at 127.0.0.1:" in sold
        assert application.settings.logging.directory == tmp_path / name
    assert "of nobody" in (tmp_path / "common" / f"{day}-warning.log").read_text()


def lines_of(project: Path, type: str) -> Any:
    return [
        line
        for path in (project / "log").glob(f"*-{type}.log")
        for line in path.read_text().splitlines()
    ]


@pytest.mark.parametrize("format", ["text", "json"])
def test_serve_writes_files_and_stderr(
    start: Start, write: Write, project: Path, format: str
) -> None:
    (project / "rxkernel.toml").write_text(
        f'[logging]\ndirectory = "log"\naccess = true\nformat = "{format}"'
    )
    process = start("serve", write(SHOP), "--port", "0")
    ask(process.url())
    process.line("sold")
    process.send(signal.SIGTERM)
    assert process.code() == 0

    listening, *_, stopping, stopped = lines_of(project, "server")
    assert "listening on http://127.0.0.1:" in listening
    assert ("stopping" in stopping, "stopped" in stopped) == (True, True)
    [sold], [access] = lines_of(project, "warning"), lines_of(project, "access")
    assert "sold" in sold
    assert "/order" in access
    assert access.startswith("{") == (format == "json")
    assert not lines_of(project, "error")


HANGING = """
import logging, os, signal
from rxkernel import Application, http

class Shop:
    @http("GET", "/order", "order")
    def order(self, request):
        logging.getLogger("shop").error("the last words")
        os.kill(os.getpid(), signal.SIGTERM)
        while True:
            pass

application = Application(controllers=[Shop])
"""


def test_forced_end_of_serve_writes_waiting_lines(
    start: Start, write: Write, project: Path
) -> None:
    (project / "rxkernel.toml").write_text('shutdown_timeout = 60\n[logging]\ndirectory = "log"')
    process = start("serve", write(HANGING), "--port", "0")
    url = process.url()
    threading.Thread(target=_ignore_errors, args=(url,), daemon=True).start()
    process.line("the last words")
    process.send_until_end(signal.SIGTERM)
    assert process.code() == 1

    assert any("the last words" in line for line in lines_of(project, "error"))


def _ignore_errors(url: str) -> None:
    try:
        ask(url)
    except OSError:
        return


def test_serve_with_invalid_directory_exits_with_2(run: Run, write: Write, project: Path) -> None:
    (project / "log").touch()
    (project / "rxkernel.toml").write_text('[logging]\ndirectory = "log"\nkeep_days = 3')
    result = run("serve", write(SHOP))

    assert result.exit_code == 2
    assert "cannot create logging.directory 'log'" in result.output
