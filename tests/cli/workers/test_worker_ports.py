"""One worker for each of several ports, and a balancer that redirects to them."""

import http.client
import logging
import os
import signal
import socket
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from rxkernel.cli.workers.port import TRIES, opened_ports
from rxkernel.servers.server import ServerStartError
from tests.cli.conftest import Run, Write
from tests.cli.processes import DEADLINE, Process, get
from tests.cli.test_serve_workers import APP
from tests.ports import reserved_port

PORTS = "[workers]\nports = [{}, {}]\nbalancer = {}\n"


@pytest.fixture(scope="module")
def ports() -> Iterator[tuple[int, int, int]]:
    """The ports of two workers and of the balancer."""
    with ExitStack() as stack:
        first, second, balancer = (stack.enter_context(reserved_port()) for _ in range(3))
        yield first, second, balancer


@pytest.fixture(scope="module")
def process(
    tmp_path_factory: pytest.TempPathFactory, ports: tuple[int, int, int]
) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("ports")
    (folder / "app.py").write_text(APP)
    (folder / "rxkernel.toml").write_text(PORTS.format(*ports))
    process = Process([sys.executable, "-m", "rxkernel", "serve"], folder)
    first, second, balancer = (f"http://127.0.0.1:{port}" for port in ports)
    process.line(
        rf"^Listening on {balancer} \(balancer\) and {first} \(HTTP, Socket.IO\) "
        rf"and {second} \(HTTP, Socket.IO\) with 2 workers$"
    )
    yield process
    process.kill()


def ask(port: int, method: str, path: str, host: str = "127.0.0.1") -> tuple[int, str]:
    """The status and the location of a response."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    connection.request(method, path, headers={"Host": host})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, response.getheader("Location", "")


@pytest.mark.usefixtures("process")
def test_balancer_redirects_to_each_port_in_turn(ports: tuple[int, int, int]) -> None:
    *workers, balancer = ports

    for method, status in (("GET", 302), ("HEAD", 302), ("POST", 307), ("DELETE", 307)):
        found = [ask(balancer, method, "/pid?a=%20b", "localhost:1") for _ in range(2)]
        assert {code for code, _ in found} == {status}
        assert {place for _, place in found} == {
            f"http://localhost:{port}/pid?a=%20b" for port in workers
        }


def test_each_port_belongs_to_one_worker(process: Process, ports: tuple[int, int, int]) -> None:
    pids = [int(process.line(f"worker {number} has pid (\\d+)")[1]) for number in (1, 2)]

    for port, pid in zip(ports, pids, strict=False):
        assert {get(f"http://127.0.0.1:{port}/pid") for _ in range(10)} == {pid}
    assert {get(f"http://127.0.0.1:{ports[2]}/pid") for _ in range(2)} == set(pids)


@pytest.mark.usefixtures("process")
def test_session_stays_at_the_port_where_it_began(ports: tuple[int, int, int]) -> None:
    """As a page uses it after the redirect of the balancer."""
    with urllib.request.urlopen(f"http://127.0.0.1:{ports[2]}/pid") as page:
        origin = urlsplit(page.url).netloc
    target = f"http://{origin}/socket.io/?EIO=4&transport=polling"
    with urllib.request.urlopen(target) as response:
        sid = response.read().decode().split('"sid":"')[1].split('"')[0]
    for _ in range(3):
        with urllib.request.urlopen(f"{target}&sid={sid}", data=b"40") as response:
            assert response.read() == b"ok"


@pytest.mark.usefixtures("process")
def test_balancer_rejects_requests_that_no_worker_could_handle(
    ports: tuple[int, int, int],
) -> None:
    assert ask(ports[2], "GET", "/", "a b")[0] == 400
    assert ask(ports[2], "TRACE", "/")[0] == 405


def test_killed_worker_is_replaced_on_its_port_and_skipped_meanwhile(
    process: Process, ports: tuple[int, int, int]
) -> None:
    first = get(f"http://127.0.0.1:{ports[0]}/pid")
    os.kill(first, signal.SIGKILL)
    process.line(rf"worker 1 \(pid {first}\) ended")

    location = ask(ports[2], "GET", "/")[1]  # before or after the next worker listens
    assert location.startswith(f"http://127.0.0.1:{ports[1]}") or get(f"{location}pid") != first
    assert get(f"http://127.0.0.1:{ports[0]}/pid") != first  # waits for the next worker


def test_sighup_replaces_each_worker_on_its_port(
    process: Process, ports: tuple[int, int, int]
) -> None:
    before = {get(f"http://127.0.0.1:{port}/pid") for port in ports[:2]}

    process.send(signal.SIGHUP)
    process.line("all workers were restarted")

    after = {get(f"http://127.0.0.1:{port}/pid") for port in ports[:2]}
    assert len(after) == 2
    assert not before & after


def test_stop_ends_workers_and_balancer(process: Process, ports: tuple[int, int, int]) -> None:
    process.send(signal.SIGTERM)

    assert process.code() == 0
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


def test_port_in_use_is_tried_three_times(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with (
            pytest.raises(
                ServerStartError, match=f"127.0.0.1:{port}: the port is in use"
            ) as error,
            opened_ports("127.0.0.1", [0, port, port], pause=0.01),
        ):
            pytest.fail("the port is in use")

    assert str(error.value).count("in use") == 2
    assert caplog.text.count(f"127.0.0.1:{port}: the port is in use; retrying") == 4
    assert TRIES == 3


def test_port_that_becomes_free_is_opened(caplog: pytest.LogCaptureFixture) -> None:
    other = socket.create_server(("127.0.0.1", 0))

    class Close(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            other.close()

    logger, handler = logging.getLogger("rxkernel.cli.workers.port"), Close()
    logger.addHandler(handler)
    try:
        with opened_ports("127.0.0.1", [other.getsockname()[1]], pause=0.01) as [[opened]]:
            socket.create_connection(opened.getsockname()).close()
    finally:
        logger.removeHandler(handler)


def test_host_of_another_machine_is_not_tried_again() -> None:
    with (
        pytest.raises(ServerStartError, match="choose another host or port"),
        opened_ports("192.0.2.1", [0], pause=1e6),
    ):
        pytest.fail("the host is not one of this machine")


@pytest.mark.parametrize(
    ("settings", "arguments", "text"),
    [
        ("ports = [1, 1]", [], "each of them once"),
        ("balancer = 1", [], "balancer needs ports to redirect to"),
        ("ports = [1, 2]\nbalancer = 2", [], "balancer must not be one of ports"),
        ("ports = [1]", ["--workers", "2"], "but --workers is given; remove one"),
        ("ports = [1]", ["--port", "8000"], "but --port is given; remove one"),
        ("ports = [1]\n[socketio]\nport = 0", [], "socketio.port is set; remove socketio.port"),
    ],
    ids=["twice", "balancer alone", "same port", "workers", "port", "socketio"],
)
def test_port_settings_that_contradict_each_other_are_an_error(
    settings: str, arguments: list[str], text: str, run: Run, write: Write
) -> None:
    Path("rxkernel.toml").write_text(f"[workers]\n{settings}\n")
    target = write("from rxkernel import Application\napplication = Application()")

    result = run("serve", target, *arguments)

    assert result.exit_code == 2
    assert text in result.stderr
