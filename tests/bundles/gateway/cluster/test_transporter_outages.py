"""A bus that is unavailable, crashes, hangs or rejects. No call hangs; outages are logged once."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from nats import connect
from nats.aio.msg import Msg

from bundles.gateway.cluster.nats_transporter import NatsTransporter
from bundles.gateway.settings import GatewaySettings
from bundles.message_bus import (
    BusConnection,
    BusUnavailableError,
    PacketTooLargeError,
    Receiver,
    Transporter,
)
from rxkernel import ServerStartError
from tests.bundles.gateway.cluster.buses import LOGGER, Bus, Recorder, bus_with
from tests.bundles.gateway.cluster.wires import round_trip
from tests.bundles.nats_servers import NatsServer, running_nats
from tests.bundles.redis_servers import RedisServer, running_redis
from tests.waiting import until


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the lines of the loggers of rxkernel from INFO on; other loggers must log nothing."""
    lines = [record for record in caplog.records if record.levelno >= logging.INFO]
    assert {record.name for record in lines} <= {LOGGER}
    return [record.getMessage() for record in lines]


async def exchange(bus: Bus, transporter: Transporter, recorder: Recorder, topic: str) -> None:
    """Check that a packet reaches another node, and that a reply arrives."""
    other, received = await bus.connected("MOL.out")
    count = len(recorder.packets)
    await transporter.publish("MOL.out", b"out")
    assert await received.until_received(1) == [("MOL.out", b"out")]
    await other.publish(topic, b"back")
    packets = await recorder.until_received(count + 1)
    assert packets[count:] == [(topic, b"back")]
    await other.close()


async def test_bus_away_at_start_is_used_when_it_comes(
    own_bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    own_bus.server.kill()
    transporter, recorder = await own_bus.connected("MOL.a")
    assert not transporter.is_connected
    with pytest.raises(BusUnavailableError, match="is not connected"):
        await transporter.publish("MOL.a", b"x")
    await transporter.subscribe(["MOL.b"])
    await until(lambda: "still cannot be used" in caplog.text)

    own_bus.server.start()
    await recorder.until_events("connected")

    assert transporter.is_connected
    await exchange(own_bus, transporter, recorder, "MOL.a")
    await exchange(own_bus, transporter, recorder, "MOL.b")
    first, last = logged(caplog)
    assert first.startswith(f"{own_bus.name} at {own_bus.server.url} cannot be used: ")
    assert "Connect call failed" in first or "connecting to" in first
    assert last.startswith(f"{own_bus.name} at {own_bus.server.url} can be used again, after ")


async def test_bus_killed_twice_and_restarted_is_used_again(
    own_bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    transporter, recorder = await own_bus.connected("MOL.a")
    for outage in range(2):
        own_bus.server.kill()
        await until(lambda: not transporter.is_connected)
        with pytest.raises(BusUnavailableError):
            await transporter.publish("MOL.a", b"x")
        with pytest.raises(BusUnavailableError):
            await transporter.has_subscriber("MOL.a")
        await transporter.subscribe([f"MOL.{outage}"])
        own_bus.server.start()
        await until(lambda: transporter.is_connected)
        await exchange(own_bus, transporter, recorder, "MOL.a")
        await exchange(own_bus, transporter, recorder, f"MOL.{outage}")

    assert recorder.events == ["connected", "lost", "connected", "lost", "connected"]
    lines = logged(caplog)
    assert [" again" in line for line in lines] == [False, True, False, True]
    assert all(recorder.reasons)


async def test_bus_killed_while_packets_are_published_ends_every_call(
    own_bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    """Every call ends: the packet is sent, or the caller gets an error."""
    transporter, recorder = await own_bus.connected("MOL.a")
    failed = 0

    async def publish() -> None:
        nonlocal failed
        while not failed:
            try:
                await transporter.publish("MOL.a", bytes(1000))
            except BusUnavailableError:
                failed += 1
            await asyncio.sleep(0)

    publishing = [asyncio.create_task(publish()) for _ in range(20)]
    await recorder.until_received(1000)
    own_bus.server.kill()
    await asyncio.wait_for(asyncio.gather(*publishing), 20)
    await recorder.until_events("connected", "lost")
    own_bus.server.start()
    await recorder.until_events("connected", "lost", "connected")

    recorder.packets.clear()
    await exchange(own_bus, transporter, recorder, "MOL.a")
    assert failed
    assert len(logged(caplog)) == 2


async def test_bus_that_hangs_is_lost_and_used_again(
    own_bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    transporter, recorder = await own_bus.connected("MOL.a", timeout=0.5)
    with own_bus.server.paused():
        await recorder.until_events("connected", "lost")
        with pytest.raises(BusUnavailableError):
            await transporter.publish("MOL.a", b"x")
        await until(lambda: "still cannot be used" in caplog.text)
    await recorder.until_events("connected", "lost", "connected")

    await exchange(own_bus, transporter, recorder, "MOL.a")
    assert recorder.reasons == ["it does not reply"]
    assert len(logged(caplog)) == 2


async def test_bus_that_hangs_at_start_is_used_when_it_replies(
    own_bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    with own_bus.server.paused():
        transporter, recorder = await own_bus.connected("MOL.a", timeout=0.3)
        assert recorder.events == []
    await recorder.until_events("connected")

    await exchange(own_bus, transporter, recorder, "MOL.a")
    first, _ = logged(caplog)
    assert first.endswith("cannot be used: no reply within 0.3 seconds; trying to reconnect")


async def test_bus_that_hangs_while_packets_are_published_ends_every_call(own_bus: Bus) -> None:
    """If all buffers are full, the callers receive an error instead of waiting."""
    transporter, recorder = await own_bus.connected("MOL.a", timeout=0.5)

    async def publish() -> None:
        with suppress(BusUnavailableError):
            while True:
                await transporter.publish("MOL.b", bytes(500_000))

    with own_bus.server.paused():
        publishing = [asyncio.create_task(publish()) for _ in range(10)]
        await asyncio.wait_for(asyncio.gather(*publishing), 20)
        await recorder.until_events("connected", "lost")
    await recorder.until_events("connected", "lost", "connected")
    await exchange(own_bus, transporter, recorder, "MOL.a")


async def test_close_while_bus_is_killed_ends_without_further_log_lines(
    own_bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    transporter, recorder = await own_bus.connected("MOL.a")
    own_bus.server.kill()
    await asyncio.wait_for(transporter.close(), 20)

    assert recorder.events[0] == "connected"
    assert [line for line in logged(caplog) if "cannot be used" not in line] == []


async def test_close_while_bus_hangs_ends_within_its_timeout(own_bus: Bus) -> None:
    transporter, recorder = await own_bus.connected("MOL.a", timeout=0.3)
    with own_bus.server.paused():
        await asyncio.wait_for(transporter.close(), 20)

    assert recorder.events == ["connected"]


async def test_subscribe_while_bus_hangs_is_done_at_reconnection(own_bus: Bus) -> None:
    transporter, recorder = await own_bus.connected("MOL.a", timeout=0.3)
    with own_bus.server.paused():
        await asyncio.wait_for(transporter.subscribe(["MOL.b"]), 20)
        await recorder.until_events("connected", "lost")
    await recorder.until_events("connected", "lost", "connected")

    await exchange(own_bus, transporter, recorder, "MOL.b")


@pytest.fixture(params=["nats", "redis"])
def protected(
    request: pytest.FixtureRequest, tmp_path: Path, nats_server: Path, redis_server: Path
) -> Iterator[NatsServer | RedisServer]:
    """A server that requires the user ``us:er`` and the password ``p@ss/word``."""
    if request.param == "nats":
        users = 'authorization { user: "us:er", password: "p@ss/word" }'
        with running_nats(nats_server, tmp_path, users) as nats:
            yield nats
    else:
        rules = "--user us:er on >p@ss/word ~* &* +@all --user default off"
        with running_redis(redis_server, tmp_path, *rules.split()) as redis:
            yield redis


def with_credentials(url: str, credentials: str) -> str:
    scheme, address = url.split("://")
    return f"{scheme}://{credentials}{address}"


async def test_credentials_are_percent_decoded(protected: NatsServer | RedisServer) -> None:
    async with bus_with(protected) as bus:
        url = with_credentials(protected.url, "us%3Aer:p%40ss%2Fword@")
        transporter, recorder = await bus.transporter(url=url), Recorder()
        await transporter.connect(recorder)
        await transporter.subscribe(["MOL.a"])
        await transporter.publish("MOL.a", b"x")
        await recorder.until_received(1)


@pytest.mark.parametrize(
    "credentials", ["us%3Aer:wr0ng-s3cr3t@", "other:wr0ng-s3cr3t@", "wr0ng-s3cr3t@", ""]
)
async def test_credentials_wrong_fail_the_start(
    protected: NatsServer | RedisServer, credentials: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with bus_with(protected) as bus:
        transporter = await bus.transporter(url=with_credentials(protected.url, credentials))
        recorder = Recorder()
        with pytest.raises(
            ServerStartError, match=f"rejects .*password.* {bus.setting}"
        ) as raised:
            await transporter.connect(recorder)

    assert recorder.events == []
    assert bus.server.url in str(raised.value)
    assert "s3cr3t" not in str(raised.value) + caplog.text
    assert logged(caplog) == []


async def test_credentials_rejected_after_an_outage_are_logged_once(
    nats_server: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running_nats(nats_server, tmp_path, "authorization { token: one }") as first:
        async with bus_with(first) as bus:
            url = with_credentials(first.url, "one@")
            transporter, recorder = await bus.transporter(url=url), Recorder()
            await transporter.connect(recorder)
            first.kill()
            second = NatsServer(nats_server, tmp_path, first.port, "authorization { token: two }")
            second.start()
            try:
                await until(lambda: len(logged(caplog)) == 2)
            finally:
                second.kill()
            await until(lambda: "still cannot be used" in caplog.text)

    assert "rejects the user, the password or the token in gateway.nats_url" in logged(caplog)[1]


async def test_nats_packet_too_large_is_an_error_and_keeps_the_connection(
    nats_server: Path, tmp_path: Path
) -> None:
    with running_nats(nats_server, tmp_path, "max_payload: 1000") as server:
        async with bus_with(server) as bus:
            transporter, recorder = await bus.connected("MOL.a")
            with pytest.raises(PacketTooLargeError, match=r"MOL.a has 1001 bytes.* at most 1000"):
                await transporter.publish("MOL.a", bytes(1001))
            await transporter.publish("MOL.a", bytes(1000))
            await recorder.until_received(1)

    assert recorder.events == ["connected"]
    assert recorder.packets == [("MOL.a", bytes(1000))]


async def test_nats_other_server_is_used_when_one_is_away(
    nats: NatsServer, tmp_path: Path
) -> None:
    with running_nats(nats._program, tmp_path) as other:
        async with bus_with(nats) as bus:
            transporter = await bus.transporter(url=f"{nats.url},{other.url}")
            recorder = Recorder()
            await transporter.connect(recorder)
            nats.kill()
            await until(lambda: transporter.is_connected)
            nats.start()
            other.kill()
            await until(lambda: recorder.events[-1:] == ["connected"] and transporter.is_connected)
            assert transporter.place == f"{nats.url}, {other.url}"


async def test_nats_packet_with_a_reply_subject_is_received(nats: NatsServer) -> None:
    """Another client may send requests. Only an empty request asks whether there is a
    subscriber."""
    async with bus_with(nats) as bus:
        _, recorder = await bus.connected("MOL.a")
        async with await connect(nats.url) as client:
            await client.request("MOL.a", b"")
            await client.publish("MOL.a", b"x", reply="_INBOX.b")
            await recorder.until_received(1)

    assert recorder.packets == [("MOL.a", b"x")]


async def test_nats_subscriber_that_does_not_reply_is_found(nats: NatsServer) -> None:
    """A node of Moleculer is such a client."""

    async def ignore(message: Msg) -> None:
        pass

    async with bus_with(nats) as bus:
        transporter, _ = await bus.connected()
        async with await connect(nats.url) as client:
            await client.subscribe("MOL.a", cb=ignore)
            await round_trip(client)
            assert await transporter.has_subscriber("MOL.a")


async def test_has_subscriber_while_bus_hangs_raises(own_bus: Bus) -> None:
    transporter, recorder = await own_bus.connected(timeout=0.3)
    with own_bus.server.paused():
        with pytest.raises(BusUnavailableError):
            await asyncio.wait_for(transporter.has_subscriber("MOL.a"), 20)
        await recorder.until_events("connected", "lost")


async def test_connect_cancelled_leaves_nothing_behind(bus: Bus) -> None:
    """`bus_with` waits until all tasks have ended."""
    accepted = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set()
        await reader.read()  # until the client disconnects
        writer.close()

    silent = await asyncio.start_server(serve, "127.0.0.1", 0)
    scheme, port = bus.server.url.split(":")[0], silent.sockets[0].getsockname()[1]
    transporter = await bus.transporter(url=f"{scheme}://127.0.0.1:{port}")
    connecting = asyncio.create_task(transporter.connect(Recorder()))
    await accepted.wait()
    connecting.cancel()
    await asyncio.wait({connecting})
    silent.close()

    assert connecting.cancelled()


async def test_publish_cancelled_does_not_fail_other_calls(own_bus: Bus) -> None:
    transporter, recorder = await own_bus.connected("MOL.a")
    cancelled = asyncio.create_task(transporter.publish("MOL.a", b"1"))
    kept = asyncio.create_task(transporter.publish("MOL.a", b"2"))
    await asyncio.sleep(0)
    cancelled.cancel()
    await kept

    await until(lambda: ("MOL.a", b"2") in recorder.packets)


async def test_close_at_once_after_publish_ends_every_call(own_bus: Bus) -> None:
    transporter, _ = await own_bus.connected("MOL.a", timeout=0.3)
    with own_bus.server.paused():
        publishing = [asyncio.create_task(transporter.publish("MOL.a", b"x")) for _ in range(3)]
        await asyncio.sleep(0)
        await asyncio.wait_for(transporter.close(), 20)
        await asyncio.wait_for(asyncio.gather(*publishing, return_exceptions=True), 20)


async def test_nats_topic_that_a_user_may_not_use_is_logged(
    nats_server: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    users = (
        'authorization { users: [{user: u, password: p, permissions: {publish: "MOL.>", '
        'subscribe: ["MOL.a"]}}] }'
    )
    with running_nats(nats_server, tmp_path, users) as server:
        async with bus_with(server) as bus:
            transporter = await bus.transporter(url=with_credentials(server.url, "u:p@"))
            recorder = Recorder()
            await transporter.connect(recorder)
            await transporter.subscribe(["MOL.a", "MOL.b"])
            await until(lambda: "the user in gateway.nats_url may not do this" in caplog.text)
            await transporter.publish("MOL.a", b"x")
            await recorder.until_received(1)

    assert 'subscription to "mol.b"' in caplog.text.lower()
    assert recorder.events == ["connected"]


async def test_unexpected_exception_does_not_end_the_reconnection(
    nats: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    failures = [BusUnavailableError("away"), ValueError("a bug")]

    class Faulty(NatsTransporter):
        async def _open(self, receiver: Receiver) -> BusConnection:
            if failures:
                raise failures.pop(0)
            return await super()._open(receiver)

    transporter, recorder = Faulty(GatewaySettings(nats_url=nats.url)), Recorder()
    await transporter.connect(recorder)
    await recorder.until_events("connected")
    await transporter.close()

    assert "could not be connected" in caplog.text
