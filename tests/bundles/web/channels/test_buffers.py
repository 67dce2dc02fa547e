"""The parts of channels: ids, buffers and subscribers."""

import asyncio
from typing import Any

import pytest

from bundles.web.channels.channel_event import ChannelEvent
from bundles.web.channels.event_ids import EventIds
from bundles.web.channels.replay_buffer import ReplayBuffer
from bundles.web.channels.settings import ChannelSettings
from bundles.web.channels.subscriber import Subscriber


def event(sequence: int, sent_at: float = 0.0, body: bytes = b"1") -> ChannelEvent:
    return ChannelEvent("e", body, id=f"run-{sequence}", sequence=sequence, sent_at=sent_at)


SIZE = event(1).size


def buffer_of(count: int, **settings: Any) -> ReplayBuffer:
    buffer = ReplayBuffer(ChannelSettings(**settings), 0)
    for sequence in range(1, count + 1):
        buffer.add(event(sequence, sent_at=float(sequence)))
    return buffer


def sequences(found: list[ChannelEvent] | None) -> list[int] | None:
    return None if found is None else [each.sequence for each in found]


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({}, [1, 2, 3, 4]),
        ({"replay_events": 2}, [3, 4]),
        ({"replay_size": 2 * SIZE}, [3, 4]),
        ({"replay_size": 2 * SIZE - 1}, [4]),
        ({"replay_age": 1.0}, [3, 4]),
        ({"replay_events": 0}, []),
    ],
    ids=["all", "events", "size", "one-byte-less", "age", "none"],
)
def test_buffer_drops_events_beyond_the_settings(
    settings: dict[str, float], kept: list[int]
) -> None:
    buffer = buffer_of(4, **settings)

    lost = 4 - len(kept)

    assert len(buffer) == len(kept)
    assert sequences(buffer.since(lost, 4.0)) == kept
    assert buffer.since(lost - 1, 4.0) is None or lost == 0
    assert sequences(buffer.since(4, 4.0)) == []


def test_buffer_since_an_event_that_is_too_old_is_unknown() -> None:
    buffer = buffer_of(4, replay_age=10.0)

    assert sequences(buffer.since(2, 5.0)) == [3, 4]
    assert buffer.since(2, 13.5) is None
    assert sequences(buffer.since(3, 13.5)) == [4]


def test_ids_are_ordered_and_unknown_in_another_run() -> None:
    ids, other = EventIds(), EventIds()
    ids.last = other.last = 12

    assert ids.sequence_of(ids.text_of(9)) == 9
    assert ids.sequence_of(other.text_of(9)) is None


@pytest.mark.parametrize(
    "number", ["", "x", "13", "-1", "1" * 40, "\u0663", "1.0", " 1"], ids=lambda text: repr(text)
)
def test_id_that_was_not_sent_is_unknown(number: str) -> None:
    ids = EventIds()
    ids.last = 12
    run = ids.text_of(1).removesuffix("1")

    assert ids.sequence_of(f"{run}{number}") is None
    assert ids.sequence_of(number) is None


async def test_subscriber_returns_replayed_events_first() -> None:
    subscriber = Subscriber(ChannelSettings(), lambda: pytest.fail("overflowed"))

    subscriber.put(event(3))
    subscriber.replay([event(1), event(2)])

    assert [(await subscriber.next()).sequence for _ in range(3)] == [1, 2, 3]  # type: ignore[union-attr] # none has ended


@pytest.mark.parametrize(
    ("settings", "most"),
    [({"max_waiting": 2}, 2), ({"max_waiting_size": 2 * SIZE}, 2), ({"max_waiting_size": 1}, 1)],
    ids=["events", "size", "one-large-event"],
)
async def test_subscriber_with_too_many_waiting_events_ends(
    settings: dict[str, Any], most: int
) -> None:
    overflows: list[int] = []
    subscriber = Subscriber(ChannelSettings(**settings), lambda: overflows.append(1))
    subscriber.replay([event(1), event(2), event(3)])  # not counted

    for sequence in range(most):
        subscriber.put(event(sequence))
    assert overflows == []
    subscriber.put(event(9))
    subscriber.put(event(10))

    assert overflows == [1]
    assert subscriber.is_ended
    assert await subscriber.next() is None


async def test_subscriber_that_waits_gets_the_next_event_and_the_end() -> None:
    subscriber = Subscriber(ChannelSettings(), lambda: pytest.fail("overflowed"))

    first = asyncio.create_task(subscriber.next())
    await asyncio.sleep(0)
    subscriber.put(event(1))
    found = await first
    last = asyncio.create_task(subscriber.next())
    await asyncio.sleep(0)
    subscriber.end()

    assert found is not None
    assert found.sequence == 1
    assert await last is None


async def test_subscriber_whose_wait_was_cancelled_keeps_the_event() -> None:
    subscriber = Subscriber(ChannelSettings(), lambda: pytest.fail("overflowed"))

    waiting = asyncio.create_task(subscriber.next())
    await asyncio.sleep(0)
    waiting.cancel()
    subscriber.put(event(1))
    await asyncio.wait({waiting})

    found = await subscriber.next()
    assert found is not None
    assert found.sequence == 1


@pytest.mark.parametrize(
    "settings",
    [{"retry": -1}, {"heartbeat_interval": 0}, {"replay_events": -1}, {"max_waiting": 0}],
    ids=lambda given: next(iter(given)),
)
def test_setting_out_of_range_is_rejected(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        ChannelSettings(**settings)
