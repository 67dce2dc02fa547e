"""TLS with a bus: certificates are checked, and no password is sent without TLS."""

import asyncio
from collections.abc import Iterator
from inspect import signature
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.aio.subscription import Subscription
from nats.aio.transport import TcpTransport

from rxkernel import ServerStartError
from tests.bundles.gateway.cluster.buses import Recorder, bus_with
from tests.bundles.nats_servers import NatsServer, running_nats
from tests.bundles.redis_servers import RedisServer, running_redis
from tests.ports import reserved_port
from tests.servers.tls import Authority

INFO = b'INFO {"server_id":"x","version":"2.9.10","headers":true,"max_payload":1000}\r\n'


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))


@pytest.fixture(params=["nats", "redis"])
def encrypted(
    request: pytest.FixtureRequest,
    authority: Authority,
    tmp_path: Path,
    nats_server: Path,
    redis_server: Path,
) -> Iterator[tuple[NatsServer | RedisServer, str]]:
    """A server with TLS, and its URL."""
    files = authority.issue("server")
    if request.param == "nats":
        tls = f"tls {{ cert_file: '{files.certificate}', key_file: '{files.key}' }}"
        with running_nats(nats_server, tmp_path, tls) as nats:
            yield nats, nats.url.replace("nats:", "tls:")
    else:
        with reserved_port() as port:
            options = (
                *("--tls-port", str(port), "--tls-auth-clients", "no"),
                *("--tls-cert-file", str(files.certificate), "--tls-key-file", str(files.key)),
                *("--tls-ca-cert-file", str(authority.certificate)),
            )
            with running_redis(redis_server, tmp_path, *options) as redis:
                yield redis, f"rediss://127.0.0.1:{port}/0"


@pytest.mark.usefixtures("trusted")
async def test_tls_with_trusted_certificate_connects(
    encrypted: tuple[NatsServer | RedisServer, str],
) -> None:
    server, url = encrypted
    async with bus_with(server) as bus:
        transporter, recorder = await bus.transporter(url=url), Recorder()
        await transporter.connect(recorder)
        await transporter.subscribe(["MOL.a"])
        await transporter.publish("MOL.a", b"x")
        await recorder.until_received(1)
        assert transporter.place == url


async def test_tls_with_untrusted_certificate_fails_the_start(
    encrypted: tuple[NatsServer | RedisServer, str],
) -> None:
    server, url = encrypted
    async with bus_with(server) as bus:
        transporter = await bus.transporter(url=url)
        match = rf"TLS with {bus.name} at {url} fails: .*certificate.*; {bus.setting} must"
        with pytest.raises(ServerStartError, match=match):
            await transporter.connect(Recorder())


@pytest.mark.parametrize("credentials", ["user:s3cr3t@", "s3cr3t@", ""])
async def test_tls_with_server_without_tls_fails_before_credentials_are_sent(
    nats: NatsServer, credentials: str
) -> None:
    received = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(INFO)
        while line := await reader.readline():
            received.extend(line)
            if line == b"PING\r\n":
                writer.write(b"PONG\r\n")
        writer.close()

    fake = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = fake.sockets[0].getsockname()[1]
    async with bus_with(nats) as bus:
        transporter = await bus.transporter(url=f"tls://{credentials}127.0.0.1:{port}")
        with pytest.raises(ServerStartError, match="does not use TLS; enable it there, or write"):
            await transporter.connect(Recorder())
    fake.close()
    await fake.wait_closed()

    assert b"s3cr3t" not in received


def test_private_names_of_nats_py_exist() -> None:
    """`NatsConnection` uses them to close what nats-py leaves open if a server hangs or crashes.
    `NatsClient` uses them to avoid the queues of nats-py."""
    client = Client()

    assert client._transport is None
    assert client._reading_task is None
    assert TcpTransport()._io_writer is None  # type: ignore[no-untyped-call]
    assert Subscription(client)._wait_for_msgs_task is None
    assert [*signature(client._process_msg).parameters] == [
        *("sid", "subject", "reply", "data", "headers")
    ]
