"""A broadcaster delivers through the attached backends."""

from typing import Any

import pytest

from rxkernel import BroadcastBackend, Broadcaster


class Recorder(BroadcastBackend):
    """Records the arguments of each call."""

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
async def test_emit_with_rooms_passes_them_without_duplicates(
    room: str | list[str] | None, rooms: tuple[str, ...] | None
) -> None:
    broadcaster, backend = Broadcaster(), Recorder()
    broadcaster.attach(backend)

    await broadcaster.emit("news", room=room, namespace="/chat", skip="id")

    assert backend.delivered == [("news", (), rooms, "/chat", {"id"})]


async def test_emit_backend_raises_reaches_caller_and_skips_later_backends() -> None:
    class Failing(Recorder):
        async def broadcast(self, *arguments: Any) -> None:
            raise ConnectionError("the queue is gone")

    broadcaster, before, after = Broadcaster(), Recorder(), Recorder()
    for backend in (before, Failing(), after):
        broadcaster.attach(backend)

    with pytest.raises(ConnectionError, match="the queue is gone"):
        await broadcaster.emit("news")

    assert (len(before.delivered), after.delivered) == (1, [])
