"""`rxkernel proxy`: its configurations, and the options that it refuses."""

from pathlib import Path

import pytest

from bundles.scale.proxy.haproxy import haproxy_text
from bundles.scale.proxy.nginx import nginx_text
from bundles.scale.proxy.plan import Plan
from rxkernel import (
    ConfigurationError,
    HttpSettings,
    Settings,
    SocketioSettings,
    TlsSettings,
)
from tests.bundles.scale.proxy.proxies import KINDS
from tests.cli.conftest import Run, Write
from tests.cli.conftest import project as project
from tests.cli.conftest import run as run
from tests.cli.conftest import write as write

SHOP = """
from rxkernel import Application

application = Application(bundles=["scale"])
"""

TEXTS = {"haproxy": haproxy_text, "nginx": nginx_text}


def text_of(kind: str, settings: Settings) -> str:
    return TEXTS[kind](Plan.of(settings, "shop", "80", ["127.0.0.1:8001", "127.0.0.1:8002"]))


@pytest.mark.parametrize("kind", KINDS)
def test_command_writes_the_configuration_and_warns(kind: str, run: Run, write: Write) -> None:
    target = write(SHOP)
    given = ["--server", "127.0.0.1:8001", "--server", "[::1]:8002", "--listen", "8080"]
    result = run("--app", target, "proxy", kind, *given, "--name", "shop")

    assert result.exit_code == 0
    assert "127.0.0.1:8001" in result.stdout
    assert "[::1]:8002" in result.stdout
    assert "8080" in result.stdout
    assert "shop_sockets" in result.stdout
    assert result.stderr.startswith("http.trusted_proxies is empty")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ((), "Missing option '--server'"),
        (("--server", "127.0.0.1"), "'127.0.0.1' is not HOST:PORT"),
        (("--server", "127.0.0.1:70000"), "'127.0.0.1:70000' is not HOST:PORT"),
        (("--server", "a b:1"), "'a b:1' is not HOST:PORT"),
        (("--server", "a:1", "--listen", "0"), "'0' is not PORT"),
        (("--server", "a:1", "--key", "/k"), "nginx needs both --certificate and --key"),
        (("--server", "a:1", "--certificate", "k"), "'k' is not an absolute path"),
        (("--server", "a:1", "--certificate", "/a b"), "'/a b' is not an absolute path"),
        (("--server", "a:1", "--name", "a-b"), "'a-b' is not a lowercase letter"),
    ],
)
def test_command_refuses_invalid_options(
    given: tuple[str, ...], problem: str, run: Run, write: Write
) -> None:
    result = run("--app", write(SHOP), "proxy", "nginx", *given)

    assert result.exit_code == 2
    assert problem in result.stderr


def test_plan_refuses_settings_that_do_not_fit(tmp_path: Path) -> None:
    pem = tmp_path / "site.pem"
    settings = Settings(
        http=HttpSettings(tls=TlsSettings(certificate=pem, key=pem)),
        socketio=SocketioSettings(port=8001),
    )
    with pytest.raises(ConfigurationError) as caught:
        text_of("nginx", settings)

    assert [problem.partition(" is set")[0] for problem in caught.value.problems] == [
        *("http.tls", "socketio.port")
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "socketio", [SocketioSettings(enabled=False), SocketioSettings(transports=("websocket",))]
)
def test_configuration_without_polling_has_no_sticky_part(
    kind: str, socketio: SocketioSettings
) -> None:
    assert "sockets" not in text_of(kind, Settings(socketio=socketio))


@pytest.mark.parametrize("kind", KINDS)
def test_configuration_for_one_server_has_no_sticky_part(kind: str) -> None:
    """The supervisor sends the requests of a session to the same worker."""
    text = TEXTS[kind](Plan.of(Settings(), "shop", "80", ["127.0.0.1:8001"]))

    assert "sockets" not in text
    assert "in front of one process, or its workers." in text


@pytest.mark.parametrize("kind", KINDS)
def test_timeouts_of_the_proxy_exceed_those_of_the_application(kind: str) -> None:
    settings = Settings(
        request_timeout=100.0,
        http=HttpSettings(header_timeout=3.5, body_limit=5, upload_limit=7),
        socketio=SocketioSettings(ping_interval=90.0, ping_timeout=30.0),
    )
    text = text_of(kind, settings)

    read, header = (
        ("proxy_read_timeout 135s;", "client_header_timeout 4s;")
        if kind == "nginx"
        else ("timeout server 135s", "timeout http-request 4s")
    )
    assert read in text
    assert header in text
    assert kind == "haproxy" or "client_max_body_size 7;" in text


@pytest.mark.parametrize(
    ("hosts", "names", "checked"),
    [
        ((), "_", "localhost"),
        (("shop.example:84", "*.shop.example"), "shop.example *.shop.example", "shop.example:84"),
        (("*.shop.example",), "*.shop.example", "check.shop.example"),
        (("*",), "_", "localhost"),
    ],
)
def test_configuration_has_the_allowed_hosts_of_the_settings(
    hosts: tuple[str, ...], names: str, checked: str
) -> None:
    settings = Settings(health=True, http=HttpSettings(allowed_hosts=hosts))

    assert f"server_name {names};" in text_of("nginx", settings)
    assert f"uri /readyz ver HTTP/1.1 hdr Host {checked}\n" in text_of("haproxy", settings)


def test_command_writes_tls_on_its_port(run: Run, write: Write) -> None:
    target, server = write(SHOP), ("--server", "127.0.0.1:8001")
    of_nginx = ("--certificate", "/etc/shop/fullchain.pem", "--key", "/etc/shop/privkey.pem")
    nginx = run("--app", target, "proxy", "nginx", *server, *of_nginx).stdout
    of_haproxy = ("--certificate", "/etc/shop/site.pem")
    haproxy = run("--app", target, "proxy", "haproxy", *server, *of_haproxy).stdout
    refused = run("--app", target, "proxy", "haproxy", *server, *of_nginx)

    assert "listen 443 ssl;" in nginx
    assert 'ssl_certificate "/etc/shop/fullchain.pem";' in nginx
    assert 'ssl_certificate_key "/etc/shop/privkey.pem";' in nginx
    assert 'bind :443 ssl crt "/etc/shop/site.pem"\n' in haproxy
    assert "remove --key" in refused.stderr
