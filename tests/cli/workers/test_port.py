"""The port of several processes; see also test_worker_ports.py."""

import socket

import pytest

from rxkernel.cli.workers.port import shared_port
from rxkernel.servers.server import ServerStartError
from rxkernel.settings import HttpSettings


def test_socket_of_a_shared_port_keeps_it_after_a_shutdown() -> None:
    """Also a port that the system has chosen: the next process listens on it again."""
    with shared_port(HttpSettings(port=0), 3) as opened:
        address = opened[0][0].getsockname()
        assert {one.getsockname() for [one] in opened} == {address}
        for [one] in opened:
            one.shutdown(socket.SHUT_RDWR)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)

        opened[0][0].listen()
        socket.create_connection(address).close()
        opened[0][0].accept()[0].close()


def test_every_address_of_a_host_has_the_same_port() -> None:
    with shared_port(HttpSettings(host="localhost", port=0), 2) as opened:
        ports = {one.getsockname()[1] for every in opened for one in every}
        assert len(ports) == 1
        with (
            pytest.raises(ServerStartError, match="the port is in use"),
            shared_port(HttpSettings(host="localhost", port=ports.pop()), 2),
        ):
            pytest.fail("the port was opened twice")
