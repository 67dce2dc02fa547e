"""A broadcaster delivers through the attached backends."""

from typing import Any

import pytest

from rxkernel import BroadcastBackend, Broadcaster


class Recorder(BroadcastBackend):
    """Records what it is asked to deliver."""

    def __init__(self) -> None:
        self.delivered: list[tuple[Any, ...]] = []

    async def broadcast(
        self,
        event: str,
        args: tuple[Any, ...],
        rooms: tuple[str, ...] | None,
        namespace: str,
        skip: set[str],
    ) -> None:
        self.delivered.append((event, args, rooms, namespace, skip))


async def test_emit_reaches_each_attached_backend_once() -> None:
    broadcaster, one, other = Broadcaster(), Recorder(), Recorder()
    for backend in (one, other, one):
        broadcaster.attach(backend)

    await broadcaster.emit("news", 1, 2)

    assert one.delivered == other.delivered == [("news", (1, 2), None, "/", set())]


async def test_emit_after_detach_does_not_reach_the_backend() -> None:
    broadcaster, backend = Broadcaster(), Recorder()
    broadcaster.attach(backend)

    broadcaster.detach(backend)
    broadcaster.detach(backend)
    await broadcaster.emit("news")

    assert backend.delivered == []


@pytest.mark.parametrize(
    ("room", "rooms"),
    [(None, None), ("red", ("red",)), (["red", "blue", "red"], ("red", "blue")), ([], ())],
)
async def test_emit_rooms_are_given_without_duplicates(
    room: str | list[str] | None, rooms: tuple[str, ...] | None
) -> None:
    broadcaster, backend = Broadcaster(), Recorder()
    broadcaster.attach(backend)

    await broadcaster.emit("news", room=room, namespace="/chat", skip="id")

    assert backend.delivered == [("news", (), rooms, "/chat", {"id"})]
