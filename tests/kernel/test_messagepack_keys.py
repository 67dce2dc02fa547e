"""Keys of MessagePack that are not strings are found before a map is built."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkernel import BadRequestException
from rxkernel.kernel.messagepack import decode_msgpack, encode_msgpack
from rxkernel.kernel.messagepack_keys import has_other_keys

PADDING = b"\xc6\x00\x00\x04\x00" + b"\xdf" * 1024  # large enough that keys are checked first

NIL, TRUE, ARRAY = b"\xc0", b"\xc3", b"\x90"


def padded(encoded: bytes) -> bytes:
    """An array of the padding and the value."""
    return b"\x92" + PADDING + encoded


def map_of(*keys: bytes) -> bytes:
    return b"\xdf" + len(keys).to_bytes(4) + b"".join(key + NIL for key in keys)


STRINGS = [
    b"\xa1a",
    b"\xbf" + b"a" * 31,
    b"\xd9\x02aa",
    b"\xda\x01\x00" + b"\x80" * 256,
    b"\xdb\x00\x01\x00\x00" + b"\xdf" * 65536,
]
OTHERS = [
    b"\x01",
    b"\xff",
    NIL,
    TRUE,
    ARRAY,
    b"\x92\x01\x02",
    b"\x80",
    b"\xc4\x01a",
    b"\xca\x00\x00\x00\x00",
    b"\xcf" + b"\x01" * 8,
    b"\xd3" + b"\x01" * 8,
    b"\xd6\xff\x00\x00\x00\x01",
    b"\xdc\x00\x01\x01",
]
VALUES = [
    *STRINGS,
    *OTHERS,
    b"\xc2",
    b"\xc5\x00\x02\xdf\x00",
    b"\xc6\x00\x00\x00\x02\xdf\x00",
    b"\xc7\x04\xff\x00\x00\x00\x01",
    b"\xc7\x0c\xff" + b"\x00" * 12,
    b"\xc8\x00\x04\xff\x00\x00\x00\x01",
    b"\xc9\x00\x00\x00\x04\xff\x00\x00\x00\x01",
    b"\xcb" + b"\x00" * 8,
    b"\xcc\xdf",
    b"\xcd\xdf\xdf",
    b"\xce\xdf\xdf\xdf\xdf",
    b"\xd0\xdf",
    b"\xd1\xdf\xdf",
    b"\xd2\xdf\xdf\xdf\xdf",
    b"\xd7\xff" + b"\x00" * 8,
    b"\xdd\x00\x00\x00\x02\x01\x80",
    b"\x81\xa1a\x81\xa1b\x90",
    b"\xde\x00\x01\xa1a\x01",
    map_of(*STRINGS),
]


@pytest.mark.parametrize("key", OTHERS, ids=bytes.hex)
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_other_key_is_found_after_any_value(key: bytes, value: bytes) -> None:
    assert not has_other_keys(padded(b"\x92" + value + map_of()))
    assert has_other_keys(padded(b"\x92" + value + map_of(key)))
    assert has_other_keys(padded(b"\x82\xa1a" + value + key + value))


@pytest.mark.parametrize("key", OTHERS, ids=bytes.hex)
def test_other_key_is_rejected_before_the_rest_is_decoded(key: bytes) -> None:
    """The end of the map is missing, which the decoder would report."""
    raw = padded(map_of(*STRINGS, key)[:-1])

    with pytest.raises(BadRequestException, match="the key of a map must be a string"):
        decode_msgpack(raw)


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (padded(b"\xc1"), "invalid opcode"),
        (padded(b""), "truncated"),
        (padded(b"\xdf\x00\x00"), "truncated"),
        (padded(b"\xdf\xff\xff\xff\xff"), "truncated"),
        (padded(b"\xdb\xff\xff\xff\xff"), "truncated"),
        (padded(b"\xde"), "truncated"),
        (padded(NIL) + map_of(b"\x01"), "trailing"),
        (b"\xc1" * 1024 + b"\xdf", "invalid opcode"),
    ],
    ids=range(8),
)
def test_error_in_large_body_is_reported_by_the_decoder(raw: bytes, error: str) -> None:
    with pytest.raises(BadRequestException, match=error):
        decode_msgpack(raw)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text()
    | st.binary(),
    lambda parts: st.lists(parts, max_size=20) | st.dictionaries(st.text(), parts, max_size=20),
)
HASHABLE = st.integers(-9, 300) | st.text(max_size=2) | st.binary(max_size=2)
MIXED = st.recursive(
    st.none() | HASHABLE,
    lambda parts: st.lists(parts, max_size=20) | st.dictionaries(HASHABLE, parts, max_size=20),
)


def other_keys(value: Any) -> bool:
    if isinstance(value, dict):
        return any(not isinstance(key, str) for key in value) or any(
            map(other_keys, value.values())
        )
    return isinstance(value, list) and any(map(other_keys, value))


@given(JSON)
def test_values_of_json_have_no_other_keys(value: Any) -> None:
    assert not has_other_keys(padded(msgspec.msgpack.encode(value)))


@given(MIXED)
def test_other_keys_are_found_at_any_depth(value: Any) -> None:
    assert has_other_keys(padded(msgspec.msgpack.encode(value))) is other_keys(value)


def test_large_map_of_strings_is_decoded() -> None:
    value = {f"key {n}": [n, {"a": n}] for n in range(1000)}

    assert decode_msgpack(encode_msgpack(value)) == value
