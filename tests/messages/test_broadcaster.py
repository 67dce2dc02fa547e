"""A broadcaster delivers through the attached backends."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from rxkernel import (
    BroadcastBackend,
    Broadcaster,
    ConnectionInfo,
    NotConnectedError,
    RxKernelError,
)


class Recorder(BroadcastBackend):
    """Records the arguments of each call."""

    is_local = True

    def __init__(self, *connected: ConnectionInfo, is_complete: bool = True) -> None:
        self.delivered: list[tuple[Any, ...]] = []
        self.connected = connected
        self.is_complete = is_complete

    async def broadcast(
        self,
        event: str,
        args: tuple[Any, ...],
        rooms: tuple[str, ...] | None,
        namespace: str,
        skip: set[str],
        volatile: bool,
    ) -> bool:
        self.delivered.append((event, args, rooms, namespace, skip))
        return self.is_complete

    async def connections(
        self, rooms: tuple[str, ...] | None, namespace: str
    ) -> Sequence[ConnectionInfo]:
        self.delivered.append(("connections", rooms, namespace))
        return self.connected

    async def change(
        self,
        rooms: tuple[str, ...],
        namespace: str,
        *,
        join: tuple[str, ...] = (),
        leave: tuple[str, ...] = (),
        disconnect: bool = False,
    ) -> bool:
        self.delivered.append((rooms, namespace, join, leave, disconnect))
        return self.is_complete

    async def call(
        self, id: str, event: str, args: tuple[Any, ...], namespace: str, timeout: float
    ) -> Any:
        if id not in {one.id for one in self.connected}:
            raise NotConnectedError(id)
        return event, args, namespace, timeout


class Remote(Recorder):
    is_local = False


def info(id: str) -> ConnectionInfo:
    return ConnectionInfo(id, "/", frozenset())


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
        async def broadcast(self, *arguments: Any) -> bool:
            raise ConnectionError("the queue is gone")

    broadcaster, before, after = Broadcaster(), Recorder(), Recorder()
    for backend in (before, Failing(), after):
        broadcaster.attach(backend)

    with pytest.raises(ConnectionError, match="the queue is gone"):
        await broadcaster.emit("news")

    assert (len(before.delivered), after.delivered) == (1, [])


Call = Callable[[Broadcaster], Awaitable[Any]]


async def test_local_call_skips_backends_of_other_processes() -> None:
    broadcaster, local, remote = Broadcaster(), Recorder(), Remote(info("a"))
    for backend in (local, remote):
        broadcaster.attach(backend)

    await broadcaster.emit("news", local=True)
    await broadcaster.join("a", "red", local=True)
    await broadcaster.leave("a", "red", local=True)
    await broadcaster.disconnect("a", local=True)
    assert await broadcaster.connections(local=True) == []
    with pytest.raises(NotConnectedError):
        await broadcaster.call("a", "who", local=True)

    assert (len(local.delivered), remote.delivered) == (5, [])


@pytest.mark.parametrize("is_complete", [True, False])
async def test_process_not_reached_returns_false(is_complete: bool) -> None:
    broadcaster = Broadcaster()
    for backend in (Remote(is_complete=is_complete), Recorder()):
        broadcaster.attach(backend)

    assert await broadcaster.emit("news") is is_complete
    assert await broadcaster.join("a", "red") is is_complete
    assert await broadcaster.leave("a", "red") is is_complete
    assert await broadcaster.disconnect("a") is is_complete


async def test_changes_pass_targets_and_rooms_without_duplicates() -> None:
    broadcaster, backend = Broadcaster(), Recorder()
    broadcaster.attach(backend)

    await broadcaster.join("a", ["red", "blue", "red"], "/chat")
    await broadcaster.leave(["a", "b", "a"], "red")
    await broadcaster.disconnect(["a"], "/chat")

    assert backend.delivered == [
        (("a",), "/chat", ("red", "blue"), (), False),
        (("a", "b"), "/", (), ("red",), False),
        (("a",), "/chat", (), (), True),
    ]


@pytest.mark.parametrize(
    "call",
    [
        lambda b: b.join(None, "red"),
        lambda b: b.join("a", None),
        lambda b: b.leave(None, "red"),
        lambda b: b.leave("a", None),
        lambda b: b.disconnect(None),
        lambda b: b.disconnect(7),
        lambda b: b.join("a", ["red", None]),
        lambda b: b.connections(7),
    ],
)
async def test_target_or_room_not_a_str_raises(call: Call) -> None:
    """A missing id must not mean every client."""
    broadcaster, backend = Broadcaster(), Recorder()
    broadcaster.attach(backend)

    with pytest.raises(TypeError, match=r"(room|target) is .*; pass a str"):
        await call(broadcaster)

    assert backend.delivered == []


async def test_connections_lists_each_client_once() -> None:
    broadcaster = Broadcaster()
    for backend in (Recorder(info("a"), info("b")), Remote(info("b"), info("c"))):
        broadcaster.attach(backend)

    assert await broadcaster.connections() == [info("a"), info("b"), info("c")]


async def test_call_asks_the_backend_that_has_the_connection() -> None:
    broadcaster = Broadcaster()
    for backend in (Recorder(info("a")), Remote(info("b"))):
        broadcaster.attach(backend)

    assert await broadcaster.call("b", "who", 1, timeout=2) == ("who", (1,), "/", 2)
    with pytest.raises(NotConnectedError, match=r"no client has the id 'c' in the namespace '/'"):
        await broadcaster.call("c", "who")


@pytest.mark.parametrize(
    "call",
    [
        lambda b: b.emit("news"),
        lambda b: b.connections(),
        lambda b: b.join("a", "red"),
        lambda b: b.leave("a", "red"),
        lambda b: b.disconnect("a"),
        lambda b: b.call("a", "who"),
    ],
)
async def test_call_in_another_event_loop_raises(call: Call) -> None:
    """The event loop of the servers would not be woken: the packet is sent late, or never."""
    broadcaster, backend = Broadcaster(), Recorder(info("a"))
    broadcaster.attach(backend)

    def in_thread() -> None:
        async def work() -> None:
            await call(broadcaster)

        asyncio.run(work())

    with pytest.raises(RxKernelError, match=r"outside of the event loop .*emit_threadsafe"):
        await asyncio.to_thread(in_thread)
    assert backend.delivered == []


async def test_emit_threadsafe_in_thread_delivers_in_the_event_loop() -> None:
    broadcaster, backend = Broadcaster(), Recorder()
    broadcaster.attach(backend)

    def in_thread() -> bool:
        sent = broadcaster.emit_threadsafe("news", 1, room="red", namespace="/chat", skip="id")
        return sent.result(timeout=20)

    assert await asyncio.to_thread(in_thread)
    assert backend.delivered == [("news", (1,), ("red",), "/chat", {"id"})]


async def test_emit_threadsafe_error_is_logged_and_raised_by_result(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Failing(Recorder):
        async def broadcast(self, *arguments: Any) -> bool:
            raise ConnectionError("the queue is gone")

    broadcaster = Broadcaster()
    broadcaster.attach(Failing())

    with pytest.raises(ConnectionError, match="the queue is gone"):
        await asyncio.to_thread(lambda: broadcaster.emit_threadsafe("news").result(timeout=20))
    assert "emit_threadsafe() failed" in caplog.text


async def test_emit_threadsafe_sends_the_arguments_as_they_were() -> None:
    """The caller goes on while the event loop is busy."""
    broadcaster, backend = Broadcaster(), Recorder()
    broadcaster.attach(backend)
    state, rooms, skip = {"done": [50]}, ["red"], {"id"}

    sent = broadcaster.emit_threadsafe("progress", state, room=rooms, skip=skip)
    state["done"].append(100)
    rooms.append("blue")
    skip.clear()
    await asyncio.wrap_future(sent)

    assert backend.delivered == [("progress", ({"done": [50]},), ("red",), "/", {"id"})]


async def test_emit_threadsafe_rejects_invalid_calls_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def unencodable(value: object) -> None:
        raise TypeError(f"{value} cannot be encoded as JSON")

    broadcaster, backend = Broadcaster(unencodable), Recorder()
    broadcaster.attach(backend)

    with pytest.raises(TypeError, match="room is 7"):
        broadcaster.emit_threadsafe("news", room=7)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="name of the event is 5"):
        broadcaster.emit_threadsafe(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="cannot be encoded as JSON"):
        broadcaster.emit_threadsafe("news", 1)

    await asyncio.sleep(0)
    assert (backend.delivered, caplog.text) == ([], "")


@pytest.mark.parametrize("name", [5, None, b"news", ["news"]], ids=repr)
async def test_event_whose_name_is_not_a_str_raises(name: Any) -> None:
    broadcaster, backend = Broadcaster(), Recorder(info("a"))
    broadcaster.attach(backend)

    for send in (broadcaster.emit(name, 1), broadcaster.call("a", name)):
        with pytest.raises(TypeError, match=r"name of the event is .*; pass a str"):
            await send
    assert backend.delivered == []


async def test_emit_threadsafe_without_backends_returns() -> None:
    broadcaster, backend = Broadcaster(), Recorder()
    assert broadcaster.emit_threadsafe("news").result(timeout=0)
    broadcaster.attach(backend)
    broadcaster.detach(backend)

    assert broadcaster.emit_threadsafe("news").result(timeout=0)
    assert backend.delivered == []
