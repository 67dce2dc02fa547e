"""The defaults of the base class of servers."""

import pytest

from rxkernel import Kernel, Server, Transport

WORKER = Transport("WORKER")


class Worker(Server):
    """A server without a port."""

    name = "worker"
    transport = WORKER

    def configure(self, kernel: Kernel) -> None: ...

    async def start(self) -> None: ...

    async def drain(self) -> None: ...

    async def stop(self) -> None: ...


def test_server_without_port_has_no_url() -> None:
    worker = Worker()

    assert (worker.host, worker.port, worker.url) == (None, None, None)


def test_server_without_limits_has_no_counts() -> None:
    assert dict(Worker().counts) == {}


def test_label_by_default_is_the_transport() -> None:
    class Labelled(Worker):
        label = "Background worker"

    class Derived(Labelled): ...

    assert (Worker.label, Labelled.label) == ("WORKER", "Background worker")
    assert Derived.label == "Background worker"


@pytest.mark.parametrize(
    ("address", "url"), [("127.0.0.1", "tcp://127.0.0.1:7000"), ("::1", "tcp://[::1]:7000")]
)
def test_url_consists_of_scheme_host_and_port(address: str, url: str) -> None:
    class Listening(Worker):
        scheme = "tcp"
        host = address
        port = 7000

    assert Listening().url == url
