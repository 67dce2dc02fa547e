"""Properties of packets that are encoded and read, for any value."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkernel import Response, SocketioSettings
from rxkernel.servers.socketio.encoded_packet import EncodedPacket
from rxkernel.servers.socketio.encoding import (
    encode_acknowledgement,
    encode_event,
    encode_packet,
)
from rxkernel.servers.socketio.packet import ACK, read_packet
from rxkernel.servers.socketio.packet_decoder import PacketDecoder
from rxkernel.servers.socketio.payload import acknowledgement
from rxkernel.servers.socketio.protocol_error import ProtocolError

_NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _NAMES
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=15,
)
_BINARY = st.recursive(
    _SCALARS | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(_NAMES.filter(lambda n: n != "_placeholder"), inner, max_size=3)
    ),
    max_leaves=8,
)
_NAMESPACES = st.sampled_from(["/", "/chat", "/a/b"])


def _same(one: EncodedPacket, other: EncodedPacket) -> None:
    assert (one.text, one.attachments) == (other.text, other.attachments)


@given(_NAMESPACES, st.integers(0, 2**53 - 1), _JSON | _BINARY, st.sampled_from([200, 201, 404]))
def test_acknowledgement_formatted_directly_equals_encoded_payload(
    namespace: str, id: int, content: Any, status: int
) -> None:
    response = Response(content, status)

    envelope = encode_packet(ACK, namespace, id, [acknowledgement(response)])

    _same(encode_acknowledgement(namespace, id, response), envelope)


def test_acknowledgement_with_headers_contains_them() -> None:
    encoded = encode_acknowledgement("/", 1, Response("x", headers={"X-Mine": "yes"}))

    assert encoded.text == b'431[{"statusCode":200,"headers":{"X-Mine":"yes"},"content":"x"}]'


@given(_NAMESPACES, st.none() | st.integers(0, 2**53 - 1), st.lists(_BINARY, max_size=3))
def test_packet_encoded_then_read_is_equal(
    namespace: str, id: int | None, args: list[Any]
) -> None:
    sent = encode_event(namespace, "event", tuple(args), id)
    assert sent.text is not None

    decoder = PacketDecoder(SocketioSettings(max_attachments=100))
    *partial, read = [decoder.add(frame) for frame in sent.frames]

    assert partial == [None] * len(sent.attachments)
    assert read is not None
    assert (read.namespace, read.id, read.missing) == (namespace, id, 0)
    assert read.data == ["event", *args]


_LIKE_A_PACKET = st.from_regex(
    r"[0-6](1-)?(/[a-z]*,)?[0-9]{0,3}(\[.{0,10}\]|\{.{0,10}\})?", fullmatch=True
)


@given(st.text() | _LIKE_A_PACKET)
def test_any_text_is_packet_or_protocol_error(text: str) -> None:
    try:
        read = read_packet(text, max_attachments=10)
    except ProtocolError:
        return
    assert 0 <= read.kind <= 6
    assert read.namespace.startswith("/")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_outside_json_raise_protocol_error(number: str) -> None:
    """``JSON.parse`` would fail in every browser that receives them in a broadcast."""
    with pytest.raises(ProtocolError, match="invalid JSON"):
        read_packet(f'2["event",{number}]', max_attachments=10)


def test_numbers_outside_json_cannot_be_encoded() -> None:
    sent = encode_event("/", "numbers", (float("nan"), float("inf")), None)

    assert sent.text is not None
    assert json.loads(sent.text[2:]) == ["numbers", None, None]
