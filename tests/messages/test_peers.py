"""Services send messages to their instances in other processes through a backend."""

import asyncio
import logging
from typing import Any

import pytest

from rxkernel import (
    ConfigurationError,
    PeerBackend,
    Peers,
    RxKernelError,
    ServiceUnavailableException,
)


class Recorder(PeerBackend):
    def __init__(self) -> None:
        self.are_heard = True
        self.sent: list[tuple[str, Any]] = []

    def send(self, topic: str, data: Any) -> bool:
        self.sent.append((topic, data))
        return self.are_heard


async def test_send_without_backend_succeeds_without_peers() -> None:
    peers = Peers()

    assert peers.send("shop.prices", 1)
    assert (peers.are_connected, peers.are_heard) == (False, True)


async def test_send_passes_data_to_the_attached_backend() -> None:
    peers, backend = Peers(), Recorder()
    peers.attach(backend)
    peers.attach(backend)

    assert peers.send("shop.prices", {"tea": 1})
    assert (peers.are_connected, peers.are_heard) == (True, True)
    backend.are_heard = False
    assert not peers.send("shop.prices")
    assert not peers.are_heard
    assert backend.sent == [("shop.prices", {"tea": 1}), ("shop.prices", None)]

    peers.detach(Recorder())
    peers.detach(backend)
    assert not peers.are_connected


async def test_second_backend_is_rejected() -> None:
    peers = Peers()
    peers.attach(Recorder())

    with pytest.raises(ConfigurationError, match="enable one such bundle only"):
        peers.attach(Recorder())


async def test_send_in_another_event_loop_raises() -> None:
    peers = Peers()
    peers.attach(Recorder())

    async def send() -> bool:
        return peers.send("shop.prices")

    with pytest.raises(RxKernelError, match=r"Peers.send\(\) was called outside"):
        await asyncio.to_thread(asyncio.run, send())


async def test_message_is_passed_to_the_handler_of_its_topic(
    caplog: pytest.LogCaptureFixture,
) -> None:
    peers = Peers()
    received: list[Any] = []

    async def receive(data: Any) -> None:
        received.append(data)
        if data is None:
            raise RuntimeError("a bug")

    peers.listen("shop.prices", receive)
    with pytest.raises(ConfigurationError, match="already has a handler; use another topic"):
        peers.listen("shop.prices", receive)
    peers.listen("shop.stock", receive, in_order=False)
    assert peers.is_in_order("shop.prices")
    assert not peers.is_in_order("shop.stock")
    await peers.deliver("shop.prices", 1)
    await peers.deliver("shop.prices", None)
    await peers.deliver("other", 2)

    assert received == [1, None]
    assert [record.getMessage() for record in caplog.records] == [
        "handling a message of another process failed: shop.prices"
    ]


async def test_missed_messages_are_reported_to_each_handler(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """`ServiceUnavailableException` is not logged: the store has logged it already."""
    peers = Peers()
    errors: list[Exception | None] = [ServiceUnavailableException("away"), RuntimeError("a bug")]
    called = 0

    async def look() -> None:
        if (error := errors.pop(0)) is not None:
            raise error

    async def count() -> None:
        nonlocal called
        called += 1

    for handler in (look, count):
        peers.when_missed(handler)
    with caplog.at_level(logging.WARNING):
        assert not await peers.report_missed()
        assert caplog.records == []
        assert not await peers.report_missed()
        assert "a handler of Peers.when_missed failed" in caplog.text
        errors.append(None)
        assert await peers.report_missed()
    assert called == 3
