"""``serve`` with TLS in separate processes: one and several workers, reload, redirect, curl."""

import shutil
import signal
import socket
import ssl
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cli.conftest import Run, Start, Write
from tests.cli.processes import Process, until
from tests.ports import reserved_port
from tests.required_tools import skip_missing_tool
from tests.servers.tls import YESTERDAY, Authority

SHOP = """
import os

from rxkernel import Application, http


class Shop:
    @http("GET", "/pid", "pid")
    async def pid(self, request):
        return os.getpid()


application = Application(controllers=[Shop])
"""

SETTINGS = """
socketio.enabled = false

[http.tls]
certificate = "server.pem"
key = "server.key"

[http.tls.hosts."shop.example"]
certificate = "shop.pem"
key = "shop.key"
"""


@pytest.fixture
def authority(project: Path) -> Authority:
    (project / "app.py").write_text(SHOP)
    (project / "rxkernel.toml").write_text(SETTINGS)
    authority = Authority(project)
    authority.issue("server", "127.0.0.1")
    authority.issue("shop", "shop.example")
    return authority


def port_of(process: Process) -> int:
    return int(process.line(r"^Listening on https://127\.0\.0\.1:(\d+) \(HTTP\)")[1])


def names_of(port: int, authority: Authority, host: str = "127.0.0.1") -> set[str]:
    """The names in the certificate that is sent for *host*, which is verified."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
        authority.client().wrap_socket(plain, server_hostname=host) as tls,
    ):
        certificate = tls.getpeercert()
        assert certificate is not None
        return {str(pair[1]) for pair in certificate["subjectAltName"]}


def curl(*arguments: str, authority: Authority) -> str:
    if shutil.which("curl") is None:
        skip_missing_tool("no curl: `apt-get install curl`")
    command = ["curl", "-sS", "--max-time", "60", "--cacert", str(authority.certificate)]
    return subprocess.run(
        [*command, *arguments], check=True, capture_output=True, text=True
    ).stdout


def test_curl_verifies_both_hosts(start: Start, authority: Authority) -> None:
    port = port_of(start("serve", "--port", "0"))
    resolve = ["--resolve", f"shop.example:{port}:127.0.0.1"]

    assert curl(f"https://127.0.0.1:{port}/pid", authority=authority).isdigit()
    assert curl(f"https://shop.example:{port}/pid", *resolve, authority=authority).isdigit()
    resolve = ["--resolve", f"other.example:{port}:127.0.0.1"]
    with pytest.raises(subprocess.CalledProcessError) as caught:
        curl(f"https://other.example:{port}/pid", *resolve, authority=authority)
    assert "no alternative certificate subject name matches" in caught.value.stderr


def test_curl_follows_the_redirect(start: Start, authority: Authority, project: Path) -> None:
    with reserved_port() as plain:
        settings = SETTINGS.replace("[http.tls]\n", f"[http.tls]\nredirect_port = {plain}\n")
        (project / "rxkernel.toml").write_text(settings)
        port = port_of(start("serve", "--port", "0"))

        written = "%{http_code} %{num_redirects} %{url_effective}"
        arguments = ["-L", "-o", "/dev/null", "-w", written, f"http://127.0.0.1:{plain}/pid"]
        assert curl(*arguments, authority=authority) == f"200 1 https://127.0.0.1:{port}/pid"


@pytest.mark.parametrize("options", [[], ["--workers", "2"]])
def test_sighup_reads_the_certificates_again(
    start: Start, authority: Authority, options: list[str]
) -> None:
    process = start("serve", "--port", "0", *options)
    port = port_of(process)
    number = 2 if options else 1

    process.send(signal.SIGHUP)
    process.line("INFO .* the TLS certificates were reloaded", number=number)
    authority.issue("server", "127.0.0.1", "new.example")
    process.send(signal.SIGHUP)
    process.line("INFO .* the TLS certificates were reloaded", number=2 * number)
    assert "new.example" in names_of(port, authority)

    (authority.directory / "server.key").write_bytes(
        (authority.directory / "shop.key").read_bytes()
    )
    process.send(signal.SIGHUP)
    process.line(
        "WARNING .* the TLS certificates were not reloaded: .* does not match", number=number
    )
    assert "new.example" in names_of(port, authority)
    assert names_of(port, authority, "shop.example") == {"shop.example"}

    process.send(signal.SIGTERM)
    assert process.code() == 0


def test_workers_serve_tls_and_redirect(start: Start, authority: Authority, project: Path) -> None:
    with reserved_port() as reserved:
        plain = reserved
    settings = SETTINGS.replace("[http.tls]\n", f"[http.tls]\nredirect_port = {plain}\n")
    (project / "rxkernel.toml").write_text(settings)
    process = start("serve", "--port", "0", "--workers", "2")
    port = port_of(process)
    found: set[str] = set()

    def both() -> bool:
        found.add(curl(f"https://127.0.0.1:{port}/pid", authority=authority))
        return len(found) == 2

    until(both)
    for _ in range(4):
        head = curl(
            "-o", "/dev/null", "-D", "-", f"http://127.0.0.1:{plain}/a", authority=authority
        )
        assert f"Location: https://127.0.0.1:{port}/a" in head

    other = start("serve", "--port", "0", "--workers", "2")  # it would share the port of both
    assert other.code() == 2
    other.line(f"cannot listen on 127.0.0.1:{plain}: the port is in use")
    process.send(signal.SIGTERM)
    assert process.code() == 0


def test_workers_with_own_ports_wait_for_the_redirect_port(
    start: Start, authority: Authority, project: Path
) -> None:
    """The workers of the process before it use all ports until they have ended."""
    with reserved_port() as plain, reserved_port() as first, reserved_port() as second:
        pass
    settings = SETTINGS.replace("[http.tls]\n", f"[http.tls]\nredirect_port = {plain}\n")
    (project / "rxkernel.toml").write_text(f"workers.ports = [{first}, {second}]\n{settings}")
    with ExitStack() as used:
        for port in plain, first, second:
            used.enter_context(socket.create_server(("127.0.0.1", port)))
        process = start("serve")
        process.line("the port is in use; retrying in 2 s", number=2)

    process.line(rf"^Listening on https://127\.0\.0\.1:{first} \(HTTP\)")
    process.send(signal.SIGTERM)
    assert process.code() == 0


@pytest.mark.parametrize("command", ["serve", "check"])
def test_certificates_that_cannot_be_used_are_reported(
    run: Run, write: Write, authority: Authority, project: Path, command: str
) -> None:
    (project / "server.pem").unlink()
    (project / "shop.key").write_bytes((project / "server.key").read_bytes())

    result = run(command, write(SHOP))

    assert result.exit_code == 2
    assert "http.tls.certificate: cannot read server.pem: No such file" in result.output
    assert 'http.tls.hosts."shop.example".key: shop.key does not match' in result.output


def test_expired_certificate_is_a_warning(start: Start, authority: Authority) -> None:
    authority.issue("server", "127.0.0.1", not_after=YESTERDAY)

    process = start("serve", "--port", "0")

    process.line("WARNING .* clients will not accept .* server.pem: certificate has expired")
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        names_of(port_of(process), authority)


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"CERTIFICATE": "server.pem"}, "http.tls.key: must be set, in rxkernel.toml or as"),
        ({"KEY": "k", "CERTIFICATE": "c", "HOSTS": "a.example"}, "must be a table of host names"),
        ({"KEY": "k", "CERTIFICATE": "c", "REDIRECT_PORT": "0"}, "must be a port, 1 to 65535"),
    ],
)
def test_tls_settings_in_variables_that_are_invalid_are_reported(
    run: Run,
    write: Write,
    authority: Authority,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    problem: str,
) -> None:
    (project / "rxkernel.toml").unlink()
    for name, value in variables.items():
        monkeypatch.setenv(f"RXKERNEL_HTTP_TLS_{name}", value)

    result = run("check", write(SHOP))

    assert result.exit_code == 2, result.output
    assert problem in result.output


def test_key_in_a_variable_for_a_file_is_not_shown(
    run: Run,
    write: Write,
    authority: Authority,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``…_KEY_FILE`` names a file with the value of the setting, and this value is a path."""
    (project / "rxkernel.toml").unlink()
    monkeypatch.setenv("RXKERNEL_HTTP_TLS_CERTIFICATE", "server.pem")
    monkeypatch.setenv("RXKERNEL_HTTP_TLS_KEY_FILE", "server.key")

    result = run("check", write(SHOP))

    assert result.exit_code == 2
    assert "http.tls.key from RXKERNEL_HTTP_TLS_KEY_FILE" in result.output
    assert "must be the path of a PEM file" in result.output
    assert "PRIVATE KEY" not in result.output
