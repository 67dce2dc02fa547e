"""Packets over NATS and Redis, while the bus is available."""

import asyncio
import logging
import secrets

import pytest

from bundles.message_bus import BusUnavailableError
from tests.bundles.gateway.cluster.buses import LOGGER, Bus, Recorder
from tests.ports import reserved_port
from tests.waiting import until

BINARY = bytes(range(256)) * 8 + b"\r\nMSG x 1 1\r\n"


async def test_publish_reaches_all_subscribers_and_the_node_itself(bus: Bus) -> None:
    sender, own = await bus.connected("MOL.INFO")
    _, other = await bus.connected("MOL.INFO", "MOL.REQ.b")

    await sender.publish("MOL.INFO", b"1")
    await sender.publish("MOL.REQ.b", b"2")

    assert await other.until_received(2) == [("MOL.INFO", b"1"), ("MOL.REQ.b", b"2")]
    assert await own.until_received(1) == [("MOL.INFO", b"1")]


async def test_publish_concurrently_keeps_order_of_each_topic(bus: Bus) -> None:
    sender, _ = await bus.connected()
    _, other = await bus.connected("MOL.a", "MOL.b")
    numbers = [str(number).encode() for number in range(500)]

    sends = (sender.publish(topic, data) for data in numbers for topic in ("MOL.a", "MOL.b"))
    await asyncio.gather(*sends)

    packets = await other.until_received(1000)
    for name in ("MOL.a", "MOL.b"):
        assert [data for topic, data in packets if topic == name] == numbers


@pytest.mark.parametrize("data", [b"", BINARY, bytes(900_000)], ids=["empty", "binary", "large"])
async def test_publish_bytes_arrive_unchanged(bus: Bus, data: bytes) -> None:
    sender, _ = await bus.connected()
    _, other = await bus.connected("MOL.RES.b")

    await sender.publish("MOL.RES.b", data)

    assert await other.until_received(1) == [("MOL.RES.b", data)]


async def test_publish_to_topic_beyond_ascii_arrives(bus: Bus) -> None:
    sender, _ = await bus.connected()
    _, other = await bus.connected("MOL.REQ.knödel-食")

    await sender.publish("MOL.REQ.knödel-食", b"x")

    assert await other.until_received(1) == [("MOL.REQ.knödel-食", b"x")]


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "MOL.REQ.",
        ".MOL",
        "MOL..b",
        "MOL.REQ.*",
        "MOL.>",
        "MOL.REQ.a*b",
        "MOL.REQ.a b",
        "MOL.REQ.a\tb",
        "MOL.REQ.a\r\nPUB MOL.b 1\r\nx",
        "MOL.REQ.a\n",
        "MOL.REQ.a\x00",
        "MOL.REQ.a\x85b",
        "MOL.REQ.\ud800",
        "MOL.REQ." + "a" * 2000,
        "MOL.REQ." + "食" * 700,
    ],
    ids=repr,
)
async def test_topic_invalid_raises_and_is_not_sent(bus: Bus, topic: str) -> None:
    """The name of a node is a part of topics, and nodes choose their own names."""
    sender, recorder = await bus.connected("MOL.REQ.b")

    with pytest.raises(ValueError, match=r"topic|surrogates"):
        await sender.publish(topic, b"x")
    with pytest.raises(ValueError, match=r"topic|surrogates"):
        await sender.subscribe(["MOL.c", topic])
    with pytest.raises(ValueError, match=r"topic|surrogates"):
        await sender.has_subscriber(topic)

    await sender.publish("MOL.REQ.b", b"last")
    assert await recorder.until_received(1) == [("MOL.REQ.b", b"last")]
    assert recorder.events == ["connected"]


async def test_subscribe_before_connect_receives(bus: Bus) -> None:
    transporter, recorder = await bus.transporter(), Recorder()
    await transporter.subscribe(["MOL.a", "MOL.a"])
    await transporter.connect(recorder)
    await transporter.subscribe(["MOL.a"])

    await transporter.publish("MOL.a", b"1")
    await transporter.publish("MOL.a", b"2")

    assert await recorder.until_received(2) == [("MOL.a", b"1"), ("MOL.a", b"2")]
    assert recorder.events == ["connected"]


async def test_subscribe_returns_when_no_packet_is_missed(bus: Bus) -> None:
    sender, _ = await bus.connected()
    receiver, recorder = await bus.connected()
    topics = [f"MOL.{number}" for number in range(20)]

    for topic in topics:
        await receiver.subscribe([topic])
        await sender.publish(topic, b"x")

    assert await recorder.until_received(20) == [(topic, b"x") for topic in topics]


async def test_has_subscriber_only_while_one_is_connected(bus: Bus) -> None:
    topic = f"MOL.PING.{secrets.token_hex(4)}"
    asker, _ = await bus.connected()
    assert not await asker.has_subscriber(topic)

    other, recorder = await bus.connected(topic)
    assert await asker.has_subscriber(topic)
    assert await other.has_subscriber(topic)

    await other.close()
    await until_false(asker.has_subscriber, topic)
    assert recorder.packets == []


async def until_false(function: object, topic: str) -> None:
    async with asyncio.timeout(20):
        while await function(topic):  # type: ignore[operator]  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_close_sends_published_packets_first(bus: Bus) -> None:
    sender, _ = await bus.connected("MOL.other")
    _, other = await bus.connected("MOL.DISCONNECT")
    sending = [asyncio.create_task(sender.publish("MOL.DISCONNECT", bytes(9000)))]
    for _ in range(100):
        sending.append(asyncio.create_task(sender.publish("MOL.DISCONNECT", bytes(9000))))
    await asyncio.gather(*sending)
    await sender.publish("MOL.DISCONNECT", b"last")
    await sender.close()

    packets = await other.until_received(102)
    assert packets[-1] == ("MOL.DISCONNECT", b"last")
    assert not sender.is_connected


async def test_close_is_not_an_outage(bus: Bus, caplog: pytest.LogCaptureFixture) -> None:
    transporter, recorder = await bus.connected("MOL.a")
    await transporter.close()
    await transporter.close()

    with pytest.raises(BusUnavailableError, match=f"{bus.name} at .* is not connected"):
        await transporter.publish("MOL.a", b"x")
    assert recorder.events == ["connected"]
    assert [record for record in caplog.records if record.levelno >= logging.INFO] == []


async def test_close_without_connect_does_nothing(bus: Bus) -> None:
    await (await bus.transporter()).close()


async def test_place_of_a_transporter_contains_no_credentials(bus: Bus) -> None:
    scheme, address = bus.server.url.split("://")
    transporter = await bus.transporter(url=f"{scheme}://user:s3cr3t@{address}")

    assert transporter.place == bus.server.url


async def test_publish_before_connect_raises(bus: Bus) -> None:
    transporter = await bus.transporter()

    with pytest.raises(BusUnavailableError):
        await transporter.publish("MOL.a", b"x")
    with pytest.raises(BusUnavailableError):
        await transporter.has_subscriber("MOL.a")
    assert not transporter.is_connected


async def test_close_while_bus_is_away_at_start_ends_quietly(
    bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    with reserved_port() as port:
        scheme = bus.server.url.split(":")[0]
        transporter = await bus.transporter(url=f"{scheme}://user:s3cr3t@127.0.0.1:{port}")
        recorder = Recorder()
        await transporter.connect(recorder)
        await until(lambda: "still cannot be used" in caplog.text)
        await transporter.close()

    assert recorder.events == []
    errors = [record for record in caplog.records if record.levelno >= logging.INFO]
    assert [record.name for record in errors] == [LOGGER]
    assert "s3cr3t" not in caplog.text
