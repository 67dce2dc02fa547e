"""The limits of a send queue, and the packets that it drops."""

from typing import Any

import pytest

from rxkernel import SocketioSettings
from rxkernel.servers.socketio.encoded_packet import EncodedPacket
from rxkernel.servers.socketio.protocol_error import ProtocolError
from rxkernel.servers.socketio.send_queue import SendQueue
from rxkernel.servers.socketio.session_limits import SessionLimits


def event(name: str, *attachments: bytes) -> EncodedPacket:
    return EncodedPacket(f'42["{name}"]'.encode(), attachments, is_event=True)


def acknowledgement(name: str) -> EncodedPacket:
    return EncodedPacket(f'431["{name}"]'.encode())


def send_queue(policy: str = "drop_oldest", **limits: Any) -> tuple[SendQueue, SessionLimits]:
    queue_limits = SessionLimits(SocketioSettings(outbound_policy=policy, **limits))
    return SendQueue(queue_limits, "sid"), queue_limits


def take_all(queue: SendQueue) -> list[str | bytes]:
    frames = []
    while queue:
        frames.append(queue.take())
    return frames


def test_take_returns_packets_in_order_with_attachments() -> None:
    queue, _ = send_queue()
    for packet in (event("a", b"1", b"2"), acknowledgement("b"), event("c")):
        queue.put(packet)

    assert take_all(queue) == ['42["a"]', b"1", b"2", '431["b"]', '42["c"]']
    assert (len(queue), queue.size) == (0, 0)


@pytest.mark.parametrize(
    ("limits", "setting"),
    [
        ({"max_outbound_messages": 2}, "socketio.max_outbound_messages"),
        ({"max_outbound_bytes": 14}, "socketio.max_outbound_bytes"),
    ],
)
def test_drop_oldest_drops_oldest_events_and_counts_each(
    limits: dict[str, Any], setting: str, caplog: pytest.LogCaptureFixture
) -> None:
    queue, queue_limits = send_queue(**limits)
    for name in "abcde":
        queue.put(event(name))

    assert take_all(queue) == ['42["d"]', '42["e"]']
    assert queue_limits.counts == {setting: 3}
    assert [setting in record.getMessage() for record in caplog.records] == [True]


def test_drop_oldest_drops_attachments_with_their_event() -> None:
    queue, _ = send_queue(max_outbound_messages=2)
    for name in "abcd":
        queue.put(event(name, name.encode(), name.encode()))

    assert take_all(queue) == ['42["c"]', b"c", b"c", '42["d"]', b"d", b"d"]
    assert queue.size == 0


def test_drop_oldest_keeps_partly_taken_packet() -> None:
    queue, _ = send_queue(max_outbound_messages=1)
    queue.put(event("begun", b"1", b"2"))
    assert queue.take() == '42["begun"]'

    for name in "abc":
        queue.put(event(name))

    assert take_all(queue) == [b"1", b"2", '42["c"]']


def test_max_outbound_bytes_includes_attachments() -> None:
    queue, queue_limits = send_queue(max_outbound_bytes=50)
    queue.put(event("a", b"x" * 30))
    queue.put(event("b", b"x" * 30))

    assert take_all(queue) == ['42["b"]', b"x" * 30]
    assert queue_limits.counts == {"socketio.max_outbound_bytes": 1}


def test_drop_oldest_keeps_acknowledgements_and_protocol_packets() -> None:
    queue, queue_limits = send_queue(max_outbound_messages=3)
    for packet in (
        event("a"),
        acknowledgement("1"),
        EncodedPacket(b"2"),
        event("b"),
        event("c"),
        acknowledgement("2"),
    ):
        queue.put(packet)

    assert take_all(queue) == ['431["1"]', "2", '431["2"]']
    assert queue_limits.counts == {"socketio.max_outbound_messages": 3}


def test_drop_oldest_without_older_events_drops_new_event() -> None:
    queue, _ = send_queue(max_outbound_messages=2)
    for packet in (acknowledgement("1"), acknowledgement("2"), event("a")):
        queue.put(packet)

    assert take_all(queue) == ['431["1"]', '431["2"]']


def test_acknowledgements_above_limit_raise_under_either_policy() -> None:
    for policy in ("drop_oldest", "disconnect"):
        queue, _ = send_queue(policy, max_outbound_messages=2)
        queue.put(acknowledgement("1"))
        queue.put(acknowledgement("2"))
        with pytest.raises(ProtocolError) as raised:
            queue.put(acknowledgement("3"))
        assert raised.value.setting == "socketio.max_outbound_messages"


@pytest.mark.parametrize(
    ("limits", "setting"),
    [
        ({"max_outbound_messages": 2}, "socketio.max_outbound_messages"),
        ({"max_outbound_bytes": 20}, "socketio.max_outbound_bytes"),
    ],
)
def test_disconnect_policy_above_limit_raises(limits: dict[str, Any], setting: str) -> None:
    queue, _ = send_queue("disconnect", **limits)
    queue.put(event("a"))
    queue.put(event("b"))

    with pytest.raises(ProtocolError) as raised:
        queue.put(event("c"))
    assert raised.value.setting == setting


@pytest.mark.parametrize("policy", ["drop_oldest", "disconnect"])
def test_single_packet_above_max_outbound_bytes_is_accepted(policy: str) -> None:
    queue, queue_limits = send_queue(policy, max_outbound_bytes=10)
    queue.put(event("large", b"x" * 1000))

    assert take_all(queue) == ['42["large"]', b"x" * 1000]
    assert queue_limits.counts == {}


def test_take_makes_room() -> None:
    queue, queue_limits = send_queue("disconnect", max_outbound_messages=2, max_outbound_bytes=20)
    for _ in range(50):
        queue.put(event("a"))
        queue.put(event("b"))
        assert [queue.take(), queue.take()] == ['42["a"]', '42["b"]']
    assert (queue_limits.counts, queue.size) == ({}, 0)
