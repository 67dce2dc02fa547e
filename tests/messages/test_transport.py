"""Transports are names: two of the framework, others of bundles."""

import copy
import pickle

import pytest

from rxkernel import Request, Transport


def test_transport_with_one_name_is_one_instance() -> None:
    assert Transport("METACOM") is Transport("METACOM")
    assert Transport("HTTP") is Transport.HTTP
    assert pickle.loads(pickle.dumps(Transport.SOCKET)) is Transport.SOCKET
    assert copy.deepcopy(Transport.SOCKET) is Transport.SOCKET


def test_transport_equals_its_text() -> None:
    assert Transport.HTTP == "HTTP"
    assert f"{Transport('METACOM')}" == "METACOM"
    assert hash(Transport.SOCKET) == hash("SOCKET")


@pytest.mark.parametrize("name", ["", "http", "A B", "9P", "ÄRA", "X\n", None, 7])
def test_transport_name_invalid_raises_error(name: object) -> None:
    with pytest.raises(ValueError, match="invalid transport name"):
        Transport(name)  # type: ignore[arg-type]


def test_request_accepts_name_of_any_transport() -> None:
    assert Request("HTTP").transport is Transport.HTTP
    assert Request("LINES").transport is Transport("LINES")
