"""``serve --workers`` with Socket.IO: the supervisor passes each connection to a worker."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.cli.processes import DEADLINE, Process, get
from tests.node_scripts import report_of
from tests.servers.tls import Authority

APP = """
import os
from rxkernel import Application, http, websocket

class Pids:
    @http("GET", "/pid", "pid")
    async def pid(self, request):
        return os.getpid()

    @http("POST", "/exit", "exit")
    async def exit(self, request):
        os._exit(7)

    @websocket("pid")
    async def pid_of_socket(self, request):
        return os.getpid()

    @websocket("count", arguments="value")
    async def count(self, request, id: str):
        with open("counted.txt", "a") as file:
            print(id, file=file)  # written in one piece: workers share the file
        return os.getpid()

application = Application(controllers=[Pids])
"""

SETTINGS = """
[http]
trusted_proxies = ["127.0.0.1"]
"""

SCRIPT = Path(__file__).parents[1] / "clients" / "workers.mjs"


def start_workers(folder: Path, settings: str = SETTINGS) -> Process:
    (folder / "app.py").write_text(APP)
    (folder / "rxkernel.toml").write_text(settings)
    command = [sys.executable, "-m", "rxkernel", "serve", "--port", "0", "--workers", "2"]
    process = Process(command, folder)
    process.line("^Listening on ")
    return process


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """Two workers, which the tests do not end."""
    process = start_workers(tmp_path_factory.mktemp("workers"))
    yield process
    process.kill()


def pids_of(process: Process) -> set[int]:
    return {int(process.line(f"worker {number} has pid (\\d+)")[1]) for number in (1, 2)}


def test_lines_of_workers_have_their_numbers(workers: Process) -> None:
    for number in (1, 2):
        workers.line(rf" INFO    \[worker {number}\] rxkernel\.cli\.serving: listening on ")


def test_workers_without_bus_are_reported_with_the_setting(workers: Process) -> None:
    line = r'WARNING \[worker 1\] .* one worker only; .* set scale\.bus to "redis"'
    workers.line(line)


def connect(process: Process) -> socket.socket:
    parts = urlsplit(process.url())
    assert parts.hostname is not None
    return socket.create_connection((parts.hostname, parts.port or 0), DEADLINE)


def request(target: str, client: str = "203.0.113.1", *, host: str = "x") -> bytes:
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}", f"X-Forwarded-For: {client}"]
    return "\r\n".join([*lines, "", ""]).encode()


def packet(sid: str, text: str, *, host: str = "x") -> bytes:
    """The request that sends one packet of the session *sid*."""
    lines = [
        f"POST /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1",
        f"Host: {host}",
        "X-Forwarded-For: 203.0.113.1",
        f"Content-Length: {len(text)}",
    ]
    return "\r\n".join([*lines, "", text]).encode()


def exchange(connection: socket.socket, data: bytes) -> str:
    """Send a request, and return the body of the response."""
    connection.sendall(data)
    return response_of(connection)


def response_of(connection: socket.socket) -> str:
    received = b""
    while b"\r\n\r\n" not in received:
        received += _receive(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    size = next(
        int(line.split(b":")[1])
        for line in head.lower().splitlines()
        if line.startswith(b"content-length:")
    )
    while len(body) < size:
        body += _receive(connection)
    return body.decode()


def _receive(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    assert data, "the server has closed the connection"
    return data


def sessions_of_both(process: Process, *, host: str = "x") -> dict[str, str]:
    """A session id of each worker, by the number of the worker."""
    found: dict[str, str] = {}
    for number in range(1, 100):
        with connect(process) as connection:
            target = "/socket.io/?EIO=4&transport=polling"
            opened = exchange(connection, request(target, f"203.0.113.{number}", host=host))
        sid = opened.split('"sid":"')[1].split('"')[0]
        found.setdefault(sid.partition(".")[0], sid)
        if len(found) == 2:
            return found
    raise AssertionError(f"only the workers {list(found)} have sessions")


@pytest.mark.node
@pytest.mark.parametrize("transports", ["websocket", "polling", "polling,websocket"])
@pytest.mark.parametrize("keep_alive", ["false", "true"])
@pytest.mark.parametrize("sessions", ["40", pytest.param("500", marks=pytest.mark.soak)])
async def test_npm_clients_reach_their_worker_with_each_request(
    workers: Process, node: Path, transports: str, keep_alive: str, sessions: str
) -> None:
    arguments = workers.url(), transports, sessions, keep_alive

    report: Any = await report_of(node, SCRIPT, *arguments, patience=DEADLINE)

    assert report["errors"] == []
    assert report["most"] == 1
    assert set(report["pids"]) == pids_of(workers)
    assert report["transports"] == [transports.split(",")[-1]]


def test_client_without_session_stays_at_one_worker(workers: Process) -> None:
    def pid(client: str) -> str:
        with connect(workers) as connection:
            return exchange(connection, request("/pid", client))

    pids = {f"203.0.113.{number}": pid(f"203.0.113.{number}") for number in range(30)}

    assert set(map(int, pids.values())) == pids_of(workers)
    assert all(pid(client) == pids[client] for client in pids)


def test_request_line_in_pieces_reaches_the_worker_of_its_session(workers: Process) -> None:
    for sid in sessions_of_both(workers).values():
        with connect(workers) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            data = packet(sid, "40")
            for piece in (data[:30], data[30:50], data[50:]):
                connection.sendall(piece)
                get(f"{workers.url()}/pid")  # the supervisor has read the piece by now

            assert response_of(connection) == "ok"


def test_next_request_of_a_connection_moves_it_to_another_worker(workers: Process) -> None:
    sids = sessions_of_both(workers)
    with connect(workers) as connection:
        for sid in [*sids.values(), *sids.values()]:
            assert exchange(connection, packet(sid, "40")) == "ok"
            target = f"/socket.io/?EIO=4&transport=polling&sid={sid}"
            assert exchange(connection, request(target)).startswith("4")
            assert int(exchange(connection, request("/pid"))) in pids_of(workers)


def test_request_with_a_large_body_moves_to_another_worker(workers: Process) -> None:
    """The part that the worker has read moves with the connection; the rest is in its socket."""
    sids = sessions_of_both(workers)
    with connect(workers) as connection:
        for sid in sids.values():
            assert exchange(connection, packet(sid, "40")) == "ok"
        for _ in range(3):
            for sid in sids.values():
                event = f'42["pid","{900_000 * "x"}"]'
                assert exchange(connection, packet(sid, event)) == "ok"


def test_connection_without_fast_path_moves_to_another_worker(tmp_path: Path) -> None:
    process = start_workers(tmp_path, f"{SETTINGS}fast_path = false\n")
    try:
        test_next_request_of_a_connection_moves_it_to_another_worker(process)
    finally:
        process.kill()


def test_session_over_tls_reaches_its_worker_by_address(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.issue("server", "127.0.0.1")
    tls = '[http.tls]\ncertificate = "server.pem"\nkey = "server.key"\n'
    process = start_workers(tmp_path, tls)
    try:
        port = int(process.line(r"^Listening on https://127\.0\.0\.1:(\d+)")[1])

        def connect_with_tls() -> socket.socket:
            plain = socket.create_connection(("127.0.0.1", port), DEADLINE)
            return authority.client().wrap_socket(plain, server_hostname="127.0.0.1")

        with connect_with_tls() as connection:
            opened = exchange(connection, request("/socket.io/?EIO=4&transport=polling"))
        sid = opened.split('"sid":"')[1].split('"')[0]
        for _ in range(3):
            with connect_with_tls() as connection:
                assert exchange(connection, packet(sid, "40")) == "ok"
    finally:
        process.kill()


def test_session_of_unknown_worker_is_an_unknown_session(workers: Process) -> None:
    with connect(workers) as connection:
        target = "/socket.io/?EIO=4&transport=polling&sid=999999999.abc"
        for _ in range(2):
            assert "Session ID unknown" in exchange(connection, request(target))


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET", b"GET / HTTP/1.1\r\nHost: x\r\nX-Junk: " + 5000 * b"x"],
    ids=["empty", "line", "headers"],
)
def test_slow_heads_do_not_delay_others(workers: Process, begun: bytes) -> None:
    slow = [connect(workers) for _ in range(50)]
    try:
        for connection in slow:
            connection.sendall(begun)
        assert get(f"{workers.url()}/pid") in pids_of(workers)
    finally:
        for connection in slow:
            connection.close()
