"""Links on a bus in memory: heartbeats, and messages that must not be used."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator

import pytest

from bundles.scale import ScaleSettings
from bundles.scale.bus.cluster_link import ClusterLink
from bundles.scale.bus.jobs import Jobs
from bundles.scale.bus.requests import Requests
from bundles.scale.bus.seal import VERSION, Kind, Message, Seal
from rxkernel.kernel.serialization import SERIALIZER
from tests.bundles.gateway.cluster.memory_bus import MemoryBus, MemoryTransporter
from tests.bundles.scale.process import SECRET
from tests.waiting import until

SETTINGS = ScaleSettings(
    heartbeat_interval=0.05, heartbeat_timeout=0.3, max_message_size=2000, max_queue_size=5000
)
SENDER = b"attacker"


class Missed:
    """Counts its calls."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self) -> None:
        self.number += 1


class Linked:
    """A link, and the bodies of the events that it has received."""

    def __init__(self, bus: MemoryBus, secret: str = SECRET) -> None:
        self.transporter = MemoryTransporter(bus)
        self.link = ClusterLink(self.transporter, SETTINGS, secret)
        self.events: list[bytes] = []
        self.link.handlers[Kind.EVENT] = lambda sender, body: self.events.append(body)

    @property
    def counts(self) -> dict[str, int]:
        return {reason: count for reason, count in self.link.counts.items() if count}


@pytest.fixture
def bus() -> MemoryBus:
    return MemoryBus()


@pytest.fixture
async def linked(bus: MemoryBus) -> AsyncIterator[tuple[Linked, Linked]]:
    pair = Linked(bus), Linked(bus)
    for one in pair:
        await one.link.start()
    for one in pair:
        await _sees_another(one)
    yield pair
    for one in pair:
        await one.link.stop()


async def _sees_another(one: Linked) -> None:
    await until(lambda: one.link.others)


async def test_process_that_does_not_receive_its_own_heartbeat_has_a_problem(
    linked: tuple[Linked, Linked],
) -> None:
    deaf, other = linked
    assert deaf.link.problem is None

    deaf.transporter.topics.clear()
    await until(lambda: deaf.link.problem is not None)

    assert deaf.link.problem == "no own heartbeat through memory within 0.3 s"
    assert not deaf.link.send(Kind.EVENT, b"sent nevertheless")
    await until(lambda: other.events)
    assert other.link.problem is None


async def test_killed_process_vanishes_and_comes_back(
    bus: MemoryBus, linked: tuple[Linked, Linked]
) -> None:
    left: list[bytes] = []
    missed = Missed()
    here, there = linked
    here.link.left.append(left.append)
    here.link.missed = missed

    bus.transporters.remove(there.transporter)
    there.transporter.is_cut_off = True
    await until(lambda: not here.link.others)
    assert left == [there.link.id]
    assert missed.number == 1  # the process may have changed something without a message

    bus.transporters.append(there.transporter)
    there.transporter.reconnect()
    await until(lambda: here.link.others)


@pytest.mark.parametrize("clock", [0.0, 61.0], ids=["secret", "clock"])
async def test_process_that_rejects_all_messages_has_a_problem(
    bus: MemoryBus, monkeypatch: pytest.MonkeyPatch, clock: float
) -> None:
    """Another secret, or a clock that differs by a minute, separates the processes without an
    error."""
    alien = Linked(bus)
    secret = SECRET if clock else "x" * 32
    seal = Seal(secret, SETTINGS.max_message_size, lambda: time.time() + clock)
    monkeypatch.setattr(alien.link, "_seal", seal)
    here, there = Linked(bus), Linked(bus)
    for one in (here, alien):
        await one.link.start()

    await until(lambda: here.link.problem is not None and alien.link.problem is not None)
    assert here.link.problem == alien.link.problem
    expected = "the clocks of the machines" if clock else "scale.secret must be the same"
    assert expected in str(alien.link.problem)
    assert not alien.link.send(Kind.EVENT, b"")

    await there.link.start()  # the majority: now two processes know that their settings fit
    await until(lambda: here.link.problem is None)
    assert alien.link.problem is not None

    for one in (here, there):
        await one.link.stop()
    await until(lambda: alien.link.problem is None)  # the process is alone
    await alien.link.stop()


async def test_request_is_incomplete_while_a_process_may_hang(
    bus: MemoryBus, linked: tuple[Linked, Linked], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process may continue after its silence, with its connections."""
    here, there = linked
    requests = Requests(here.link, SERIALIZER, Jobs())

    async def is_complete() -> bool:
        return (await requests.send("change", timeout=20)).is_complete

    asking = asyncio.create_task(is_complete())  # the process becomes silent meanwhile
    bus.transporters.remove(there.transporter)
    there.transporter.is_cut_off = True
    assert not await asking
    assert not here.link.others
    assert not await is_complete()

    with monkeypatch.context() as patch:
        patch.setattr("bundles.scale.bus.members._DOUBT", 0.0)
        assert await is_complete()

    bus.transporters.append(there.transporter)
    there.transporter.reconnect()
    await until(lambda: here.link.others)
    assert not here.link.silent

    there.link.handlers[Kind.REQUEST] = lambda sender, body: None
    asking = asyncio.create_task(is_complete())
    await there.link.stop()
    assert await asking
    assert await is_complete()


async def test_process_without_heartbeats_keeps_the_others_until_its_own_arrives(
    bus: MemoryBus, linked: tuple[Linked, Linked]
) -> None:
    here, there = linked
    here.transporter.topics.clear()
    bus.transporters.remove(there.transporter)
    there.transporter.is_cut_off = True
    silent = time.monotonic()
    await until(lambda: time.monotonic() - silent > 2 * SETTINGS.heartbeat_timeout)
    assert here.link.others == {there.link.id}

    here.transporter.topics.add("rxkernel.all")
    heard = time.monotonic()
    await until(lambda: not here.link.others)
    assert time.monotonic() - heard > SETTINGS.heartbeat_timeout / 2


async def test_heartbeat_contains_the_status_of_its_process(linked: tuple[Linked, Linked]) -> None:
    here, there = linked
    heard: list[tuple[bytes, bytes]] = []
    there.link.heard = lambda sender, status: heard.append((sender, status))

    here.link.status = lambda: b"tea"
    await until(lambda: (here.link.id, b"tea") in heard)


async def test_lost_messages_are_counted(linked: tuple[Linked, Linked]) -> None:
    here, there = linked
    here.link.send(Kind.EVENT, b"first")
    await until(lambda: there.events == [b"first"])
    there.transporter.topics.clear()
    for _ in range(3):
        assert here.link.send(Kind.EVENT, b"lost")
    await until(lambda: here.link.figures["bus.waiting_bytes"] == 0)
    there.transporter.topics.add("rxkernel.all")

    missed = there.link.missed = Missed()

    here.link.send(Kind.EVENT, b"seen")
    await until(lambda: there.events == [b"first", b"seen"])

    assert there.counts["bus.lost"] >= 3
    assert missed.number == 1


async def test_reconnection_is_reported_as_missed_messages(linked: tuple[Linked, Linked]) -> None:
    here, _ = linked
    missed = here.link.missed = Missed()

    here.transporter.reconnect()

    assert missed.number == 1


async def test_process_that_stops_is_not_reported_as_missed_messages(
    linked: tuple[Linked, Linked],
) -> None:
    here, there = linked
    missed = here.link.missed = Missed()

    await there.link.stop()
    await until(lambda: not here.link.others)

    assert missed.number == 0


def _frame(
    topic: str = "rxkernel.all",
    *,
    number: int = 1,
    secret: str = SECRET,
    body: bytes = b"",
    age: float = 0.0,
) -> bytes:
    """The frame of an event that was sent *age* seconds ago."""
    now = time.time()
    seal = Seal(secret, 10_000, clock=lambda: now - age)
    return seal.close(topic, Message(SENDER, Kind.EVENT, number, body))


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"", "invalid"),
        (b"\x01short", "invalid"),
        (bytes((VERSION + 1,)) + _frame()[1:], "wrong_version"),
        (_frame(secret="x" * 32), "wrong_signature"),
        (_frame("rxkernel.other"), "wrong_signature"),
        (_frame(body=b"text")[:-1] + b"\xff", "wrong_signature"),
        (_frame(body=b"x" * 2000), "too_large"),
        (_frame(age=61.0), "expired"),
        (_frame(age=-1e6), "expired"),
        (_frame(age=float("nan")), "expired"),
    ],
    ids=[
        "empty",
        "short",
        "version",
        "secret",
        "other-topic",
        "changed",
        "large",
        "old",
        "early",
        "no-time",
    ],
)
async def test_message_that_is_not_of_the_application_is_dropped_and_logged_once(
    bus: MemoryBus,
    linked: tuple[Linked, Linked],
    frame: bytes,
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    here, _ = linked
    for _ in range(2):
        bus.publish("rxkernel.all", frame)
    await until(lambda: here.counts == {f"bus.{reason}": 2})

    assert here.events == []
    logged = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert len(logged) == len(linked)


async def test_message_that_is_sent_again_is_dropped(
    bus: MemoryBus, linked: tuple[Linked, Linked]
) -> None:
    here, _ = linked
    for number in (1, 2, 2, 1, 3):
        bus.publish("rxkernel.all", _frame(number=number, body=b"%d" % number))
    await until(lambda: here.counts)

    await until(lambda: here.events == [b"1", b"2", b"3"])
    assert here.counts == {"bus.replayed": 2}


async def test_handler_that_fails_does_not_end_the_link(linked: tuple[Linked, Linked]) -> None:
    here, there = linked

    def fail(sender: bytes, body: bytes) -> None:
        raise RuntimeError("a bug")

    there.link.handlers[Kind.REPLY] = fail
    here.link.send(Kind.REPLY, b"")
    here.link.send(Kind.EVENT, b"next")
    await until(lambda: there.events == [b"next"])

    assert there.counts == {"bus.invalid": 1}


async def test_large_message_and_full_queue_are_not_sent(linked: tuple[Linked, Linked]) -> None:
    here, there = linked

    assert not here.link.send(Kind.EVENT, b"x" * 2000)
    assert [here.link.send(Kind.EVENT, b"x" * 1500) for _ in range(4)] == [True] * 3 + [False]

    await until(lambda: len(there.events) == 3)
    assert here.counts == {"bus.too_large": 1, "bus.unsent": 1}
