"""Invalid and combined options of `IOServer`."""

from typing import Any

import pytest

from bundles.realtime import IOServer, IOServerError, RealtimeSettings, Service
from rxkernel import ConfigurationError, Settings


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"mode": None}, "mode is None; write a str, or a list of them"),
        ({"mode": ["websocket", 5]}, "mode is .*; write a str, or a list of them"),
        ({"cookie": {"name": "x"}}, "cookie is .*; write True, False, or a name"),
        ({"cookie": 5}, "cookie is 5; write True, False, or a name"),
        ({"cors": True}, "cors is True; write a dict"),
        ({"cors": []}, r"cors is \[\]; write a dict"),
        ({"cors": {"origin": None}}, r"cors\['origin'\] is None; write a str"),
        ({"cors": {"exposed_headers": 5}}, r"cors\['exposed_headers'\] is 5; write a str"),
        ({"cors": {"origin": "here"}}, "origins must be a list of origins"),
        ({"cors": {"max_age": -1}}, "preflight_max_age must be seconds"),
        ({"cookie": "a b"}, "cookie must be a name"),
        ({"host": " "}, "host must be a host name or an IP address"),
    ],
)
def test_ioserver_invalid_option_is_a_configuration_error(
    options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        IOServer(**options)


def test_ioserver_port_that_is_a_bool_is_an_error() -> None:
    with pytest.raises(IOServerError, match="Invalid port number"):
        IOServer(port=True)


async def test_ioserver_exposed_header_may_be_one_text() -> None:
    server = IOServer(cors={"exposed_headers": "X-Total"})
    settings = (await server.application.boot()).get(Settings)
    assert settings.http.exposed_headers == ("X-Total",)
    await server.stop()


async def test_ioserver_keeps_the_other_settings_of_the_bundle() -> None:
    given = Settings(bundles={"realtime": RealtimeSettings(connect_timeout=0.5)})
    server = IOServer(settings=given, verbose="DEBUG")
    settings = (await server.application.boot()).get(RealtimeSettings)
    assert (settings.connect_timeout, settings.verbose) == (0.5, "DEBUG")
    await server.stop()


async def test_ioserver_stop_before_the_start_does_nothing() -> None:
    server = IOServer()
    assert await server.stop()
    server.add_service(service=type("Chat", (Service,), {}))
