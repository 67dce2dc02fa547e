"""``serve`` in separate processes: start and, above all, shutdown."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import urllib.error
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from rxkernel.cli.watched_files import WatchedFiles
from tests.cli.conftest import Run, Start, Write
from tests.cli.processes import DEADLINE, Process, get, get_in_thread, until

SHOP = """
import asyncio
import os
import time
from pathlib import Path

from rxkernel import Application, http, observe


def say(text):
    os.write(1, f"{text}\\n".encode())  # in one piece: workers share the pipe


class Shop:
    @http("GET", "/pid", "pid")
    async def pid(self, request):
        return os.getpid()

    @http("GET", "/held", "held")
    async def held(self, request):
        say("held")
        while not Path("released").exists():
            await asyncio.sleep(0.01)
        return {"held": "answered"}

    @http("GET", "/blocked", "blocked")
    async def blocked(self, request):
        say("blocked")
        while True:
            time.sleep(0.01)


class Log:
    @observe("server.stopping")
    async def stopping(self, event):
        say("stopping")

    @observe("application.shutdown")
    async def shutdown(self, event):
        say("shut down")


application = Application(controllers=[Shop], listeners=[Log])
"""


@pytest.fixture
def shop(project: Path) -> None:
    (project / "app.py").write_text(SHOP)


def begin_request(process: Process, path: str) -> Future[Any]:
    """Send a request and return when its action runs; its response is in the future."""
    future = get_in_thread(f"{process.url()}/{path}")
    process.line(f"^{path}$")
    return future


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_first_signal_completes_requests_in_flight(number: signal.Signals, start: Start) -> None:
    process = start("serve", "--port", "0")
    answer = begin_request(process, "held")

    process.send(number)
    process.line("^stopping$")
    Path("released").touch()

    assert answer.result() == {"held": "answered"}
    assert process.code() == 0
    assert process.stdout[-1] == "shut down"
    assert not any("Traceback" in line for line in process.stderr)


@pytest.mark.usefixtures("shop")
def test_two_signals_at_once_count_as_one(start: Start) -> None:
    """`timeout` of coreutils signals the process, then its group."""
    process = start("serve", "--port", "0")
    answer = begin_request(process, "held")

    process.send(signal.SIGTERM, signal.SIGTERM)
    process.line("^stopping$")
    Path("released").touch()

    assert answer.result() == {"held": "answered"}
    assert process.code() == 0


@pytest.mark.usefixtures("shop")
def test_second_signal_ends_serve_at_once(start: Start) -> None:
    process = start("serve", "--port", "0")
    answer = begin_request(process, "held")

    process.send(signal.SIGINT)
    process.line("^stopping$")
    process.send_until_end(signal.SIGINT)

    assert process.code() == 1
    assert "shut down" not in process.stdout
    assert process.stderr[-1] == "Ended by a second signal."
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        answer.result()


@pytest.mark.usefixtures("shop")
def test_second_signal_with_blocked_loop_ends_at_once(start: Start) -> None:
    process = start("serve", "--port", "0")
    answer = begin_request(process, "blocked")

    process.send(signal.SIGTERM)
    process.send_until_end(signal.SIGINT)

    assert process.code() == 1
    assert answer.exception() is not None


@pytest.mark.usefixtures("shop")
def test_second_signal_ends_serve_during_shutdown_delay(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RXKERNEL_SHUTDOWN_DELAY", "3600")
    process = start("serve", "--port", "0")
    url = process.url()

    process.send(signal.SIGTERM)
    process.line("^stopping$")
    assert get(f"{url}/pid") == process.pid
    process.send_until_end(signal.SIGTERM)

    assert process.code() == 1


@pytest.mark.usefixtures("shop")
def test_shutdown_past_its_timeout_is_forced(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RXKERNEL_SHUTDOWN_TIMEOUT", "0.1")
    process = start("serve", "--port", "0")
    answer = begin_request(process, "held")

    process.send(signal.SIGTERM)

    assert process.code() == 1
    assert process.stdout[-1] == "shut down"
    assert process.stderr[-1].startswith("Not all responses were sent within 0.1 s")
    assert answer.exception() is not None


def test_signal_while_starting_stops_the_start(start: Start) -> None:
    Path("app.py").write_text("""
import asyncio
from rxkernel import Application, observe

class Slow:
    @observe("application.bootstrap")
    async def boot(self, event):
        print("booting", flush=True)
        await asyncio.Event().wait()

application = Application(listeners=[Slow])
""")
    process = start("serve", "--port", "0")
    process.line("^booting$")

    process.send(signal.SIGTERM)

    assert process.code() == 0
    assert process.stdout == ["booting"]


def test_serve_prints_url_of_separate_socketio_port(start: Start, write: Write) -> None:
    Path("rxkernel.toml").write_text("http.port = 0\nsocketio.port = 0")
    target = write("from rxkernel import Application\ndef shop():\n    return Application()")

    process = start("serve", f"{target}:shop")

    address = r"http://127\.0\.0\.1:\d+"
    process.line(rf"^Listening on {address} \(HTTP\) and {address} \(Socket\.IO\)$")


def error_line(process: Process) -> str:
    """The only line of stderr of a process that could not start."""
    assert process.code() == 2
    assert not any(line.startswith("Listening") for line in process.stdout)
    (line,) = process.stderr
    return line


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("options", [[], ["--workers", "2"]])
def test_port_in_use_is_reported_on_one_line(options: list[str], start: Start) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        if options:
            Path("rxkernel.toml").write_text("socketio.enabled = false")

        line = error_line(start("serve", "--port", str(port), *options))

    assert line.startswith(f"Error: cannot listen on 127.0.0.1:{port}: the port is in use; ")


@pytest.mark.usefixtures("shop")
def test_port_shared_by_other_workers_is_in_use(start: Start) -> None:
    """With SO_REUSEPORT, `serve` could bind that port and receive half of its connections."""
    Path("rxkernel.toml").write_text("socketio.enabled = false")
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()

        port = str(other.getsockname()[1])
        assert "the port is in use" in error_line(start("serve", "--port", port, "--workers", "2"))


def test_missing_target_is_reported_on_one_line(start: Start) -> None:
    assert (
        "found neither module 'app' nor folder 'application/api' nor folder 'application/app' in "
    ) in error_line(start("serve"))


def test_unbound_service_is_reported_on_one_line(start: Start, write: Write) -> None:
    target = write("""
from injector import inject
from rxkernel import Application

class Tasks: ...

class Shop:
    @inject
    def __init__(self, tasks: Tasks): ...

application = Application(controllers=[Shop])
""")
    line = error_line(start("serve", target))

    assert line.startswith("Error: Shop asks for Tasks, which nothing binds; bind it")


def run_serve(run: Run, *arguments: str) -> str:
    """Run `serve` in this process, with arguments that it rejects before it starts anything."""
    result = run("serve", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    return result.stderr


def test_unknown_settings_are_reported_each_on_a_line(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("rxkernel.toml").write_text("prot = 1")
    monkeypatch.setenv("RXKERNEL_HTTP_PROT", "1")
    target = write("from rxkernel import Application\napplication = Application()")

    first, second = run_serve(run, target, "--port", "70000").splitlines()[:2]

    assert first.startswith("Error: prot from ")
    assert second.startswith("Error: ")
    assert "RXKERNEL_HTTP_PROT" in second


def test_workers_option_not_a_number_is_a_usage_error(run: Run) -> None:
    assert "'--workers': 'two' is not a valid number." in run_serve(run, "--workers", "two")


def test_workers_and_socketio_port_exclude_each_other(run: Run, write: Write) -> None:
    Path("rxkernel.toml").write_text("socketio.port = 0")
    target = write("from rxkernel import Application\napplication = Application()")

    assert "remove socketio.port" in run_serve(run, target, "--workers", "2")


def test_workers_with_socketio_without_seqpacket_is_an_error(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "SOCK_SEQPACKET", 99)
    target = write("from rxkernel import Application\napplication = Application()")

    assert "needs SOCK_SEQPACKET" in run_serve(run, target, "--workers", "2", "--port", "0")


def test_workers_and_reload_exclude_each_other(run: Run) -> None:
    assert "cannot be combined" in run_serve(run, "--workers", "2", "--reload")


def test_reload_without_watchfiles_names_the_extra(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rxkernel.cli.reload.find_spec", lambda name: None)

    assert "in the clone of rxkernel: pip install '.[reload]'" in run_serve(run, "--reload")


def test_host_of_another_machine_is_rejected(run: Run, write: Write) -> None:
    Path("rxkernel.toml").write_text("socketio.enabled = false")
    target = write("from rxkernel import Application\napplication = Application()")

    for host in ("192.0.2.1", "name.invalid"):
        text = run_serve(run, target, "--host", host, "--port", "0", "--workers", "2")
        assert text.startswith(f"Error: cannot listen on {host}:0: ")
        assert text.endswith("; choose another host or port\n")


@pytest.fixture
def workers(shop: None, start: Start) -> Process:
    Path("rxkernel.toml").write_text("socketio.enabled = false")
    process = start("serve", "--port", "0", "--workers", "2")
    process.line(r"^Listening on http://127\.0\.0\.1:[1-9]\d* \(HTTP\) with 2 workers$")
    return process


@pytest.fixture(params=["socketio.enabled = false", "socketio.enabled = true"])
def either_workers(shop: None, start: Start, request: pytest.FixtureRequest) -> Process:
    """Workers that open the port, or to which the supervisor passes connections."""
    Path("rxkernel.toml").write_text(request.param)
    process = start("serve", "--port", "0", "--workers", "2")
    process.line("with 2 workers$")
    return process


def pids(process: Process, *, without: int = 0) -> set[int]:
    """The process ids of the two workers; either can accept a connection."""
    found: set[int] = set()

    def both() -> bool:
        found.add(get(f"{process.url()}/pid"))
        found.discard(without)
        return len(found) == 2

    until(both)
    return found


def test_workers_share_port_and_killed_one_is_replaced(workers: Process) -> None:
    first, second = pids(workers)

    os.kill(first, signal.SIGKILL)
    workers.line(rf"ERROR .* worker \d \(pid {first}\) ended with code -9")

    assert second in pids(workers, without=first)
    workers.send(signal.SIGTERM)
    assert workers.code() == 0
    assert [line for line in workers.stdout if line == "shut down"] == ["shut down"] * 2


STARTS = """
import sys
from rxkernel import Application, ServerEvents, observe

def note(what):
    if "--supervised" in sys.argv:
        with open("starts.txt", "a") as file:
            print(what, file=file)  # written in one piece

class Listens:
    @observe(ServerEvents.STARTED)
    async def started(self, event):
        note("listens")

note("begins")
application = Application(listeners=[Listens])
"""


def test_workers_start_as_many_at_once_as_there_are_cpus(project: Path) -> None:
    """Here on one CPU: one after another."""
    (project / "app.py").write_text(STARTS)
    (project / "rxkernel.toml").write_text("http.port = 0\nsocketio.enabled = false")
    one_cpu = "import os, sys; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); "
    serve = "os.execv(sys.executable, [sys.executable, '-m', 'rxkernel', *sys.argv[1:]])"
    command = [sys.executable, "-c", one_cpu + serve, "serve", "--workers", "3"]
    process = Process(command, project)
    try:
        process.line("with 3 workers$")
        assert (project / "starts.txt").read_text().split() == ["begins", "listens"] * 3
    finally:
        process.kill()


def test_workers_complete_requests_in_flight(either_workers: Process) -> None:
    answer = begin_request(either_workers, "held")

    either_workers.send(signal.SIGTERM)
    either_workers.line("^stopping$", number=2)
    Path("released").touch()

    assert answer.result() == {"held": "answered"}
    assert either_workers.code() == 0


def test_second_signal_kills_the_workers(either_workers: Process) -> None:
    answer = begin_request(either_workers, "held")

    either_workers.send(signal.SIGTERM)
    either_workers.line("^stopping$", number=2)
    either_workers.send_until_end(signal.SIGTERM)

    assert either_workers.code() == 1
    assert answer.exception() is not None


def test_workers_of_killed_supervisor_end(either_workers: Process) -> None:
    """The system closes the pipe from the supervisor, also after SIGKILL."""
    either_workers.send(signal.SIGKILL)

    either_workers.line("^shut down$", number=2)
    assert either_workers.code() == -9


@pytest.mark.usefixtures("shop")
def test_worker_ends_when_supervisor_has_ended_without_reading() -> None:
    """The system then reports a reset of the connection, not its end."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "rxkernel", "serve", "--supervised", "--port", "0"]
    with theirs:
        process = subprocess.Popen(command, stdin=theirs.fileno())
    with ours:
        select.select([ours], [], [], DEADLINE)

    try:
        assert process.wait(DEADLINE) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("how", "has_sockets", "code", "text"),
    [
        ("os._exit(3)", "true", 1, "worker 1 ended 5 times in a row, each time soon after its "),
        ("raise ConfigurationError('no good')", "true", 2, "Error: no good"),
        ("raise ConfigurationError('no good')", "false", 2, "Error: no good"),
    ],
    ids=["crash", "invalid with sockets", "invalid"],
)
def test_workers_that_fail_at_start_end_the_command(
    how: str, has_sockets: str, code: int, text: str, start: Start
) -> None:
    """The first worker starts alone, so an error of all workers is reported once."""
    Path("rxkernel.toml").write_text(f"socketio.enabled = {has_sockets}")
    Path("app.py").write_text(f"""
import os
from rxkernel import Application, ConfigurationError, observe

class Bad:
    @observe("application.bootstrap")
    async def boot(self, event): {how}

application = Application(listeners=[Bad])
""")
    process = start("serve", "--port", "0", "--workers", "2")

    assert process.code() == code
    assert sum(text in line for line in process.stderr) == 1
    assert process.stdout == []
    delays = re.findall(r"worker 1 restarts in (\S+) s", "\n".join(process.stderr))
    assert delays == ([] if code == 2 else ["0.5", "1", "2"])


@pytest.mark.usefixtures("shop")
def test_reload_starts_again_when_a_source_changes(start: Start) -> None:
    process = start("serve", "--port", "0", "--reload")
    url = process.url()
    before = get(f"{url}/pid")

    Path("note.txt").write_text("no source")
    Path("rxkernel.toml").write_text("prot = 1")
    process.line("the server ended with code 2; restarting after the next change")
    process.line("^Error: prot from ")
    Path("rxkernel.toml").write_text("debug = false")

    assert process.url(number=2) == url, "an open page must find the server at the same port"
    after = get(f"{url}/pid")
    assert after != before
    process.send(signal.SIGINT)
    assert process.code() == 0
    changes = [line for line in process.stderr if "changed" in line]
    assert len(changes) == 2
    assert all(line.endswith("rxkernel.toml changed: restarting") for line in changes)
    assert process.stdout[-1] == "shut down"


def test_reload_watches_other_directories_and_patterns(
    start: Start, write: Write, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    directory = write("from rxkernel import Application\ndef make():\n    return Application()")
    options = ("--reload-dir", str(other), "--reload-include", "*.sql")
    process = start("serve", f"{directory}:make()", "--port", "0", "--reload", *options)

    for number, path in enumerate(
        (Path("settings.yaml"), Path(".env"), other / "data.json", other / "query.sql"), 1
    ):
        process.url(number=number)
        path.write_text("changed")
        process.line(f"{path} changed: restarting$")
    process.url(number=5)

    process.send(signal.SIGINT)
    assert process.code() == 0


@pytest.mark.parametrize("option", [("--reload-dir", "."), ("--reload-include", "*.sql")])
def test_reload_options_without_reload_are_rejected(run: Run, option: tuple[str, str]) -> None:
    assert "need --reload; add it" in run_serve(run, *option)


def test_reload_missing_directory_is_rejected(run: Run) -> None:
    assert "'nowhere' does not exist" in run_serve(run, "--reload", "--reload-dir", "nowhere")


@pytest.mark.parametrize(
    ("path", "is_watched"),
    [
        *((name, True) for name in ("a.py", "a.yaml", "a.yml", ".env", "local.env", "a.json")),
        *((name, True) for name in ("a.ini", "x/a.sql", "x/queries/a.txt")),
        *((name, True) for name in ("html.template", "html.jinja")),
        *((name, False) for name in ("a.txt", "a.sql.bak", "a.log", "queries/x/a.txt", "env")),
    ],
)
def test_watched_files_are_found_by_suffix_and_pattern(
    tmp_path: Path, path: str, is_watched: bool
) -> None:
    watched = WatchedFiles((tmp_path,), ("*.sql", "queries/*.txt"))

    assert watched.includes(tmp_path / path) == is_watched


def test_files_that_the_application_writes_are_not_watched(tmp_path: Path) -> None:
    """For example the keys of a new application, which its first boot writes."""
    watched = WatchedFiles((tmp_path, tmp_path / "other"), ("*.sqlite3",))

    assert not watched.includes(tmp_path / "var" / "security-keys.json")
    assert not watched.includes(tmp_path / "other" / "var" / "app.sqlite3")
    assert watched.includes(tmp_path / "pages" / "var" / "a.py")


def test_ignored_directories_are_not_watched(tmp_path: Path) -> None:
    watched = WatchedFiles((tmp_path,), ("*.sql",))
    watched.ignored.add(tmp_path / "application")

    assert not watched.includes(tmp_path / "application" / "lib" / "a.py")
    assert not watched.includes(tmp_path / "application" / "a.sql")
    assert watched.includes(tmp_path / "applications" / "a.py")


@pytest.mark.usefixtures("shop")
def test_second_signal_kills_the_reloaded_child(start: Start) -> None:
    process = start("serve", "--port", "0", "--reload")
    answer = begin_request(process, "held")

    process.send(signal.SIGINT)
    process.line("^stopping$")
    process.send_until_end(signal.SIGINT)

    assert process.code() == 1
    assert answer.exception() is not None


COLLECTED = """
import gc
from rxkernel import Application, http

class Collected:
    @http("GET", "/frozen", "frozen")
    async def frozen(self):
        return gc.get_freeze_count()

application = Application(controllers=[Collected])
"""


def test_serve_freezes_boot_objects_for_garbage_collector(start: Start, write: Write) -> None:
    process = start("serve", write(COLLECTED), "--port", "0")

    assert get(f"{process.url()}/frozen") > 10_000
