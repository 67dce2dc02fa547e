"""sd_notify: the messages that a real socket receives."""

import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from rxkernel.cli.service_manager import ServiceManager
from tests.cli.conftest import Start
from tests.cli.processes import DEADLINE
from tests.cli.test_serve_tls import SETTINGS, SHOP
from tests.servers.tls import Authority
from tests.waiting import until


class Receiver:
    """The socket of a service manager; *address* is the value of ``NOTIFY_SOCKET``."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0", 1))
        self._socket.settimeout(DEADLINE)

    def receive(self) -> list[str]:
        """The lines of the next message."""
        return self._socket.recv(4096).decode().split("\n")

    def arrived(self) -> list[str]:
        """The first lines of all messages that have arrived."""
        lines = []
        self._socket.setblocking(False)
        try:
            while True:
                lines.append(self.receive()[0])
        except BlockingIOError:
            return lines
        finally:
            self._socket.settimeout(DEADLINE)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    with tempfile.TemporaryDirectory() as short:
        paths = {"path": f"{short}/notify", "abstract": f"@rxkernel-{uuid4().hex}"}
        receiver = Receiver(paths[request.param])
        yield receiver
        receiver.close()


def test_messages_have_the_documented_lines(receiver: Receiver) -> None:
    """sd_notify(3); MONOTONIC_USEC is the clock of RELOADING=1."""
    environment = {"NOTIFY_SOCKET": receiver.address, "PATH": "/bin"}
    service = ServiceManager(environment)
    assert environment == {"PATH": "/bin"}

    service.ready("Listening")
    assert receiver.receive() == ["READY=1", "STATUS=Listening"]
    with pytest.raises(KeyError), service.reloading():
        raise KeyError
    assert receiver.receive()[0] == "RELOADING=1"
    assert receiver.receive() == ["READY=1"]
    with service.reloading():
        _, monotonic = receiver.receive()
        assert monotonic.removeprefix("MONOTONIC_USEC=").isdecimal()
    assert receiver.receive() == ["READY=1"]
    service.stopping()
    assert receiver.receive() == ["STOPPING=1", "STATUS=Stopping"]


def test_reload_before_ready_and_after_stopping_is_not_reported(receiver: Receiver) -> None:
    service = ServiceManager({"NOTIFY_SOCKET": receiver.address})
    with service.reloading():
        pass
    service.stopping()
    with service.reloading():
        pass

    assert receiver.arrived() == ["STOPPING=1"]


async def test_watchdog_is_sent_until_the_block_ends(receiver: Receiver) -> None:
    variables = {"NOTIFY_SOCKET": receiver.address, "WATCHDOG_USEC": "2000"}
    seen: list[str] = []

    def enough() -> bool:
        seen.extend(receiver.arrived())
        return len(seen) >= 3

    with ServiceManager({**variables, "WATCHDOG_PID": str(os.getpid())}):
        await until(enough)
    assert set(seen) == {"WATCHDOG=1"}


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"WATCHDOG_USEC": "2000", "WATCHDOG_PID": "1"}, id="other_process"),
        pytest.param({"WATCHDOG_USEC": "soon"}, id="invalid"),
        pytest.param({}, id="off"),
    ],
)
def test_watchdog_of_another_process_is_not_sent(
    variables: dict[str, str], receiver: Receiver
) -> None:
    with ServiceManager({"NOTIFY_SOCKET": receiver.address, **variables}):
        assert receiver.arrived() == []


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "relative"])
def test_service_manager_without_a_socket_does_nothing(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    with ServiceManager({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000"}) as service:
        service.ready("Listening")
        with service.reloading():
            service.stopping()

    assert not caplog.records


def test_error_of_the_socket_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "missing")}).ready("Listening")

    [record] = caplog.records
    assert "READY=1 was not sent to the service manager" in record.getMessage()


@pytest.fixture
def site(project: Path) -> None:
    (project / "app.py").write_text(SHOP)
    (project / "rxkernel.toml").write_text(SETTINGS)
    for name, host in (("server", "127.0.0.1"), ("shop", "shop.example")):
        Authority(project).issue(name, host)


@pytest.mark.parametrize("options", [[], ["--workers", "2"]])
def test_serve_reports_ready_reload_and_stop(
    start: Start,
    site: None,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
) -> None:
    """With workers, only the supervisor reports: a worker would send READY=1 too."""
    monkeypatch.setenv("NOTIFY_SOCKET", receiver.address)
    process = start("serve", "--port", "0", *options)

    ready, status = receiver.receive()
    assert ready == "READY=1"
    assert status.startswith("STATUS=Listening on https://127.0.0.1:")
    process.line("^Listening on ")
    process.send(signal.SIGHUP)
    assert receiver.receive()[0] == "RELOADING=1"
    assert receiver.receive() == ["READY=1"]
    process.send(signal.SIGTERM)
    assert receiver.receive()[0] == "STOPPING=1"
    assert process.code() == 0
    assert receiver.arrived() == []
