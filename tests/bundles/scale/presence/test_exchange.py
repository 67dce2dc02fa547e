"""Lists of another process when messages are missing, early or invalid."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from bundles.scale import Member, ScaleSettings
from bundles.scale.bus.cluster_link import ClusterLink
from bundles.scale.bus.seal import Kind
from bundles.scale.presence.entry import Entry, Place
from bundles.scale.presence.exchange import Ask, Entered, Exchange, Left, Part
from bundles.scale.presence.occupants import Occupants
from tests.bundles.gateway.cluster.memory_bus import MemoryBus, MemoryTransporter
from tests.bundles.scale.process import SECRET
from tests.waiting import until

SETTINGS = ScaleSettings(heartbeat_interval=0.05, heartbeat_timeout=0.5)
TEA = Place("/", "tea")


def encoded(user: str) -> msgspec.Raw:
    return msgspec.Raw(msgspec.msgpack.encode(Entry("/", "tea", f"id of {user}", user, None)))


class Other:
    """Another process; the test writes its messages."""

    def __init__(self, bus: MemoryBus) -> None:
        self.link = ClusterLink(MemoryTransporter(bus), SETTINGS, SECRET)
        self.version = 0
        self.asked = 0
        self.link.status = lambda: self.version.to_bytes(8, "big")
        self.link.handlers[Kind.PRESENCE] = self._received

    def _received(self, sender: bytes, body: bytes) -> None:
        msgspec.msgpack.decode(body, type=Ask)
        self.asked += 1

    def send(self, *messages: msgspec.Struct) -> None:
        for message in messages:
            self.link.send(Kind.PRESENCE, msgspec.msgpack.encode(message))


@pytest.fixture
def occupants() -> Occupants:
    return Occupants()


@pytest.fixture
async def other(occupants: Occupants) -> AsyncIterator[Other]:
    bus = MemoryBus()
    here, other = ClusterLink(MemoryTransporter(bus), SETTINGS, SECRET), Other(bus)
    Exchange(here, occupants, SETTINGS.max_message_size)
    for link in (here, other.link):
        await link.start()
    await until(lambda: here.others and other.link.others)
    yield other
    for link in (here, other.link):
        await link.stop()


async def test_changes_are_applied_in_their_order(other: Other, occupants: Occupants) -> None:
    other.version = 3
    other.send(
        Entered(1, encoded("ada")), Entered(2, encoded("bob")), Left(3, "/", "tea", "id of ada")
    )

    await until(lambda: occupants.members(TEA) == [Member("bob", (None,))])
    assert not other.asked


async def test_missed_change_requests_the_list_until_it_arrives(
    other: Other, occupants: Occupants
) -> None:
    other.version = 2
    other.send(Entered(2, encoded("bob")))

    await until(lambda: other.asked >= 2)
    assert occupants.members(TEA) == []
    other.send(Part(2, 0, True, [encoded("ada"), encoded("bob")]))
    await until(lambda: len(occupants.members(TEA)) == 2)
    other.version = 4
    other.send(Left(3, "/", "tea", "id of nobody"), Entered(4, encoded("eve")))
    await until(lambda: len(occupants.members(TEA)) == 3)


async def test_list_with_a_missing_part_is_not_used(other: Other, occupants: Occupants) -> None:
    other.version = 5
    other.send(
        Part(5, 1, True, [encoded("early")]),
        Part(5, 0, False, [encoded("ada")]),
        Part(5, 2, True, [encoded("eve")]),
        Part(4, 1, True, [encoded("old")]),
    )
    await until(lambda: other.asked >= 2)
    assert occupants.members(TEA) == []

    other.send(Part(5, 0, False, [encoded("ada")]), Part(5, 1, True, [encoded("bob")]))
    await until(lambda: len(occupants.members(TEA)) == 2)


@pytest.mark.parametrize(
    "body",
    [b"", b"\xc1", b"\x90", msgspec.msgpack.encode([1, 1, ["/", "tea", 5, "ada", None]])],
    ids=["empty", "not-msgpack", "short", "wrong-type"],
)
async def test_invalid_message_is_dropped(
    other: Other, occupants: Occupants, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    other.link.send(Kind.PRESENCE, body)
    other.version = 1
    other.send(Entered(1, encoded("ada")))

    await until(lambda: occupants.members(TEA) == [Member("ada", (None,))])
    assert "handling a message of the bus failed" in caplog.text


async def test_list_is_dropped_when_its_process_ends(other: Other, occupants: Occupants) -> None:
    changes: list[tuple[Place, str]] = []
    other.version = 1
    other.send(Entered(1, encoded("ada")))
    await until(lambda: occupants.members(TEA))
    occupants.changed = lambda place, user: changes.append((place, user))

    await other.link.stop()
    await until(lambda: changes)
    assert occupants.members(TEA) == []
    assert changes == [(TEA, "ada")]
